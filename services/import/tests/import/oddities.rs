use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use serde_json::json;

use crate::support::log::Log;
use crate::support::old_data::{
    self, Documents, Talk, at, client, contract, contract_document, conversation,
    conversation_document, message_document, milestone,
};
use crate::{support::World, world};

/// The old database of ordinary conversations with numbers below this one.
const ODD: u32 = 900;

/// Adds one contract with a conversation and returns its documents for more.
fn odd(number: u32) -> Documents {
    let mut documents = Documents::default();
    documents.add("contracts", contract_document(number));
    documents.add("conversations", conversation_document(number, number));
    documents
}

/// A message in the conversation of an odd contract, sent by its client.
fn said(number: u32, k: u32, content: impl Into<Bson>) -> Document {
    let millis = 10_000 + i64::from(k) * 1_000;
    message_document(number * 1_000 + k, number, client(number), content, millis)
}

async fn log_of(world: &World, number: u32) -> Log {
    let log = Log::find(&world.new, contract(number), None).await;
    log.expect("a conversation")
}

/// The reasons for which documents of a kind were left out, with their ids.
fn reasons(world: &World) -> Vec<(String, String)> {
    let line = |line: serde_json::Value| {
        let text = |field: &str| line[field].as_str().expect("a text").to_owned();
        assert!(!text("explanation").is_empty());
        (format!("{} {}", text("kind"), text("reason")), text("id"))
    };
    let mut reasons: Vec<_> = world.rejected().into_iter().map(line).collect();
    reasons.sort();
    reasons
}

fn message_id(number: u32, k: u32) -> String {
    old_data::id(6, number * 1_000 + k).to_hex()
}

#[tokio::test]
async fn conversations_about_the_same_become_one_by_time() {
    let world = world(&[]).await;
    let mut documents = odd(ODD);
    let mut twin = conversation_document(ODD + 1, ODD);
    twin.insert("milestoneId", "");
    documents.add("conversations", twin);
    for k in 0..10 {
        let mut message = said(ODD, k, format!("{k}"));
        message.insert("conversationId", conversation(ODD + k % 2));
        documents.add("messages", message);
    }
    documents.insert(&world.old).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/conversations/read"), 2);
    assert_eq!(run.number("/conversations/merged"), 1);
    let log = log_of(&world, ODD).await;
    log.assert_whole();
    let expected: Vec<String> = (0..10).map(|k| format!("{k}")).collect();
    assert_eq!(log.contents(), expected);
}

#[tokio::test]
async fn messages_that_cannot_be_kept_are_left_out_and_told_of_one_by_one() {
    let world = world(&Talk::some(2, 5)).await;
    let mut documents = odd(ODD);
    documents.add("messages", said(ODD, 0, "first"));
    documents.add("messages", said(ODD, 1, " \n "));
    documents.add("messages", said(ODD, 2, "x".repeat(10_001)));
    let mut strange = said(ODD, 3, "who am I?");
    strange.insert("senderId", client(ODD + 50));
    documents.add("messages", strange);
    documents.add("messages", said(ODD, 4, "é".repeat(10_000)));
    documents.add("messages", said(ODD, 5, 5));
    for k in 6..8 {
        let mut lost = said(ODD, k, "nobody knows where");
        lost.insert("conversationId", conversation(ODD + 60));
        documents.add("messages", lost);
    }
    let mut nowhere = said(ODD, 8, "nowhere");
    nowhere.remove("conversationId");
    documents.add("messages", nowhere);
    documents.insert(&world.old).await;

    let run = world.import(&[]).await;
    assert_eq!(run.code, 65, "{run:#?}");
    let log = log_of(&world, ODD).await;
    log.assert_whole();
    assert_eq!(log.contents(), ["first", &"é".repeat(10_000)]);
    let expected = [
        ("message content_empty", 1),
        ("message content_invalid", 5),
        ("message content_too_long", 2),
        ("message conversation_missing", 6),
        ("message conversation_missing", 7),
        ("message conversation_missing", 8),
        ("message sender_not_party", 3),
    ];
    let expected = expected.map(|(what, k)| (what.to_owned(), message_id(ODD, k)));
    assert_eq!(reasons(&world), expected);
    let counted = json!({ "message": {
        "content_empty": 1, "content_invalid": 1, "content_too_long": 1, "conversation_missing": 3, "sender_not_party": 1,
    } });
    assert_eq!(run.report["rejected"], counted);
    let number = |path| run.number(path);
    assert_eq!(number("/messages/read"), 2 * 5 + 9);
    assert_eq!(
        number("/messages/read"),
        number("/messages/imported") + number("/messages/rejected")
    );

    let allowed = world.import(&["--allow-rejects"]).await;
    assert_eq!(allowed.code, 0, "{allowed:#?}");
    assert_eq!(
        allowed.report["rejected"], counted,
        "each run tells of all of them"
    );
}

