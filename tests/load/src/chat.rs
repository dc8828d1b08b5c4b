use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::database::Database;
use crate::report;
use crate::schedule::{self, Turns};
use crate::socket::{Incoming, Socket};
use crate::usage::Usage;

/// Latencies are kept up to this, in microseconds.
const MICROS_MAX: u64 = 60_000_000;

/// How long deliveries may take after the last send.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Chats of pairs over two gateways: as fast as they go, and on a schedule
#[derive(Args)]
pub(crate) struct Arguments {
    /// Conversations, with two connected users each
    #[arg(long, default_value_t = 128)]
    conversations: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before each measurement in which nothing is counted
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Messages a second, all senders together, of the open loop
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Bytes of a message's text
    #[arg(long, default_value_t = 200)]
    text_bytes: usize,
}

/// Measures and prints; false if a message was lost, doubled or swapped, or the safety was off.
pub(crate) async fn measure(arguments: &Arguments) -> bool {
    let cluster = Cluster::start().await;
    let database = Database::of(&cluster).await;
    let mut is_whole = true;
    let per_second = arguments.rate;
    for (name, load) in [
        ("closed", Load::Closed),
        ("open", Load::Open { per_second }),
    ] {
        let plan = Plan {
            name,
            load,
            conversations: arguments.conversations,
            warm_up: Duration::from_secs(arguments.warm_up),
            text_bytes: arguments.text_bytes,
        };
        let time = Duration::from_secs(arguments.seconds);
        // A `sleep` of its own would begin here, before anybody is connected.
        let outcome = run(&cluster, &plan, async { tokio::time::sleep(time).await }).await;
        is_whole &= outcome.is_whole();
        report::chat(&plan, &outcome);
    }
    let safety = database.safety().await;
    report::safety(&safety);
    is_whole && safety.is_on()
}

/// What to do.
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) load: Load,
    pub(crate) conversations: usize,
    pub(crate) warm_up: Duration,
    pub(crate) text_bytes: usize,
}

/// When senders send.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// Each one as soon as its last message is acked.
    Closed,
    /// On a schedule, whatever the answers; times count from the schedule, so that waiting is not left out.
    Open { per_second: u32 },
}

/// What happened.
pub(crate) struct Outcome {
    pub(crate) acked: u64,
    pub(crate) refused: u64,
    pub(crate) lost: u64,
    pub(crate) out_of_order: u64,
    pub(crate) ack_micros: Histogram<u64>,
    pub(crate) delivery_micros: Histogram<u64>,
    /// How late a turn of the schedule was taken, which is in the other times.
    pub(crate) late_micros: Histogram<u64>,
    pub(crate) usage: Usage,
    pub(crate) time: Duration,
}

impl Outcome {
    /// Acked messages a second.
    pub(crate) fn rate(&self) -> f64 {
        self.acked as f64 / self.time.as_secs_f64()
    }

    /// Whether every acked message was delivered once and in order.
    pub(crate) const fn is_whole(&self) -> bool {
        self.lost == 0 && self.out_of_order == 0 && self.refused == 0
    }
}

/// What all users of a run share.
struct Run {
    started: Instant,
    counts_from: Duration,
    ends: OnceLock<Duration>,
    /// Acked messages of each conversation, those of the warm-up included.
    acked: Vec<AtomicU64>,
    /// All have sent.
    sent: Barrier,
}

impl Run {
    /// Whether what was due or happened at a time is measured.
    fn counts(&self, at: Duration) -> bool {
        at >= self.counts_from && self.ends.get().is_none_or(|ends| at < *ends)
    }
}

/// What one user saw.
struct Seen {
    acked: u64,
    refused: u64,
    last_seq: u64,
    out_of_order: u64,
    ack_micros: Histogram<u64>,
    delivery_micros: Histogram<u64>,
    late_micros: Histogram<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMessage<'a> {
    seq: u64,
    #[serde(borrow)]
    sender_id: &'a str,
    #[serde(borrow)]
    content: &'a str,
}

