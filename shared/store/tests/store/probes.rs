use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_leaves_one_document_for_each_gateway_which_mongodb_removes() {
    let world = World::new().await;
    let replica = world.replica();
    replica.store.prepare().await.unwrap();
    for gateway in ["AAAAAAAAAA", "BBBBBBBBBB", "AAAAAAAAAA"] {
        replica.store.note_probe(gateway).await.unwrap();
    }
    let database = world.raw().await;
    let marks = database.collection::<Document>("canary");
    let sorted = marks.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let sorted: Vec<Document> = sorted.try_collect().await.unwrap();
    let ids: Vec<_> = sorted
        .iter()
        .map(|mark| mark.get_str("_id").unwrap())
        .collect();
    assert_eq!(ids, ["AAAAAAAAAA", "BBBBBBBBBB"]);
    assert!(sorted.iter().all(|mark| mark.get_datetime("at").is_ok()));
    let indexes: Vec<_> = marks
        .list_indexes()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let expiry = |options: &IndexOptions| options.expire_after;
    let expiries = indexes
        .iter()
        .filter_map(|index| index.options.as_ref().and_then(expiry));
    assert_eq!(expiries.collect::<Vec<_>>(), [Duration::from_secs(3_600)]);
    for user_data in ["messages", "conversations", "contracts"] {
        let count = database
            .collection::<Document>(user_data)
            .count_documents(doc! {})
            .await;
        assert_eq!(count.unwrap(), 0, "{user_data}");
    }
}