#[tokio::test]
async fn conversations_without_a_contract_or_milestone_are_left_out_with_their_messages() {
    let world = world(&[]).await;
    let mut documents = odd(ODD);
    let mut same = contract_document(ODD + 1);
    same.insert("freelancerId", client(ODD + 1));
    documents.add("contracts", same);
    documents.add("conversations", conversation_document(ODD + 1, ODD + 1));
    documents.add("messages", said(ODD + 1, 0, "to myself"));
    documents.add("conversations", conversation_document(ODD + 2, ODD + 2));
    documents.add("messages", said(ODD + 2, 0, "no contract"));
    let mut unknown = conversation_document(ODD + 3, ODD);
    unknown.insert("milestoneId", milestone(ODD + 3));
    documents.add("conversations", unknown);
    let mut message = said(ODD + 3, 0, "no such milestone");
    message.insert("senderId", client(ODD));
    documents.add("messages", message);
    documents.insert(&world.old).await;

    let dry = world.import(&["--dry-run"]).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 65, "{run:#?}");
    assert_eq!(dry.report["rejected"], run.report["rejected"]);
    let talk = |number| conversation(ODD + number).to_hex();
    let expected = [
        ("contract same_party", contract(ODD + 1).to_hex()),
        ("conversation contract_missing", talk(1)),
        ("conversation contract_missing", talk(2)),
        ("conversation milestone_unknown", talk(3)),
        ("message contract_missing", message_id(ODD + 1, 0)),
        ("message contract_missing", message_id(ODD + 2, 0)),
        ("message milestone_unknown", message_id(ODD + 3, 0)),
    ];
    let expected = expected.map(|(what, id)| (what.to_owned(), id));
    assert_eq!(reasons(&world), expected);
    assert_eq!(world.message_count().await, 0);
    assert_eq!(run.number("/conversations/withoutMessages"), 1);
    assert!(Log::find(&world.new, contract(ODD), None).await.is_none());
}

#[tokio::test]
async fn edits_deletions_links_and_control_characters_have_their_rules() {
    let world = world(&[]).await;
    let mut documents = odd(ODD);
    let mut edited = said(ODD, 0, "as edited");
    edited.insert("editedAt", at(11_500));
    documents.add("messages", edited);
    let mut deleted = said(ODD, 1, "secret");
    deleted.extend(doc! { "isDeleted": true, "updatedAt": at(12_500) });
    documents.add("messages", deleted);
    let mut linked = said(ODD, 2, "look");
    linked.insert("attachments", doc_files());
    documents.add("messages", linked);
    documents.add("messages", said(ODD, 3, "a\0b\u{9b}"));
    documents.insert(&world.old).await;

    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    let log = log_of(&world, ODD).await;
    log.assert_whole();
    let look = "look\nbrief.pdf: https://files.example/1-brief.pdf\n/uploads/2.png";
    assert_eq!(log.contents(), ["as edited", "", look, "ab"]);
    assert_eq!(log.messages[0]["editedAt"], at(11_500).into());
    assert_eq!(log.messages[1]["deletedAt"], at(12_500).into());
    assert_eq!(run.number("/attachments/linked"), 2);
    assert_eq!(run.number("/messages/cleaned"), 1);
}

fn doc_files() -> Vec<Bson> {
    let object = doc! { "url": "https://files.example/1-brief.pdf", "filename": "brief.pdf", "mimetype": "application/pdf", "size": 7 };
    vec![object.into(), "/uploads/2.png".into()]
}

#[tokio::test]
async fn ids_of_text_are_kept_where_they_can_be_and_made_where_not() {
    let world = world(&[]).await;
    let mut documents = Documents::default();
    documents.add(
        "contracts",
        doc! { "_id": "c-1", "clientId": "ada", "freelancerId": "ben", "createdAt": at(0) },
    );
    documents.add(
        "conversations",
        doc! { "_id": "talk-1", "contractId": "c-1" },
    );
    for (id, sender) in [("m-1", "ada"), ("m-2", "ben")] {
        let message = doc! { "_id": id, "conversationId": "talk-1", "senderId": sender, "content": id, "createdAt": at(0) };
        documents.add("messages", message);
    }
    documents.insert(&world.old).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    let messages = world.new.collection::<Document>("messages");
    let first = messages
        .find_one(doc! { "seq": 1 })
        .await
        .unwrap()
        .expect("a message");
    assert_eq!(first["sender"], Bson::from("ada"));
    assert!(
        first
            .get_object_id("_id")
            .is_ok_and(|id| id != ObjectId::from_bytes([0; 12]))
    );
    let again = world.import(&[]).await;
    assert_eq!(again.report["changed"], json!(false), "{again:#?}");
}
