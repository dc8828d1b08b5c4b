//! The lines that a service writes, and the address that it is bound to among them.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::watch;

/// Older lines are forgotten.
const LINES_MAX: usize = 20_000;

/// The lines of both outputs, collected as they come.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceLog {
    state: Arc<Mutex<State>>,
    /// How many outputs have not ended.
    open: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    address: Option<SocketAddr>,
}

impl ServiceLog {
    /// Collects an output until its end.
    pub(crate) fn collect(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        log.open.send_modify(|open| *open += 1);
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                log.push(String::from_utf8_lossy(&line).into_owned());
            }
            log.open.send_modify(|open| *open -= 1);
        });
    }

    /// Waits for the last line of a service that has ended, unless a child of its own holds an output open.
    pub(crate) async fn ended(&self) {
        const BOUND: Duration = Duration::from_secs(2);
        let mut open = self.open.subscribe();
        let _held_open = tokio::time::timeout(BOUND, open.wait_for(|open| *open == 0)).await;
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.lock().address
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.iter().cloned().collect()
    }

    fn push(&self, line: String) {
        let mut state = self.lock();
        if state.address.is_none() {
            state.address = find_address(&line);
        }
        if state.lines.len() == LINES_MAX {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the field `address` of a line in either log format, as an address to connect to.
fn find_address(line: &str) -> Option<SocketAddr> {
    line.match_indices("address").find_map(|(start, key)| {
        let value = line[start + key.len()..].trim_start_matches(['"', ':', '=', ' ']);
        let end = value.find(['"', ' ', ',', '}']).unwrap_or(value.len());
        let address: SocketAddr = value[..end].parse().ok()?;
        Some(match address.ip().is_unspecified() {
            true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
            false => address,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_either_format() {
        let check = |line, expected: Option<&str>| {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(find_address(line), expected, "{line}");
        };
        check(
            r#"{"message":"listening","address":"127.0.0.1:8000"}"#,
            Some("127.0.0.1:8000"),
        );
        check(
            r#"{"fields":{"address": "0.0.0.0:81", "a": 1}}"#,
            Some("127.0.0.1:81"),
        );
        check(
            "INFO listening address=127.0.0.1:9 gateway=a",
            Some("127.0.0.1:9"),
        );
        check(r#"INFO listening address="[::1]:9""#, Some("[::1]:9"));
        check("cannot resolve the address of nats", None);
        check("", None);
    }
}
