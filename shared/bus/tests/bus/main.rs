//! The bus on real nats-servers.

mod buckets;
mod intake;
mod requests;

use std::time::Duration;

use messaging_bus::presence::Instance;
use messaging_bus::{Bus, BusConfig, Topic};
use messaging_domain::{ConversationId, UserId};
use messaging_settings::Settings;
use messaging_test_support::eventually;
use prometheus::Registry;

const BOUND: Duration = Duration::from_secs(15);

async fn connect(url: &str, prefix: &str) -> Bus {
    let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix)]);
    let config = BusConfig::read_at(&mut settings, url);
    let _none = settings.finish().expect("the settings are right");
    let bus = Bus::connect(&config, "test", &Registry::new())
        .await
        .expect("the options are right");
    eventually(BOUND, "NATS is connected", async || bus.is_connected()).await;
    bus
}

fn topic(number: u8) -> Topic {
    Topic::Conversation(ConversationId::from_bytes([number; 12]))
}

fn user(name: &str) -> UserId {
    name.parse().expect("a valid id")
}

fn instance(name: &str) -> Instance {
    name.parse().expect("a valid name")
}
