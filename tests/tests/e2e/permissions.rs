//! The services with no more rights at NATS than `deploy/nats/permissions.conf` gives them.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use messaging_bus::{BucketError, Bus, BusConfig, EventSink, Intake, RevocationBucket, Topic};
use messaging_domain::{Revocation, Timestamp};
use messaging_lifecycle::{Tasks, now};
use messaging_settings::Settings;
use messaging_telemetry::TraceParent;
use messaging_test_support::{MongoServer, NatsServer, eventually, unique_prefix};
use prometheus::Registry;

use crate::faults::with_presence_faults;
use crate::support::{Cluster, NO_RATES, Script};

const BOUND: Duration = Duration::from_secs(20);

/// A nats-server with the users of the file, their passwords being their names, for one prefix.
struct Guarded {
    nats: NatsServer,
    prefix: String,
    _folder: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let prefix = unique_prefix();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nats/permissions.conf");
        let text = fs::read_to_string(file).expect("the file is there");
        let text = text
            .replace("fh.", &format!("{prefix}."))
            .replace("fh_", &format!("{prefix}_"))
            .replace("$NATS_API_PASSWORD", "api")
            .replace("$NATS_GATEWAY_PASSWORD", "gateway");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = folder.path().join("nats.conf");
        fs::write(&own, text).expect("the folder can be written");
        Self {
            nats: NatsServer::start_with_configuration(&own).await,
            prefix,
            _folder: folder,
        }
    }

    fn url(&self, user: &str) -> String {
        format!("nats://{user}:{user}@{}", self.nats.address())
    }

    async fn cluster(&self, settings: &[(&str, &str)]) -> Cluster {
        let mongo = MongoServer::shared().await;
        let [api, gateway] = ["api", "gateway"].map(|user| self.url(user));
        let urls = [&*api, &*api, &*gateway, &*gateway];
        let own = [("NATS_SUBJECT_PREFIX", self.prefix.as_str())];
        let settings: Vec<_> = settings.iter().copied().chain(own).collect();
        let cluster = Cluster::launch(&mongo.uri(), urls, &settings).await;
        cluster.ready().await;
        cluster
    }

    /// A connection of a service, beside it.
    async fn bus(&self, user: &str) -> Bus {
        let mut settings = Settings::from_pairs([("NATS_SUBJECT_PREFIX", self.prefix.as_str())]);
        let config = BusConfig::read_at(&mut settings, &self.url(user));
        let bus = Bus::connect(&config, "test", &Registry::new()).await;
        let bus = bus.expect("the options are right");
        eventually(BOUND, "NATS is connected", async || bus.is_connected()).await;
        bus
    }
}

/// What services were not allowed to do: each says it in its log.
fn refused(cluster: &Cluster) -> Vec<String> {
    let services = cluster.apis.iter().chain(&cluster.gateways);
    let lines = services.flat_map(|service| service.log_lines());
    lines
        .filter(|line| line.to_lowercase().contains("violation"))
        .collect()
}

#[tokio::test]
async fn both_services_do_all_that_they_must_with_no_more_rights_than_they_need() {
    let settings = [
        NO_RATES[0],
        NO_RATES[1],
        ("CONNECTIONS_PER_USER_MAX", "0"),
        ("PRESENCE_GRACE_MS", "1000"),
    ];
    for scenario in ["exchange", "front", "revocations 1000"] {
        let guarded = Guarded::start().await;
        let cluster = guarded.cluster(&settings).await;
        Script::run(scenario, &cluster).await;
        assert_eq!(refused(&cluster), [""; 0]);
    }
}

#[tokio::test]
async fn with_these_rights_presence_survives_gateways_that_stand_still_and_a_nats_that_was_away() {
    let guarded = Guarded::start().await;
    let mut cluster = guarded.cluster(&[("PRESENCE_GRACE_MS", "1000")]).await;
    with_presence_faults(&mut cluster, &guarded.nats).await;
    let mut refused = refused(&cluster);
    // NATS lets a connection answer what that connection was asked. An answer that is ready when NATS is back belongs to one that is
    // no more, and so does who asked.
    refused.retain(|line| !line.contains(r#"Publish to \"_INBOX."#));
    assert_eq!(refused, [""; 0]);
}

#[tokio::test]
async fn a_gateway_can_neither_revoke_nor_undo_that_nor_speak_to_a_user() {
    let guarded = Guarded::start().await;
    let (api, gateway) = (guarded.bus("api").await, guarded.bus("gateway").await);
    let revocation = Revocation {
        of: "user.ada".parse().expect("a name"),
        before: now(),
        expires_at: Timestamp::from_millis(now().millis() + 3_600_000),
    };
    let bucket = RevocationBucket::new(&api);
    bucket.ensure().await.expect("the bucket is made");
    bucket.put(&revocation).await.expect("an API revokes");
    let there = async || {
        let read = bucket.read([revocation.of.clone()].iter()).await;
        let entry = read.expect("an API reads").remove(&revocation.of);
        entry.and_then(|entry| entry.revocation)
    };
    let forged = RevocationBucket::new(&gateway);
    let put = forged.put(&revocation).await;
    assert!(matches!(put, Err(BucketError::Write(_))), "{put:?}");
    let lifted = forged.lift(&revocation.of).await;
    assert!(matches!(lifted, Err(BucketError::Write(_))), "{lifted:?}");
    assert_eq!(there().await.as_ref(), Some(&revocation));

    let (tasks, heard) = (Tasks::new(), Arc::new(Heard::default()));
    let intake = Intake::start(&gateway, &heard, 1, &tasks);
    let topic = Topic::User("ada".parse().expect("an id"));
    intake.subscribe(&topic).await.expect("NATS takes it");
    // The client hears of a refusal later, if at all; what counts is what arrives.
    let _refused = gateway.publish(&topic, "forged".into()).await;
    gateway.flush().await;
    let is_heard = async || {
        api.publish(&topic, "real".into()).await.expect("published");
        !heard.0.lock().expect("no test panics with it").is_empty()
    };
    eventually(BOUND, "an event arrives", is_heard).await;
    let heard = heard.0.lock().expect("no test panics with it").clone();
    assert!(heard.iter().all(|payload| payload == "real"), "{heard:?}");
    tasks.stop(BOUND).await.expect("the tasks end");
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl EventSink for Heard {
    fn event(&self, _topic: &Topic, payload: &[u8], _: Option<&TraceParent>) {
        let payload = String::from_utf8_lossy(payload).into_owned();
        self.0.lock().expect("no test panics with it").push(payload);
    }
}
