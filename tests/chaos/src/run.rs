//! One run: clients, load, a fault, quiet, and the verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use messaging_lifecycle::now;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{
    clients::{Clients, Places},
    cluster::Cluster,
    fault::Fault,
    history::{Entry, Event, Millis},
    measure::{self, Connecting},
    oracle::{Evidence, Kind, Violation, judge},
    plan::{Plan, Size},
    rest::Rest,
};

/// The load before the fault, and after it.
const BEFORE_MS: (u64, u64) = (2_000, 4_000);
const AFTER: Duration = Duration::from_secs(4);
/// Within which all devices have connected and joined, and what each of them adds to that.
const CONNECT_BOUND: Duration = Duration::from_secs(30);
const CONNECT_BOUND_OF_ONE: Duration = Duration::from_millis(60);
/// Within which everything that was begun has to be finished after the load.
const FINISH_BOUND: Duration = Duration::from_secs(70);
/// So long may an attempt that nobody waits for any longer still be carried out: both services have given it up by then.
const OPEN_MS: Millis = 12_000;
const OPEN_BOUND: Duration = Duration::from_secs(20);
/// How often everything is read until nothing happens meanwhile.
const READINGS_MAX: usize = 5;
/// Calls by which things are read at the same time.
const READ_AT_ONCE: usize = 8;
/// Within which every device has to have what is stored when all else is finished.
const ARRIVE_BOUND: Duration = Duration::from_secs(20);
/// Within which presence has to be the truth.
const PRESENCE_BOUND: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// What one run showed.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: usize,
    pub(crate) acked: usize,
    pub(crate) violations: Vec<Violation>,
    pub(crate) silence: Duration,
    /// None if it did not heal.
    pub(crate) healing: Option<Duration>,
    pub(crate) connecting: Connecting,
}

impl Outcome {
    /// That of a run in which nothing goes on.
    pub(crate) fn stuck(waits_for: Vec<String>) -> Self {
        let stuck = |what| Violation {
            kind: Kind::Stuck,
            what,
        };
        Self {
            violations: waits_for.into_iter().map(stuck).collect(),
            ..Self::default()
        }
    }
}

/// Runs a fault on a cluster that is well. `name` is no other run's on it; the history goes into `folder`.
pub(crate) async fn run(
    cluster: &mut Cluster,
    (fault, seed): (Fault, u64),
    name: &str,
    size: &Size,
    folder: &Path,
) -> Outcome {
    let rest = Rest::new(cluster.api_url());
    let plan = Plan::make(name, seed, size, &rest).await;
    let places = Places {
        front: cluster.gateway_url(),
        api: cluster.api_url(),
    };
    let file = folder.join("history.jsonl");
    let mut clients = Clients::start(&plan, (size, seed), &places, &file).await;
    let bound = CONNECT_BOUND + CONNECT_BOUND_OF_ONE * plan.devices.len() as u32;
    if !within(bound, async || clients.waits_for().is_empty()).await {
        return Outcome::stuck(clients.waits_for());
    }
    clients.order("send").await;
    let mut random = StdRng::seed_from_u64(seed ^ 0x00c0_ffee);
    sleep(Duration::from_millis(
        random.random_range(BEFORE_MS.0..BEFORE_MS.1),
    ))
    .await;
    fault.happen(cluster, &mut random).await;
    let ended = now().millis();
    sleep(AFTER).await;
    clients.order("stop").await;

    let mut evidence = gather(cluster, &rest, &mut clients, plan).await;
    evidence.attempts = fault.attempts(cluster);
    summarise(&evidence, ended)
}

/// Waits until all is quiet, and reads what there is to know.
async fn gather(cluster: &Cluster, rest: &Rest, clients: &mut Clients, plan: Plan) -> Evidence {
    let mut evidence = Evidence {
        plan,
        ..Evidence::default()
    };
    let finished = within(FINISH_BOUND, async || clients.waits_for().is_empty()).await;
    if !finished {
        evidence.unfinished = clients.waits_for();
    }
    cluster.ready().await;
    let _over = within(OPEN_BOUND, async || {
        let last = clients.with_history(last_open_attempt);
        last.is_none_or(|t| now().millis() > t + OPEN_MS)
    })
    .await;
    for _ in 0..READINGS_MAX {
        let before = clients.with_history(<[Entry]>::len);
        read(rest, clients, &mut evidence).await;
        // What happened while it was read may be in one part of it and not in another.
        if clients.with_history(<[Entry]>::len) == before {
            break;
        }
    }
    evidence.history = clients.with_history(<[Entry]>::to_vec);
    evidence
}