struct User {
    name: String,
    conversation: usize,
    id: String,
    socket: Socket,
    joined_at: u64,
    text: String,
}

/// Runs a plan on a cluster: counts from the end of the warm-up for as long as `meanwhile` takes.
pub(crate) async fn run(
    cluster: &Cluster,
    plan: &Plan<'_>,
    meanwhile: impl Future<Output = ()>,
) -> Outcome {
    let users = connect(cluster, plan).await;
    let user_count = users.len();
    let run = Arc::new(Run {
        started: Instant::now(),
        counts_from: plan.warm_up,
        ends: OnceLock::new(),
        acked: (0..plan.conversations).map(|_| AtomicU64::new(0)).collect(),
        sent: Barrier::new(user_count),
    });
    let mut tasks = JoinSet::new();
    let schedule = match plan.load {
        Load::Closed => Vec::new(),
        Load::Open { per_second } => {
            schedule::start(run.started.into_std(), user_count, per_second)
        }
    };
    let mut turns = schedule.into_iter();
    for user in users {
        tasks.spawn(user.chat(Arc::clone(&run), turns.next()));
    }
    tokio::time::sleep_until(run.started + run.counts_from).await;
    let before = Usage::now();
    meanwhile.await;
    let usage = Usage::now().since(&before);
    let ends = *run.ends.get_or_init(|| run.started.elapsed());
    summarise(&run, tasks.join_all().await, usage, ends - run.counts_from)
}

