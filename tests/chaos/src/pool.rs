//! Servers that take turns behind a front, and whether each is given new connections.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// How a front asks its servers, as deploy/local/haproxy.cfg.template has it: a server that stops being ready is left out
/// after half a second to a second.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_BOUND: Duration = Duration::from_secs(1);

/// Servers that take turns. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Mutex<Turns>>);

struct Turns {
    servers: Vec<Server>,
    next: usize,
}

#[derive(Clone, Copy)]
struct Server {
    address: SocketAddr,
    /// Whether it is given new connections.
    is_in: bool,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ready,
    /// It says that it is not, or takes no connection.
    NotReady,
    Silence,
}

impl Pool {
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Self {
        let servers = servers.into_iter().map(|address| Server {
            address,
            is_in: true,
        });
        Self(Arc::new(Mutex::new(Turns {
            servers: servers.collect(),
            next: 0,
        })))
    }

    /// Asks each server from now on whether it is ready, until what is returned is dropped.
    pub(crate) fn watch(&self) -> JoinSet<()> {
        let mut watching = JoinSet::new();
        for place in 0..self.turns().servers.len() {
            watching.spawn(watch(self.clone(), place));
        }
        watching
    }

    /// Puts a server that was started anew in its place. It is given nothing before it is seen to be ready.
    pub(crate) fn replace(&self, place: usize, address: SocketAddr) {
        self.turns().servers[place] = Server {
            address,
            is_in: false,
        };
    }

    /// Whether the server of a place is given new connections.
    pub(crate) fn is_in(&self, place: usize) -> bool {
        self.turns().servers[place].is_in
    }

    /// Connects to the one whose turn it is or, if that is down, to the next.
    pub(crate) async fn connect(&self) -> Option<TcpStream> {
        for server in self.take_turn() {
            if let Ok(stream) = TcpStream::connect(server).await {
                return Some(stream);
            }
        }
        None
    }

    /// Those that are in, the one whose turn it is first; then the others, as they are all there is when none is in.
    fn take_turn(&self) -> Vec<SocketAddr> {
        let mut turns = self.turns();
        let (mut those_in, mut others) = (Vec::new(), Vec::new());
        for offset in 0..turns.servers.len() {
            let place = (turns.next + offset) % turns.servers.len();
            let server = turns.servers[place];
            match server.is_in {
                true => those_in.push((place, server.address)),
                false => others.push((place, server.address)),
            }
        }
        those_in.append(&mut others);
        // The next turn is that of the one after it, so that who is left out does not give his turns to one neighbour.
        if let Some((place, _)) = those_in.first() {
            turns.next = (place + 1) % turns.servers.len();
        }
        those_in.into_iter().map(|(_, address)| address).collect()
    }

    fn address(&self, place: usize) -> SocketAddr {
        self.turns().servers[place].address
    }

    fn note(&self, place: usize, address: SocketAddr, answer: Answer) {
        let server = &mut self.turns().servers[place];
        // Another one may be there by now.
        if server.address != address {
            return;
        }
        match answer {
            Answer::Ready => server.is_in = true,
            Answer::NotReady => server.is_in = false,
            // A front that lost patience would spare clients what a stopped server does to them.
            Answer::Silence => {}
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn watch(pool: Pool, place: usize) {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let address = pool.address(place);
        let answer = timeout(ANSWER_BOUND, ask(address)).await;
        pool.note(place, address, answer.unwrap_or(Answer::Silence));
    }
}

async fn ask(server: SocketAddr) -> Answer {
    const GOOD: &[u8] = b"HTTP/1.1 200";
    let request =
        format!("GET /health/ready HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n");
    let asked = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; GOOD.len()];
        stream.read_exact(&mut status).await?;
        std::io::Result::Ok(status == GOOD)
    };
    match asked.await {
        Ok(true) => Answer::Ready,
        Ok(false) | Err(_) => Answer::NotReady,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn pool() -> Pool {
        Pool::new(vec![address(1), address(2), address(3)])
    }

    fn ports(pool: &Pool) -> Vec<u16> {
        pool.take_turn().iter().map(SocketAddr::port).collect()
    }

    #[test]
    fn those_that_are_in_take_turns_and_the_others_are_the_last_resort() {
        let pool = pool();
        assert_eq!(ports(&pool), [1, 2, 3]);
        assert_eq!(ports(&pool), [2, 3, 1]);
        pool.replace(2, address(4));
        assert_eq!(ports(&pool), [1, 2, 4]);
        assert_eq!(ports(&pool), [2, 1, 4]);
        assert_eq!(ports(&pool), [1, 2, 4]);
    }

    #[test]
    fn a_server_is_out_when_it_is_not_ready_and_in_again_when_it_is() {
        let check = |answers: &[Answer], is_in| {
            let pool = pool();
            for answer in answers {
                pool.note(0, address(1), *answer);
            }
            assert_eq!(pool.is_in(0), is_in, "{answers:?}");
        };
        use Answer::{NotReady, Ready, Silence};
        check(&[NotReady], false);
        check(&[NotReady, Silence], false);
        check(&[Silence, Silence, Silence], true);
        check(&[NotReady, Ready], true);
    }

    #[test]
    fn a_server_that_was_started_anew_is_in_once_it_is_ready_itself() {
        let pool = pool();
        pool.replace(0, address(4));
        assert!(!pool.is_in(0));
        pool.note(0, address(1), Answer::Ready);
        assert!(!pool.is_in(0));
        pool.note(0, address(4), Answer::Ready);
        assert!(pool.is_in(0));
    }
}
