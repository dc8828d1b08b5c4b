use std::time::Duration;

use messaging_bus::{Bus, BusConfig};
use messaging_settings::Settings;
use messaging_test_support::{NatsServer, eventually, unique_prefix};
use prometheus::Registry;

/// A connection to a real NATS, under a prefix that no other test has.
pub(crate) async fn bus_of_its_own() -> Bus {
    let nats = NatsServer::shared().await;
    let prefix = unique_prefix();
    let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", prefix.as_str())]);
    let config = BusConfig::read_at(&mut settings, &nats.url());
    let bus = Bus::connect(&config, "test", &Registry::new()).await;
    let bus = bus.expect("the options are right");
    let is_connected = async || bus.is_connected();
    eventually(Duration::from_secs(15), "NATS is connected", is_connected).await;
    bus
}
