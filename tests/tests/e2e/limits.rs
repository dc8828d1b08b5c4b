//! What waits in an API replica while MongoDB stands still: as much as its limits say, and whoever is beyond hears so at once.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use messaging_bus::{Bus, BusConfig, RequestError};
use messaging_domain::Timestamp;
use messaging_settings::Settings;
use messaging_test_support::{
    MongoServer, NatsServer, ServiceProcess, binary_path, eventually, unique_prefix,
};
use messaging_wire::PresenceStatus;
use messaging_wire::command::{PresenceChanged, Retell, name};
use prometheus::Registry;
use serde_json::Value;

use crate::support::{SECRET, get, ready};

const BOUND: Duration = Duration::from_secs(15);

/// Longer than a gateway waits, so that everything has its answer.
const ANSWER_BOUND: Duration = Duration::from_secs(30);

const CROWD: usize = 1_000;

/// So many of them surely find room: not all that come together are taken in exactly the order in which they came.
const FIRST: usize = 128;

/// An API replica that has lost MongoDB, and a gateway's way to it.
struct Scene {
    mongo: MongoServer,
    api: ServiceProcess,
    bus: Bus,
}

impl Scene {
    async fn set() -> Self {
        let (mongo, nats) = tokio::join!(MongoServer::start(), NatsServer::shared());
        let prefix = unique_prefix();
        let settings = [
            ("JWT_SECRET", SECRET),
            ("MONGODB_URI", &mongo.uri()),
            ("MONGODB_DATABASE", &prefix),
            ("NATS_URL", &nats.url()),
            ("NATS_SUBJECT_PREFIX", &prefix),
        ];
        let api = ServiceProcess::start(&binary_path("messaging-api"), settings).await;
        ready(&api).await;
        let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix.as_str())]);
        let config = BusConfig::read_at(&mut settings, &nats.url());
        let bus = Bus::connect(&config, "test", &Registry::new()).await;
        let bus = bus.expect("the options are right");
        let is_connected = async || bus.is_connected();
        eventually(BOUND, "NATS is connected", is_connected).await;
        mongo.pause().await;
        Self { mongo, api, bus }
    }

    /// Asks for something a thousand times at once. While MongoDB stands still, at least so many are to be refused; it then goes on,
    /// and everyone else has an answer too.
    async fn crowd(&self, command: &str, payload: impl Fn(usize) -> Vec<u8>, refused: usize) {
        let sent = &Cell::new(0);
        let asked = |number| {
            let payload = Bytes::from(payload(number));
            async move {
                let place = sent.replace(sent.get() + 1);
                let answer = self.bus.request(command, payload, ANSWER_BOUND).await;
                (place, outcome(answer))
            }
        };
        let mut answers: FuturesUnordered<_> = (0..CROWD).map(asked).collect();
        let (place, first) = answers.next().await.expect("each is answered");
        assert!(place >= FIRST, "{place} came early enough to wait");
        assert_eq!(first, "unavailable");
        for _ in 1..refused {
            let (_, outcome) = answers.next().await.expect("each is answered");
            assert_eq!(outcome, "unavailable");
        }
        self.mongo.resume();
        let mut answered = refused;
        while let Some((_, outcome)) = answers.next().await {
            assert!(["ok", "unavailable"].contains(&&*outcome), "{outcome}");
            answered += 1;
        }
        assert_eq!(answered, CROWD);
        eventually(BOUND, "it is done again", async || {
            let answer = self.bus.request(command, payload(0).into(), ANSWER_BOUND);
            outcome(answer.await) == "ok"
        })
        .await;
        let counted = self.counted(command, "unavailable").await;
        assert!(counted >= refused, "{counted} of {refused}");
    }

    /// How many of a command had an outcome, by the replica's metrics.
    async fn counted(&self, command: &str, outcome: &str) -> usize {
        let text = get(&self.api, "/metrics").await.expect("an answer");
        let series =
            format!("fh_api_command_seconds_count{{command=\"{command}\",outcome=\"{outcome}\"");
        let line = text.lines().find(|line| line.starts_with(&series));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        count.unwrap_or_else(|| panic!("no {series} in {text}"))
    }
}

/// `ok`, or the code that an answer refuses by.
fn outcome(answer: Result<Bytes, RequestError>) -> String {
    let answer: Value = match answer {
        Ok(answer) => serde_json::from_slice(&answer).expect("JSON"),
        Err(error) => return error.to_string(),
    };
    let code = answer.get("error").map(|error| error["code"].as_str());
    let code = code.map_or(Some("ok"), |code| code);
    code.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_crowd_that_comes_while_mongodb_stands_still_waits_in_part_and_is_refused_in_part() {
    let scene = Scene::set().await;
    let came = |number| {
        let change = PresenceChanged {
            user: format!("user-{number}").parse().expect("a valid id"),
            status: PresenceStatus::Online,
            last_seen_at: None,
            at: Timestamp::from_millis(0),
            is_repeat: false,
        };
        serde_json::to_vec(&change).expect("JSON")
    };
    // 512 wait, and up to 64 are in work.
    scene.crowd(name::PRESENCE_CHANGED, came, CROWD - 576).await;
}

#[tokio::test]
async fn gateways_that_ask_to_be_told_again_wait_in_part_and_are_refused_in_part() {
    let scene = Scene::set().await;
    let since = Timestamp::from_millis(0);
    let again = |_| serde_json::to_vec(&Retell { since }).expect("JSON");
    // 256 wait, and one and up to 256 more are served.
    scene.crowd(name::RETELL, again, CROWD - 513).await;
}
