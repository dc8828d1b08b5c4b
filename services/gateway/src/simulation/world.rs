//! What happens in a simulation: the log, what the gateways do with it, and what must not happen.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use messaging_domain::ConversationId;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};

use super::application::App;
use super::network::{Network, Reach};

/// The conversations that there are.
pub(super) const CONVERSATIONS: [ConversationId; 2] = [
    ConversationId::from_bytes([1; 12]),
    ConversationId::from_bytes([2; 12]),
];

/// How long it takes until everyone was told of what got lost on its way.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a gateway may be cut off.
const CUT_OFF_SECONDS_MAX: u64 = 300;

/// Everything that one seed makes.
pub(super) struct World {
    pub(super) network: Arc<Network>,
    state: Mutex<State>,
    began: Instant,
    tells: bool,
}

struct State {
    rng: StdRng,
    apps: Vec<Weak<App>>,
    /// How many messages the log of each conversation has.
    heads: [u64; CONVERSATIONS.len()],
    notes: u64,
    attempts: HashMap<u64, Attempt>,
    is_settling: bool,
    fault: Option<String>,
    trace: Vec<String>,
    counts: Counts,
}

/// A session of a client, from its handshake to its end, wherever it is served.
#[derive(Default)]
struct Attempt {
    owners: Vec<usize>,
    applied: u64,
}

/// What came to pass, so that a run can show that it was worth it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) attempts: u64,
    pub(super) moved: u64,
    /// Moves that ended the session.
    pub(super) failed: u64,
    pub(super) recovered: u64,
    pub(super) began_anew: u64,
    pub(super) deaths: u64,
    pub(super) messages: u64,
    pub(super) events: u64,
}

impl World {
    pub(super) fn new(seed: u64, network: Arc<Network>, tells: bool) -> Arc<Self> {
        Arc::new(Self {
            network,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed),
                apps: Vec::new(),
                heads: [0; CONVERSATIONS.len()],
                notes: 0,
                attempts: HashMap::new(),
                is_settling: false,
                fault: None,
                trace: Vec::new(),
                counts: Counts::default(),
            }),
            began: Instant::now(),
            tells,
        })
    }

    pub(super) fn add(&self, app: &Arc<App>) {
        self.state.lock().apps.push(Arc::downgrade(app));
    }

    /// Notes that something must not have happened; the first one counts.
    pub(super) fn fault(&self, what: String) {
        self.tell(|| format!("FAULT: {what}"));
        self.state.lock().fault.get_or_insert(what);
    }

    pub(super) fn take_fault(&self) -> Option<String> {
        self.state.lock().fault.take()
    }

    /// Notes what happens, if this seed is looked at by itself.
    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            let line = format!("{:8.3} {}", self.began.elapsed().as_secs_f64(), what());
            self.state.lock().trace.push(line);
        }
    }

    pub(super) fn trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().trace)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state.lock().counts);
    }

    pub(super) fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    pub(super) fn chance(&self, probability: f64) -> bool {
        self.state.lock().rng.random_bool(probability)
    }

    pub(super) fn number(&self, range: std::ops::Range<u64>) -> u64 {
        self.state.lock().rng.random_range(range)
    }

    pub(super) fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    /// From here on nothing new goes wrong, and nothing is stored.
    pub(super) fn settle(&self) {
        self.state.lock().is_settling = true;
        self.network.calm_down();
        self.tell(|| "calm from here on".to_owned());
    }

    pub(super) fn is_settling(&self) -> bool {
        self.state.lock().is_settling
    }

    pub(super) fn head(&self, conversation: usize) -> u64 {
        self.state.lock().heads[conversation]
    }

    pub(super) fn kill(&self, gateway: usize) {
        self.network.kill(gateway);
        self.tell(|| format!("gateway {gateway} dies"));
    }

    pub(super) fn is_dead(&self, gateway: usize) -> bool {
        self.network.reach(gateway) == Reach::Dead
    }

    fn apps(&self) -> Vec<Arc<App>> {
        let state = self.state.lock();
        state.apps.iter().filter_map(Weak::upgrade).collect()
    }

    /// Stores a message; each gateway hears of it by itself, sooner or later.
    pub(super) fn store(self: &Arc<Self>) {
        let conversation = self.number(0..CONVERSATIONS.len() as u64) as usize;
        let seq = {
            let mut state = self.state.lock();
            state.counts.messages += 1;
            state.heads[conversation] += 1;
            state.heads[conversation]
        };
        for app in self.apps() {
            let is_lost = self.chance(0.05);
            let (world, delay) = (Arc::clone(self), self.network.delay());
            self.network.wires().spawn("event", async move {
                sleep(if is_lost { TOLD_AGAIN_AFTER } else { delay }).await;
                for _ in 0..CUT_OFF_SECONDS_MAX {
                    match world.network.reach(app.gateway()) {
                        Reach::Connected => return app.message(conversation, seq),
                        Reach::CutOff => sleep(Duration::from_secs(1)).await,
                        Reach::Dead => return,
                    }
                }
            });
        }
    }

    /// Sends a notification, which nobody tells of again: not while a gateway is cut off.
    pub(super) fn notify(&self) {
        let apps = self.apps();
        let reach = |app: &Arc<App>| self.network.reach(app.gateway());
        if apps.iter().any(|app| reach(app) == Reach::CutOff) {
            return;
        }
        let note = {
            let mut state = self.state.lock();
            state.notes += 1;
            state.notes
        };
        for app in apps {
            app.note(note);
        }
    }

    /// A gateway's application serves a session from here on.
    pub(super) fn owns(&self, gateway: usize, attempt: u64) {
        self.tell(|| format!("gateway {gateway} owns session {attempt}"));
        let others: Vec<_> = {
            let mut state = self.state.lock();
            let owners = &mut state.attempts.entry(attempt).or_default().owners;
            let others = owners.clone();
            owners.push(gateway);
            others
        };
        if let Some(other) = others.into_iter().find(|other| !self.is_dead(*other)) {
            self.fault(format!(
                "gateways {other} and {gateway} both own session {attempt}"
            ));
        }
    }

    /// It does not any more.
    pub(super) fn lets_go(&self, gateway: usize, attempt: u64) {
        self.tell(|| format!("gateway {gateway} lets go of session {attempt}"));
        let mut state = self.state.lock();
        if let Some(there) = state.attempts.get_mut(&attempt) {
            there.owners.retain(|owner| *owner != gateway);
        }
    }

    /// An event takes effect; what a dead gateway does is no effect.
    pub(super) fn applies(&self, gateway: usize, attempt: u64, number: u64) {
        if self.is_dead(gateway) {
            return;
        }
        self.tell(|| format!("gateway {gateway} applies event {number} of session {attempt}"));
        let (expected, is_owner) = {
            let mut state = self.state.lock();
            state.counts.events += 1;
            let there = state.attempts.entry(attempt).or_default();
            let expected = there.applied + 1;
            there.applied = number;
            (expected, there.owners.contains(&gateway))
        };
        if number != expected {
            self.fault(format!(
                "event {number} of session {attempt} takes effect where {expected} is due"
            ));
        }
        if !is_owner {
            self.fault(format!(
                "event {number} of session {attempt} takes effect at gateway {gateway}, which does not own it"
            ));
        }
    }
}

impl Counts {
    pub(super) const fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.moved += other.moved;
        self.failed += other.failed;
        self.recovered += other.recovered;
        self.began_anew += other.began_anew;
        self.deaths += other.deaths;
        self.messages += other.messages;
        self.events += other.events;
    }
}
