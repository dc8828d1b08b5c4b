use mongodb::bson::{Bson, Document, doc};
use serde_json::json;

use crate::support::World;
use crate::support::log::Log;
use crate::support::old_data::{
    self, Talk, at, client, contract, contract_document, conversation, freelancer, message_document,
};
use crate::world;

#[tokio::test]
async fn a_second_run_changes_nothing_and_says_so() {
    let world = world(&Talk::some(8, 30)).await;
    world.import(&[]).await;
    let before = world.dump().await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.report["changed"], json!(false));
    assert_eq!(run.number("/messages/unchanged"), 8 * 30);
    assert_eq!(run.number("/contracts/unchanged"), 8);
    assert!(run.log.iter().any(|line| line.contains("nothing is new")));
    assert_eq!(world.dump().await, before);
}

/// Lets the old system go on in conversation 0: a message, an edit, a deletion and a reading.
async fn go_on(world: &World) {
    let messages = world.old.collection::<Document>("messages");
    let millis = 1_000_000;
    let later = message_document(99_999, 0, freelancer(0), "said later", millis);
    messages.insert_one(later).await.expect("it works");
    let change = |k: u32, set: Document| {
        let id = old_data::id(6, k);
        let messages = messages.clone();
        async move {
            messages
                .update_one(doc! { "_id": id }, doc! { "$set": set })
                .await
                .expect("it works")
        }
    };
    change(
        0,
        doc! { "content": "said better", "editedAt": at(millis), "updatedAt": at(millis) },
    )
    .await;
    change(
        1,
        doc! { "content": "without a time", "updatedAt": at(millis + 1) },
    )
    .await;
    change(
        2,
        doc! { "isDeleted": true, "deletedAt": at(millis + 2), "updatedAt": at(millis + 2) },
    )
    .await;
    let reading = doc! { "userId": freelancer(0), "readAt": at(millis + 3) };
    let unread = doc! { "conversationId": conversation(0), "senderId": client(0) };
    let set = doc! { "readBy": [reading], "updatedAt": at(millis + 3) };
    messages
        .update_many(unread, doc! { "$set": set })
        .await
        .expect("it works");
}

async fn check_what_went_on(world: &World) {
    let log = Log::find(&world.new, contract(0), None)
        .await
        .expect("a conversation");
    log.assert_whole();
    let contents = log.contents();
    assert_eq!(
        contents[..4],
        ["said better", "without a time", "", "message 3 of 0"]
    );
    assert_eq!(contents[30..], ["said later"]);
    assert_eq!(log.messages[0]["editedAt"], at(1_000_000).into());
    assert_eq!(log.messages[1]["editedAt"], at(1_000_001).into());
    assert_eq!(log.messages[2]["deletedAt"], at(1_000_002).into());
    assert_eq!(log.read_seqs()[1], 31, "he has read all");
    let mark = log
        .conversation
        .get_document("readFreelancer")
        .expect("it works");
    assert_eq!(mark["at"], at(1_000_003).into());
    assert_eq!(log.conversation["updatedAt"], at(1_000_000).into());
}

#[tokio::test]
async fn what_the_old_system_went_on_to_do_is_brought_by_another_run() {
    let world = world(&Talk::some(4, 30)).await;
    world.import(&[]).await;
    go_on(&world).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/messages/imported"), 1);
    assert_eq!(run.number("/messages/changed"), 3);
    assert_eq!(run.number("/messages/late"), 0);
    check_what_went_on(&world).await;
    let before = world.dump().await;
    let run = world.import(&[]).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
    assert_eq!(world.dump().await, before);
}

/// Sets fields of the first message of conversation 0 in the old system.
async fn set_first(world: &World, set: Document) {
    let messages = world.old.collection::<Document>("messages");
    let first = doc! { "_id": old_data::id(6, 0) };
    let set = messages.update_one(first, doc! { "$set": set }).await;
    assert_eq!(set.expect("it works").matched_count, 1);
}

async fn first(world: &World) -> Document {
    let log = Log::find(&world.new, contract(0), None).await;
    log.expect("a conversation").messages.remove(0)
}

