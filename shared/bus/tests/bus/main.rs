//! The bus on real nats-servers.

mod buckets;
mod counting;
mod intake;
mod requests;
mod revocations;

use std::time::Duration;

use messaging_bus::presence::Instance;
use messaging_bus::{Bus, BusConfig, Topic};
use messaging_domain::{ConversationId, UserId};
use messaging_settings::Settings;
use messaging_test_support::eventually;
use prometheus::Registry;

const BOUND: Duration = Duration::from_secs(15);

async fn connect(url: &str, prefix: &str) -> Bus {
    connect_counted(url, prefix, &Registry::new()).await
}

async fn connect_counted(url: &str, prefix: &str, registry: &Registry) -> Bus {
    let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix)]);
    let config = BusConfig::read_at(&mut settings, url);
    let _none = settings.finish().expect("the settings are right");
    let bus = Bus::connect(&config, "test", registry)
        .await
        .expect("the options are right");
    eventually(BOUND, "NATS is connected", async || bus.is_connected()).await;
    bus
}

/// A counter or gauge by the value of its label; none if it is not there.
fn metric(registry: &Registry, name: &str, value: &str) -> Option<f64> {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let has = |metric: &&prometheus::proto::Metric| metric.get_label()[0].value() == value;
    let metric = family.get_metric().iter().find(has)?;
    Some(metric.get_counter().get_value() + metric.get_gauge().get_value())
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