async fn connect(cluster: &Cluster, plan: &Plan<'_>) -> Vec<User> {
    let mut users = Vec::new();
    for conversation in 0..plan.conversations {
        let contract = format!("{}-{conversation}", plan.name);
        let names = [
            format!("{contract}-client"),
            format!("{contract}-freelancer"),
        ];
        cluster.put_contract(&contract, &names[0], &names[1]).await;
        let mut id = String::new();
        for (index, name) in names.into_iter().enumerate() {
            let mut socket = Socket::connect(&cluster.gateway(index), &name).await;
            if index == 0 {
                let ack = socket
                    .call(
                        "create_message",
                        &json!({ "contractId": contract, "content": "first" }),
                    )
                    .await;
                let ack: serde_json::Value = serde_json::from_str(&ack).expect("JSON");
                id = ack[0]["conversation"]["id"]
                    .as_str()
                    .expect("an id")
                    .to_owned();
            } else {
                let ack = socket
                    .call("join_conversation", &json!({ "conversationId": id }))
                    .await;
                assert!(ack.contains(r#""ok":true"#), "{ack}");
            }
            users.push(User {
                name,
                conversation,
                id: id.clone(),
                socket,
                joined_at: 1,
                text: "x".repeat(plan.text_bytes),
            });
        }
    }
    users
}

impl User {
    async fn chat(mut self, run: Arc<Run>, mut turns: Option<Turns>) -> Seen {
        let mut seen = Seen {
            acked: 0,
            refused: 0,
            last_seq: self.joined_at,
            out_of_order: 0,
            ack_micros: histogram(),
            delivery_micros: histogram(),
            late_micros: histogram(),
        };
        let mut waiting: BTreeMap<u64, Duration> = BTreeMap::new();
        while run.ends.get().is_none() {
            let may_send = waiting.is_empty();
            let turn = async {
                match &mut turns {
                    Some(turns) => turns.recv().await,
                    None if may_send => Some(run.started.elapsed()),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                incoming = self.socket.next() => self.take(incoming, &run, &mut seen, &mut waiting),
                at = turn => {
                    // The schedule ends when somebody has seen that the time is over.
                    let Some(at) = at else { break };
                    if turns.is_some() && run.counts(at) {
                        let late = run.started.elapsed().saturating_sub(at);
                        seen.late_micros.saturating_record(micros(late));
                    }
                    let content = format!("{} {}", at.as_micros(), self.text);
                    let id = self.socket.emit("send_message", &json!({ "conversationId": self.id, "content": content })).await;
                    waiting.insert(id, at);
                }
            }
        }
        drop(turns);
        self.settle(&run, &mut seen, &mut waiting).await;
        seen
    }

    /// Takes what is still on its way: first the acknowledgements, then, when all users have theirs, the messages.
    async fn settle(&mut self, run: &Run, seen: &mut Seen, waiting: &mut BTreeMap<u64, Duration>) {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        while !waiting.is_empty() {
            match tokio::time::timeout_at(deadline, self.socket.next()).await {
                Ok(incoming) => self.take(incoming, run, seen, waiting),
                Err(_) => break,
            }
        }
        seen.refused += waiting.len() as u64;
        let mut all_sent = Box::pin(run.sent.wait());
        loop {
            tokio::select! {
                _ = &mut all_sent => break,
                incoming = self.socket.next() => self.take(incoming, run, seen, waiting),
            }
        }
        let last = self.joined_at + run.acked[self.conversation].load(Ordering::SeqCst);
        while seen.last_seq < last {
            match tokio::time::timeout_at(deadline, self.socket.next()).await {
                Ok(incoming) => self.take(incoming, run, seen, waiting),
                Err(_) => break,
            }
        }
    }

    fn take(
        &self,
        incoming: Incoming,
        run: &Run,
        seen: &mut Seen,
        waiting: &mut BTreeMap<u64, Duration>,
    ) {
        let now = run.started.elapsed();
        match incoming {
            Incoming::Ack(id, json) => {
                let Some(at) = waiting.remove(&id) else {
                    return;
                };
                if !json.starts_with(r#"[{"ok":true"#) {
                    seen.refused += 1;
                    return;
                }
                run.acked[self.conversation].fetch_add(1, Ordering::SeqCst);
                if run.counts(now) {
                    seen.acked += 1;
                }
                if run.counts(at) {
                    seen.ack_micros
                        .saturating_record(micros(now.saturating_sub(at)));
                }
            }
            Incoming::Event(name, data) if name == "new_message" => {
                let message: NewMessage<'_> = serde_json::from_str(data.get()).expect("a message");
                if message.seq == seen.last_seq + 1 {
                    seen.last_seq = message.seq;
                } else {
                    seen.out_of_order += 1;
                }
                let sent_at = message
                    .content
                    .split(' ')
                    .next()
                    .and_then(|text| text.parse().ok())
                    .map(Duration::from_micros);
                if let Some(at) =
                    sent_at.filter(|at| run.counts(*at) && message.sender_id != self.name)
                {
                    seen.delivery_micros
                        .saturating_record(micros(now.saturating_sub(at)));
                }
            }
            Incoming::Event(..) => {}
        }
    }
}

fn summarise(run: &Run, users: Vec<Seen>, usage: Usage, time: Duration) -> Outcome {
    let mut outcome = Outcome {
        acked: 0,
        refused: 0,
        lost: 0,
        out_of_order: 0,
        ack_micros: histogram(),
        delivery_micros: histogram(),
        late_micros: histogram(),
        usage,
        time,
    };
    for seen in &users {
        outcome.acked += seen.acked;
        outcome.refused += seen.refused;
        outcome.out_of_order += seen.out_of_order;
        let all = [
            (&mut outcome.ack_micros, &seen.ack_micros),
            (&mut outcome.delivery_micros, &seen.delivery_micros),
            (&mut outcome.late_micros, &seen.late_micros),
        ];
        for (all, one) in all {
            all.add(one).expect("the same bounds");
        }
    }
    // Each message is for both users of its conversation, its sender included.
    let expected: u64 = run
        .acked
        .iter()
        .map(|acked| 2 * acked.load(Ordering::SeqCst))
        .sum();
    let received: u64 = users.iter().map(|seen| seen.last_seq - 1).sum();
    outcome.lost = expected.saturating_sub(received);
    outcome
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(MICROS_MAX, 3).expect("valid bounds")
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