/// When the last attempt to send began of which nobody knows what became of it.
fn last_open_attempt(history: &[Entry]) -> Option<Millis> {
    let mut open: BTreeMap<&str, (Millis, i32)> = BTreeMap::new();
    for entry in history {
        let (key, change) = match &entry.event {
            Event::Sending { key, .. } => (key, 1),
            Event::Acked { key, .. } | Event::Failed { key, .. } => (key, -1),
            _ => continue,
        };
        let attempts = open.entry(key).or_insert((entry.t, 0));
        attempts.1 += change;
        if change > 0 {
            attempts.0 = entry.t;
        }
    }
    let open = open.into_values().filter(|(_, count)| *count > 0);
    open.map(|(t, _)| t).max()
}

/// Reads what is stored and who is there, once everyone has what is stored.
async fn read(rest: &Rest, clients: &Clients, evidence: &mut Evidence) {
    let logs = stream::iter(&evidence.plan.conversations).map(async |conversation| {
        let log = rest.log(&conversation.id, &conversation.users[0]).await;
        (conversation.id.clone(), log)
    });
    evidence.logs = logs.buffered(READ_AT_ONCE).collect().await;
    // The verdict says who lacks what.
    let _arrived = within(ARRIVE_BOUND, async || have_all(clients, evidence)).await;
    let lists = stream::iter(evidence.plan.users()).map(async |user| {
        let list = rest.conversations(&user).await;
        (user, list)
    });
    evidence.lists = lists.buffered(READ_AT_ONCE).collect().await;
    let _true = within(PRESENCE_BOUND, async || {
        evidence.presence = presence(&evidence.plan, rest).await;
        let mut told = evidence.presence.iter();
        told.all(|(user, is_online)| evidence.plan.is_online_at_the_end(user) == *is_online)
    })
    .await;
}

fn have_all(clients: &Clients, evidence: &Evidence) -> bool {
    let mut devices = evidence
        .plan
        .devices
        .iter()
        .filter(|device| !device.ends_offline);
    devices.all(|device| {
        device.conversations.iter().all(|place| {
            let log = &evidence.logs[&place.id];
            clients.last_seen(&device.id, &place.id) >= log.last().map_or(0, |last| last.seq)
        })
    })
}

/// Who is online, as the other party of a conversation is told.
async fn presence(plan: &Plan, rest: &Rest) -> BTreeMap<String, bool> {
    let mut askers: BTreeMap<&String, &String> = BTreeMap::new();
    for conversation in &plan.conversations {
        let [client, freelancer] = &conversation.users;
        askers.insert(freelancer, client);
        askers.insert(client, freelancer);
    }
    let told = stream::iter(askers).map(async |(asked, asker)| {
        let told = rest.presence(asker, std::slice::from_ref(asked)).await;
        stream::iter(told)
    });
    told.buffered(READ_AT_ONCE).flatten().collect().await
}

fn summarise(evidence: &Evidence, ended: Millis) -> Outcome {
    let count = |is: fn(&Event) -> Option<&str>| {
        let events = evidence.history.iter().map(|Entry { event, .. }| event);
        let keys: BTreeSet<&str> = events.filter_map(is).collect();
        keys.len()
    };
    Outcome {
        sent: count(|event| match event {
            Event::Sending { key, .. } => Some(key),
            _ => None,
        }),
        acked: count(|event| match event {
            Event::Acked { key, .. } => Some(key),
            _ => None,
        }),
        violations: judge(evidence),
        silence: measure::silence(&evidence.history),
        healing: measure::healing(&evidence.plan, &evidence.history, ended),
        connecting: measure::connecting(&evidence.plan, &evidence.history),
    }
}

/// Whether something holds within a bound.
async fn within(bound: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let ends = Instant::now() + bound;
    loop {
        if holds().await {
            return true;
        }
        if Instant::now() > ends {
            return false;
        }
        sleep(POLL).await;
    }
}
