//! `messaging-health`: asks the server beside it how it is, for images that have neither a shell nor curl.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use messaging_settings::Settings;
use messaging_web::ServerConfig;

/// Within which there must be an answer.
const BOUND: Duration = Duration::from_secs(2);

/// `HTTP/1.1 200`: what is read of an answer.
const STATUS_BYTES: usize = 12;

/// Asks the server at BIND_ADDR on this host whether it is live or ready, and ends with 0 if it is and with 1 if not.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What to ask
    #[arg(default_value = "ready")]
    question: Question,
}

#[derive(Clone, Copy, ValueEnum)]
enum Question {
    Live,
    Ready,
}

impl Question {
    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/health/live",
            Self::Ready => "/health/ready",
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a tool for the terminal, and for what keeps its last words"
)]
fn main() -> ExitCode {
    let Arguments { question } = Arguments::parse();
    let mut settings = Settings::from_env();
    let server = ServerConfig::read(&mut settings);
    if let Err(faults) = settings.finish() {
        return faults.report();
    }
    let address = reachable(server.bind_address);
    match ask(address, question) {
        Ok(status) if status == "200" => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("messaging-health: {} answers {status}", question.path());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("messaging-health: {address} does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where a server that listens on an address can be reached from its own host.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The status of the answer to a question.
///
/// # Errors
/// When there is no answer of HTTP within [`BOUND`].
fn ask(address: SocketAddr, question: Question) -> io::Result<String> {
    let until = Instant::now() + BOUND;
    let mut stream = TcpStream::connect_timeout(&address, BOUND)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let path = question.path();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut head = [0; STATUS_BYTES];
    let mut filled = 0;
    while filled < STATUS_BYTES {
        // Each read has what is left: an answer that trickles takes no longer than one that does not come.
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(&mut head[filled..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    match head.strip_prefix(b"HTTP/1.1 ") {
        Some(status) => Ok(String::from_utf8_lossy(status).into_owned()),
        None => Err(ErrorKind::InvalidData.into()),
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    until
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Asks someone who answers the first connection with this and keeps it open.
    fn answer_of(text: &'static [u8]) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().expect("someone asks");
            peer.write_all(text).expect("it listens");
            // Its end is the asker's.
            let _ = io::copy(&mut peer, &mut io::sink());
        });
        let answer = ask(address, Question::Live);
        server.join().expect("it has not panicked");
        answer
    }

    #[test]
    fn the_status_of_an_answer_is_read() {
        assert_eq!(answer_of(b"HTTP/1.1 200 OK\r\n").expect("one"), "200");
        assert_eq!(answer_of(b"HTTP/1.1 503 Not\r\n").expect("one"), "503");
    }

    #[test]
    fn what_is_no_answer_of_http_is_an_error() {
        let error = answer_of(b"SSH-2.0-OpenSSH_9.2\r\n").expect_err("no HTTP");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn half_an_answer_is_waited_for_no_longer_than_the_bound() {
        let error = answer_of(b"HTTP/1.1 2").expect_err("half an answer");
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{error}"
        );
    }

    #[test]
    fn an_address_of_all_interfaces_is_asked_by_loopback() {
        let check = |given: &str, expected: &str| {
            let given = given.parse().expect("an address");
            assert_eq!(reachable(given).to_string(), expected);
        };
        check("0.0.0.0:8000", "127.0.0.1:8000");
        check("[::]:8000", "[::1]:8000");
        check("127.0.0.2:1", "127.0.0.2:1");
    }
}
