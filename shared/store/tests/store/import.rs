use messaging_domain::{Content, MessageId, Party, Timestamp};
use messaging_store::{ImportLog, ImportMode, ImportedConversation, ImportedMessage, ImportedRead};
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;

use crate::world::{Replica, World, contract, user};

/// A message of another system with a time in its id, in milliseconds.
fn imported(id: ObjectId, text: &str) -> ImportedMessage {
    let created_at = Timestamp::from_millis(id.timestamp().timestamp_millis());
    ImportedMessage {
        id: MessageId::from_bytes(id.bytes()),
        sender: Party::Client,
        content: Content::parse(text).expect("a valid text"),
        attachments: Vec::new(),
        source_text: text.to_owned(),
        created_at,
        edited_at: None,
        deleted_at: None,
        touched_at: created_at,
    }
}

/// An id by its time, in seconds, and a number.
fn id(seconds: u32, number: u8) -> ObjectId {
    let mut bytes = [number; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

/// The log of the conversation of a contract, which is put if it is not there.
async fn log(replica: &Replica, contract_id: &str) -> ImportLog {
    replica.contract(contract_id, &[]).await;
    let contract = contract(contract_id, &[]);
    let conversation = ImportedConversation {
        contract: contract.id,
        milestone: None,
        parties: contract.parties,
        opened_at: Timestamp::from_millis(0),
    };
    let log = replica.store.import_log(conversation, ImportMode::Write);
    log.await.expect("it belongs there")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_with_a_time_far_ahead_is_not_taken_for_a_message_stored_lately() {
    let world = World::new().await;
    let replica = world.replica();
    let now = DateTime::now().timestamp_millis();
    let seconds = u32::try_from(now / 1_000).expect("before 2106");
    let messages = [
        imported(id(seconds - 86_400, 1), "long ago"),
        imported(id(seconds + 60, 2), "by a clock that is a minute ahead"),
        imported(id(seconds + 86_400, 3), "in a day"),
    ];
    let brought = log(&replica, "c-1").await.bring(&messages).await.unwrap();
    assert_eq!(brought.len(), 3);
    let since = Timestamp::from_millis(now - 60_000);
    let recent = replica.store.recent(since, 100).await.unwrap();
    let seqs: Vec<u64> = recent.iter().map(|found| found.message.seq).collect();
    assert_eq!(seqs, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_before_the_import_of_its_conversation_ends_stays_unread() {
    let world = World::new().await;
    let replica = world.replica();
    let mut log = log(&replica, "c-1").await;
    log.bring(&[imported(id(1, 1), "there")]).await.unwrap();
    let key = replica.conversation("c-1").await;
    assert_eq!(replica.say(&key, Party::Client, "here").await, 2);
    let all_read = ImportedRead::default();
    log.finish(all_read, all_read).await.unwrap();
    let reader = user("freelancer");
    let list = replica.store.conversations(&reader, 1, None).await;
    assert_eq!(list.unwrap().items[0].unread_count, 1);
}
