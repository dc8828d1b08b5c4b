use futures_util::TryStreamExt;
use messaging_domain::Party;
use messaging_store::HistoryRange;
use mongodb::bson::{Document, doc};

use crate::world::{World, message, named, user};

#[tokio::test(flavor = "multi_thread")]
async fn no_read_scans_more_than_it_returns() {
    let world = World::new().await;
    let replica = world.replica();
    let mut keys = Vec::new();
    for index in 0..5 {
        keys.push(replica.conversation(&format!("c-{index}")).await);
    }
    let sends = (0..300).map(|index: usize| {
        let (store, key) = (&replica.store, &keys[index % keys.len()]);
        async move {
            store
                .append(key, Party::Client, named(&format!("m-{index}"), "x"))
                .await
        }
    });
    futures_util::future::try_join_all(sends).await.unwrap();
    let raw = world.raw().await;
    raw.run_command(doc! { "profile": 2 }).await.unwrap();

    let ids: Vec<_> = keys
        .iter()
        .map(messaging_store::ConversationKey::id)
        .collect();
    let cold = world.replica().store;
    cold.head(&ids).await.unwrap();
    cold.conversations(&user("client"), 3, None).await.unwrap();
    cold.conversation(&keys[0], Party::Client).await.unwrap();
    cold.history(&keys[0], HistoryRange::Before(40), 5, 1 << 20)
        .await
        .unwrap();
    cold.mark_read(&keys[0], Party::Freelancer, Some(30))
        .await
        .unwrap();
    cold.append(&keys[0], Party::Client, named("m-0", "x"))
        .await
        .unwrap();
    cold.append(&keys[0], Party::Client, message("x"))
        .await
        .unwrap();
    cold.counterparts(&user("client"), 10).await.unwrap();
    let both = [&user("client"), &user("freelancer")];
    cold.counterparts_of_each(&both, 10).await.unwrap();

    let profile = raw
        .collection::<Document>("system.profile")
        .find(doc! { "op": { "$ne": "insert" } })
        .await
        .unwrap();
    let profile: Vec<Document> = profile.try_collect().await.unwrap();
    assert!(profile.len() >= 8);
    for call in profile {
        let plan = call.get_str("planSummary").unwrap_or_default();
        let examined = call.get_i32("docsExamined").unwrap_or_default();
        let keys = call.get_i32("keysExamined").unwrap_or_default();
        assert!(
            !plan.contains("COLLSCAN") && examined <= 10 && keys <= 10,
            "{call}"
        );
    }
}
