use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster::{Cluster, token};
use crate::socket::{Refused, Socket};

/// Calls at a time while the conversations are made.
const CALLS: usize = 32;

/// Connections at a time that are being made, but for those that come back all at once.
const CONNECTING: usize = 64;

/// The `seq` of the one message of each conversation.
const LAST_SEQ: u64 = 1;

/// How the library waits between attempts: doubling from the first to the last, give or take half.
const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(5);

/// A conversation with one message, and its users.
pub(crate) struct Pair {
    pub(crate) id: String,
    pub(crate) users: [String; 2],
}

/// Makes conversations of users who have no other.
pub(crate) async fn conversations(cluster: &Cluster, name: &str, count: usize) -> Vec<Pair> {
    let make = |number| async move {
        let contract = format!("{name}-{number}");
        let users = ["client", "freelancer"].map(|role| format!("{contract}-{role}"));
        cluster.put_contract(&contract, &users[0], &users[1]).await;
        let body = json!({ "contractId": contract, "content": "first" });
        let sender = token(&users[0], None);
        let message = cluster.post("/api/messages", &sender, body).await;
        let message = message.expect("the first message is taken");
        let id = message["conversationId"].as_str().expect("an id");
        Pair {
            id: id.to_owned(),
            users,
        }
    };
    let pairs = stream::iter(0..count).map(make).buffered(CALLS);
    pairs.collect().await
}

/// Connections that say nothing but pongs, each of a user of its own who has joined a conversation.
pub(crate) struct Fleet {
    returns: watch::Sender<usize>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    tasks: JoinSet<()>,
}

/// A connection is there and has joined.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) failed_attempts: usize,
    pub(crate) is_recovered: bool,
}

/// How a connection that was cut comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// It goes on, by the recovery of its state.
    Recovered,
    /// It joins anew, with `afterSeq`.
    Anew,
}

struct Seat {
    token: String,
    conversation: String,
    /// By turns: after each return another one.
    gateways: Vec<String>,
}

impl Fleet {
    /// Connects both users of each conversation, the client to the first gateway and the freelancer to the next.
    pub(crate) async fn connect(pairs: &[Pair], gateways: &[String], way: Return) -> Self {
        let (returns, orders) = watch::channel(0);
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let places = Arc::new(Semaphore::new(CONNECTING));
        for pair in pairs {
            for (index, user) in pair.users.iter().enumerate() {
                let (before, from) = gateways.split_at(index % gateways.len());
                let gateways = [from, before].concat();
                let seat = Seat {
                    token: token(user, None),
                    conversation: pair.id.clone(),
                    gateways,
                };
                let (places, orders) = (Arc::clone(&places), orders.clone());
                tasks.spawn(seat.stay(places, orders, arrived.clone(), way));
            }
        }
        let mut fleet = Self {
            returns,
            arrivals,
            tasks,
        };
        fleet.all().await;
        fleet
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Cuts all connections at once, which come back at once, and waits until each is there again.
    pub(crate) async fn cut(&mut self) -> Vec<Arrival> {
        self.returns.send_modify(|turn| *turn += 1);
        self.all().await
    }

    /// Whether none has been lost.
    pub(crate) fn is_whole(&mut self) -> bool {
        self.tasks.try_join_next().is_none()
    }

    async fn all(&mut self) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        while arrivals.len() < self.tasks.len() {
            tokio::select! {
                Some(arrival) = self.arrivals.recv() => arrivals.push(arrival),
                Some(lost) = self.tasks.join_next() => panic!("a connection is lost: {lost:?}"),
            }
        }
        arrivals
    }
}

impl Seat {
    async fn stay(
        self,
        places: Arc<Semaphore>,
        mut orders: watch::Receiver<usize>,
        arrived: mpsc::UnboundedSender<Arrival>,
        way: Return,
    ) {
        let place = places.acquire().await;
        let mut socket = self.arrive(&self.gateways[0], None).await;
        drop(place);
        let mut failed_attempts = 0;
        loop {
            let arrival = Arrival {
                at: Instant::now(),
                failed_attempts,
                is_recovered: socket.as_ref().is_ok_and(Socket::is_recovered),
            };
            let mut connected = socket.expect("it was tried until it was there");
            // Nobody listens once it is over.
            let _over = arrived.send(arrival);
            loop {
                tokio::select! {
                    _event = connected.next() => {}
                    Ok(()) = orders.changed() => break,
                }
            }
            let turn = *orders.borrow_and_update();
            let pid = connected.pid().map(str::to_owned);
            let pid = pid.filter(|_| way == Return::Recovered);
            drop(connected);
            failed_attempts = 0;
            let gateway = |attempt| &self.gateways[(turn + attempt) % self.gateways.len()];
            socket = self.arrive(gateway(0), pid.as_deref()).await;
            while socket.is_err() {
                tokio::time::sleep(self.delay(failed_attempts)).await;
                failed_attempts += 1;
                socket = self.arrive(gateway(failed_attempts), pid.as_deref()).await;
            }
        }
    }

    async fn arrive(&self, gateway: &str, pid: Option<&str>) -> Result<Socket, Refused> {
        let mut socket = Socket::try_connect(gateway, &self.token, pid).await?;
        if !socket.is_recovered() {
            let join = match pid {
                Some(_) => json!({ "conversationId": self.conversation, "afterSeq": LAST_SEQ }),
                None => json!({ "conversationId": self.conversation }),
            };
            let ack = socket.call("join_conversation", &join).await;
            assert!(ack.contains(r#""ok":true"#), "{ack}");
        }
        Ok(socket)
    }

    /// Another one for each connection, and the same in each run.
    fn delay(&self, failed_attempts: usize) -> Duration {
        let doubled = DELAY_MIN * 2_u32.pow(u32::try_from(failed_attempts).unwrap_or(3).min(3));
        let spread = self.conversation.bytes().fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        let half_to_one_and_a_half = 0.5 + f64::from(spread % 1000) / 1000.0;
        doubled.min(DELAY_MAX).mul_f64(half_to_one_and_a_half)
    }
}
