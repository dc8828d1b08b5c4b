use messaging_bus::presence::{Lease, PresenceBucket};
use messaging_bus::{CommandHandler, serve_commands};
use messaging_lifecycle::Tasks;
use messaging_test_support::eventually;

use super::*;
use crate::test_bus::bus_of_its_own;

const BOUND: Duration = Duration::from_secs(15);

/// Answers each command alike.
struct Always(&'static str);

impl CommandHandler for Always {
    async fn handle(&self, _name: &str, _payload: &[u8]) -> Bytes {
        Bytes::from_static(self.0.as_bytes())
    }

    fn overloaded(&self) -> Bytes {
        Bytes::from_static(self.0.as_bytes())
    }
}

#[tokio::test]
async fn who_tries_again_comes_to_a_replica_that_is_well() {
    const WELL: &str = r#"{"ok":true}"#;
    const SICK: &str = r#"{"ok":false,"error":{"code":"unavailable","message":"no"}}"#;
    let bus = bus_of_its_own().await;
    let (bucket, tasks) = (PresenceBucket::new(&bus), Tasks::new());
    let mut leases = Vec::new();
    for (name, answer) in [("well", WELL), ("sick", SICK)] {
        let name: Instance = name.parse().expect("a valid name");
        let handler = Arc::new(Always(answer));
        let served = serve_commands(&bus, &Route::of(&name), handler, &tasks).await;
        served.expect("NATS takes it");
        leases.push(Lease::keep(&bucket, LeaseKind::Api, &name, &tasks));
    }
    let (table, _deaths) = LeaseTable::follow(&bucket, &tasks);
    let api = ApiClient::new(bus, table.clone());
    let chosen = |id: u8| {
        let conversation = ConversationId::from_bytes([id; 12]);
        let chosen = table.choose(LeaseKind::Api, &conversation, |_| true);
        chosen.map(|name| name.to_string())
    };
    let both_are_chosen = async || {
        let all: Vec<_> = (0..50).filter_map(chosen).collect();
        ["well", "sick"].map(|name| all.iter().any(|chosen| chosen == name)) == [true; 2]
    };
    eventually(BOUND, "both replicas are known", both_are_chosen).await;
    let of_sick = (0..50).find(|id| chosen(*id).as_deref() == Some("sick"));
    let of_sick = ConversationId::from_bytes([of_sick.expect("it has a share"); 12]);
    let user = "ada".parse().expect("a valid id");
    let data = RawValue::from_string("{}".to_owned()).expect("JSON");
    let send = async || api.message("send_message", of_sick, &user, &data).await;
    assert_eq!(send().await.as_deref(), Ok(SICK));
    for _ in 0..20 {
        assert_eq!(send().await.as_deref(), Ok(WELL));
    }
    tasks.stop(BOUND).await.expect("the tasks end");
}
