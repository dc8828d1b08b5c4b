//! Who takes part in a run, made of its seed.

use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde::Serialize;

use crate::{rest::Rest, tokens::token};

/// Milliseconds between two messages of a sender, on average, to which the pauses of all other habits are made.
pub(crate) const EVERY_MS: u64 = 300;
/// Conversations that are made at the same time.
const OPENED_AT_ONCE: usize = 8;

/// How a device connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// socket.io-client as it comes: long-polling first, then WebSocket
    Default,
    /// socket.io-client by WebSocket alone
    Websocket,
    /// A plain client of `/ws`
    Plain,
}

/// How much there is to do.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub(crate) users: usize,
    pub(crate) conversations: usize,
    /// Node processes.
    pub(crate) workers: usize,
    /// Between two messages of a sender, on average.
    pub(crate) every_ms: u64,
    pub(crate) transports: Vec<Transport>,
}

/// The conversations and devices of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) conversations: Vec<Conversation>,
    pub(crate) devices: Vec<Device>,
}

#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    /// The client and the freelancer.
    pub(crate) users: [String; 2],
}

/// A device, as its worker is told of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) seed: u32,
    pub(crate) kind: Transport,
    pub(crate) conversations: Vec<Place>,
    /// None: it only listens.
    pub(crate) sends: Option<Sends>,
    /// It marks what it saw as read.
    pub(crate) reads: bool,
    /// It edits and deletes messages of its own.
    pub(crate) changes: bool,
    /// It leaves conversations and joins them again.
    pub(crate) rejoins: bool,
    /// It closes its connection and comes back.
    pub(crate) flaps: bool,
    /// It goes for good when the load ends.
    pub(crate) ends_offline: bool,
}

/// A conversation that a device joins.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    pub(crate) id: String,
    /// It is joined in the middle of the load.
    pub(crate) is_late: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sends {
    pub(crate) every_ms: u64,
    /// Until it is acked, under one `clientMessageId`.
    pub(crate) retries: bool,
    pub(crate) by_rest: bool,
}

impl Device {
    /// Whether it stays where it is as long as nobody disturbs it.
    pub(crate) fn is_steady(&self) -> bool {
        !(self.rejoins || self.flaps || self.ends_offline)
            && self.conversations.iter().all(|place| !place.is_late)
    }
}

impl Plan {
    /// Makes the users and devices of a run, and their conversations through the API. `name` is no other run's.
    pub(crate) async fn make(name: &str, seed: u64, size: &Size, rest: &Rest) -> Self {
        let clients = size.users / 2;
        let freelancers = size.users - clients;
        let open = async |index: usize| {
            let client = format!("{name}-c{}", index % clients);
            let freelancer = (index + index / clients) % freelancers;
            let freelancer = format!("{name}-f{freelancer}");
            let contract = format!("{name}-{index}");
            let id = rest
                .open_conversation(&contract, &client, &freelancer)
                .await;
            let users = [client, freelancer];
            Conversation { id, users }
        };
        let opened = stream::iter(0..size.conversations).map(open);
        let mut plan = Self {
            conversations: opened.buffered(OPENED_AT_ONCE).collect().await,
            devices: Vec::new(),
        };
        plan.add_devices(name, seed, size);
        plan
    }

    /// The users, each once.
    pub(crate) fn users(&self) -> Vec<String> {
        let mut users: Vec<String> = self
            .conversations
            .iter()
            .flat_map(|conversation| conversation.users.clone())
            .collect();
        users.sort();
        users.dedup();
        users
    }

    /// Whether a user has a device that stays until the end.
    pub(crate) fn is_online_at_the_end(&self, user: &str) -> bool {
        let mut devices = self.devices.iter();
        devices.any(|device| device.user == user && !device.ends_offline)
    }

    fn add_devices(&mut self, name: &str, seed: u64, size: &Size) {
        let mut random = StdRng::seed_from_u64(seed);
        let users: Vec<String> = self.users();
        for (index, user) in users.iter().enumerate() {
            // One user in eight is gone at the end.
            let ends_offline = index % 8 == 7;
            for number in 0..random.random_range(2..=3) {
                let device = self.device(name, user, number, size, &mut random);
                self.devices.push(Device {
                    ends_offline,
                    ..device
                });
            }
        }
    }

    fn device(
        &self,
        name: &str,
        user: &str,
        number: usize,
        size: &Size,
        random: &mut StdRng,
    ) -> Device {
        // The first device of a user sends, the others do what else there is.
        let is_first = number == 0;
        let is_late = !is_first && random.random_bool(0.2);
        let of_user = self
            .conversations
            .iter()
            .filter(|conversation| conversation.users.iter().any(|party| party == user));
        let conversations = of_user.map(|conversation| Place {
            id: conversation.id.clone(),
            is_late,
        });
        let by_rest = !is_first && random.random_bool(0.5);
        let sends = (is_first || by_rest).then(|| Sends {
            every_ms: size.every_ms,
            retries: random.random_bool(0.6),
            by_rest,
        });
        let role = if is_first {
            9
        } else {
            random.random_range(0..4)
        };
        Device {
            id: format!("{}-d{number}", &user[name.len() + 1..]),
            user: user.to_owned(),
            token: token(user, None),
            seed: random.random(),
            kind: *size.transports.choose(random).expect("there is one"),
            conversations: conversations.collect(),
            sends,
            reads: random.random_bool(0.5),
            changes: sends.is_some() && random.random_bool(0.5),
            rejoins: role == 0,
            flaps: role == 1,
            ends_offline: false,
        }
    }
}