#[tokio::test]
async fn edits_without_a_time_are_brought_one_after_the_other_until_it_is_edited_here() {
    let world = world(&Talk::some(1, 2)).await;
    for (text, millis) in [("one", 1_000_000), ("two", 2_000_000)] {
        world.import(&[]).await;
        set_first(&world, doc! { "content": text, "updatedAt": at(millis) }).await;
        let run = world.import(&[]).await;
        assert_eq!(run.number("/messages/changed"), 1, "{run:#?}");
        let message = first(&world).await;
        assert_eq!(message["content"], Bson::from(text));
        assert_eq!(message["editedAt"], at(millis).into());
    }
    let messages = world.new.collection::<Document>("messages");
    let edit =
        doc! { "$set": { "content": "here", "editedAt": at(3_000), "changedAt": at(3_000) } };
    messages
        .update_one(doc! { "seq": 1_i64 }, edit)
        .await
        .unwrap();
    set_first(
        &world,
        doc! { "content": "three", "updatedAt": at(3_000_000) },
    )
    .await;
    let run = world.import(&[]).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
    assert_eq!(first(&world).await["content"], Bson::from("here"));
}

#[tokio::test]
async fn a_deletion_is_brought_even_if_the_message_was_edited_here_later() {
    let world = world(&Talk::some(1, 2)).await;
    world.import(&[]).await;
    let messages = world.new.collection::<Document>("messages");
    let edit = doc! { "$set": { "content": "here", "editedAt": at(9_000_000), "changedAt": at(9_000_000) } };
    messages
        .update_one(doc! { "seq": 1_i64 }, edit)
        .await
        .unwrap();
    set_first(
        &world,
        doc! { "isDeleted": true, "deletedAt": at(2_000_000) },
    )
    .await;
    let run = world.import(&[]).await;
    assert_eq!(run.number("/messages/changed"), 1, "{run:#?}");
    let message = first(&world).await;
    assert_eq!(message["content"], Bson::from(""));
    assert_eq!(message["deletedAt"], at(2_000_000).into());
    let what = "the time of the last change goes forward only";
    assert_eq!(message["changedAt"], at(9_000_000).into(), "{what}");
}

#[tokio::test]
async fn a_run_since_a_time_reads_only_conversations_in_which_something_was_written() {
    let world = world(&Talk::some(7, 30)).await;
    world.import(&[]).await;
    go_on(&world).await;
    let conversations = world.old.collection::<Document>("conversations");
    let by_text = doc! { "$set": { "updatedAt": at(1_000_000).try_to_rfc3339_string().unwrap() } };
    conversations
        .update_one(doc! { "_id": conversation(6) }, by_text)
        .await
        .unwrap();
    let since = at(900_000).try_to_rfc3339_string().unwrap();
    let run = world.import(&["--since", &since]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/conversations/read"), 2);
    assert_eq!(run.number("/messages/read"), 61);
    assert_eq!(run.number("/contracts/read"), 0);
    check_what_went_on(&world).await;
    let run = world.import(&[]).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
}

#[tokio::test]
async fn a_contract_that_changed_is_brought_unless_it_changed_here_later() {
    let world = world(&Talk::some(3, 3)).await;
    world.import(&[]).await;
    let old = world.old.collection::<Document>("contracts");
    let new = world.new.collection::<Document>("contracts");
    let titled = |title: &str| doc! { "$set": { "title": title, "updatedAt": at(5_000) } };
    for number in [0, 1] {
        let this = doc! { "_id": contract(number) };
        old.update_one(this, titled("Changed there")).await.unwrap();
    }
    let put = doc! { "$set": { "title": "Put here", "updatedAt": at(6_000) } };
    new.update_one(doc! { "_id": contract(1).to_hex() }, put)
        .await
        .unwrap();
    // One whose milestone would go although a conversation is about it.
    let mut without = contract_document(2);
    without.extend(doc! { "milestones": [], "updatedAt": at(5_000) });
    old.replace_one(doc! { "_id": contract(2) }, without)
        .await
        .unwrap();

    let run = world.import(&[]).await;
    assert_eq!(run.code, 65, "{run:#?}");
    assert_eq!(run.number("/contracts/updated"), 1);
    assert_eq!(
        run.report["rejected"],
        json!({ "contract": { "contract_in_use": 1 } })
    );
    for (number, title) in [(0, "Changed there"), (1, "Put here"), (2, "Contract 2")] {
        let this = doc! { "_id": contract(number).to_hex() };
        let stored = new.find_one(this).await.unwrap().expect("a contract");
        assert_eq!(stored["title"], Bson::from(title));
    }
    assert_eq!(run.number("/messages/unchanged"), 9);
}
