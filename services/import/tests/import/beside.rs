use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use messaging_domain::{Content, Parties, Party, UserId};
use messaging_lifecycle::Tasks;
use messaging_store::{ConversationKey, NewContract, NewMessage, Store, StoreConfig};
use messaging_wire::Milestone;
use mongodb::bson::{Document, doc};
use prometheus::Registry;
use serde_json::json;

use crate::support::log::Log;
use crate::support::old_data::{self, Talk, at, client, contract, freelancer, message_document};
use crate::support::{Run, World};
use crate::world;

/// A store on the new database, as a running API replica has it.
fn service(world: &World, tasks: &Tasks) -> Store {
    let mut config = StoreConfig::new(&world.uri, world.new.name());
    config.operation_timeout = Duration::from_secs(30);
    let hook = Arc::new(|_| -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    });
    Store::new(config, hook, tasks, &Registry::new()).expect("the settings work")
}

/// Puts a contract as the host platform does.
async fn put_contract(store: &Store, number: u32) {
    let milestone = Milestone {
        id: old_data::milestone(number).to_hex().parse().expect("valid"),
        title: None,
    };
    let contract = NewContract {
        id: contract(number).to_hex().parse().expect("valid"),
        parties: Parties {
            client: client(number).to_hex().parse().expect("valid"),
            freelancer: freelancer(number).to_hex().parse().expect("valid"),
        },
        title: None,
        milestones: vec![milestone],
    };
    store.put_contract(contract).await.expect("it is put");
}

async fn open(store: &Store, number: u32) -> ConversationKey {
    let user: UserId = client(number).to_hex().parse().expect("a valid id");
    let contract = contract(number).to_hex().parse().expect("a valid id");
    let opened = store.open_conversation(&contract, None, &user).await;
    opened.expect("the conversation opens")
}

async fn say(
    store: &Store,
    key: &ConversationKey,
    sender: Party,
    text: &str,
    name: Option<&str>,
) -> u64 {
    let message = NewMessage {
        content: Content::parse(text).expect("valid"),
        attachments: Vec::new(),
        client_message_id: name.map(|name| name.parse().expect("valid")),
    };
    let said = store.append(key, sender, message).await;
    said.expect("it is stored").message.seq
}

#[tokio::test]
async fn what_comes_after_messages_of_the_new_service_stands_behind_them_and_is_told() {
    let world = world(&Talk::some(2, 10)).await;
    world.import(&[]).await;
    let tasks = Tasks::new();
    let store = service(&world, &tasks);
    let key = open(&store, 0).await;
    assert_eq!(
        say(&store, &key, Party::Freelancer, "said here", None).await,
        11
    );
    let old = world.old.collection::<Document>("messages");
    let mut late = message_document(99_999, 0, freelancer(0), "said there", 1_000_000);
    let reading = doc! { "userId": client(0), "readAt": at(1_000_001) };
    late.insert("readBy", vec![reading]);
    old.insert_one(late).await.unwrap();
    old.update_many(
        doc! { "conversationId": old_data::conversation(0) },
        doc! { "$set": { "isRead": true } },
    )
    .await
    .unwrap();

    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/messages/late"), 1);
    assert!(
        run.log
            .iter()
            .any(|line| line.contains("stand behind later ones"))
    );
    // The service's own idea of the head is out of date now, and it goes on all the same.
    assert_eq!(say(&store, &key, Party::Client, "and here", None).await, 13);
    let log = Log::find(&world.new, contract(0), None)
        .await
        .expect("a conversation");
    log.assert_whole();
    assert_eq!(
        log.contents()[10..],
        ["said here", "said there", "and here"]
    );
    let what = "what was said here is unread, whatever was read there";
    assert_eq!(log.read_seqs(), [10, 12], "{what}");
    let run = world.import(&[]).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
    tasks.stop(Duration::from_secs(10)).await.expect("they end");
}

#[tokio::test]
async fn two_importers_and_a_service_at_once_leave_each_message_once_and_in_order() {
    let talks = Talk::some(2, 600);
    let world = world(&talks).await;
    let tasks = Tasks::new();
    let store = service(&world, &tasks);
    put_contract(&store, 0).await;
    let key = open(&store, 0).await;

    let mut first = world.start(&["--batch", "7", "--at-once", "2"]);
    let mut second = world.start(&["--batch", "11", "--at-once", "2"]);
    let mut said = 0;
    let talking = async {
        while world.message_count().await < 1_200 + said {
            let party = if said % 2 == 0 {
                Party::Client
            } else {
                Party::Freelancer
            };
            say(&store, &key, party, &format!("here {said}"), None).await;
            said += 1;
        }
    };
    let (first, second, ()) = tokio::join!(Run::of(&mut first), Run::of(&mut second), talking);
    assert_eq!((first.code, second.code), (0, 0), "{first:#?} {second:#?}");
    let imported = first.number("/messages/imported") + second.number("/messages/imported");
    assert_eq!(imported, 1_200);
    for talk in &talks {
        let log = Log::find(&world.new, contract(talk.number), None)
            .await
            .expect("a conversation");
        let from_there = log
            .contents()
            .into_iter()
            .filter(|text| text.starts_with("message"));
        assert_eq!(from_there.collect::<Vec<_>>(), talk.contents());
        let seqs: BTreeSet<i64> = log
            .messages
            .iter()
            .map(|m| m.get_i64("seq").unwrap())
            .collect();
        assert_eq!(seqs.len(), log.messages.len());
    }
    // Whoever came last has written the summary; a run alone finds nothing to do, or repairs what a race has left.
    world.import(&[]).await;
    let log = Log::find(&world.new, contract(0), None)
        .await
        .expect("a conversation");
    assert_eq!(log.messages.len() as u64, 600 + said);
    log.assert_whole();
    tasks.stop(Duration::from_secs(10)).await.expect("they end");
}

#[tokio::test]
async fn a_name_that_its_sender_has_given_away_costs_that_message_alone() {
    let world = world(&Talk::some(1, 3)).await;
    let tasks = Tasks::new();
    let store = service(&world, &tasks);
    put_contract(&store, 0).await;
    let key = open(&store, 0).await;
    let taken = old_data::id(6, 0).to_hex();
    let name = format!("import-{taken}");
    say(&store, &key, Party::Client, "mine", Some(&name)).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 65, "{run:#?}");
    assert_eq!(
        run.report["rejected"],
        json!({ "message": { "id_taken": 1 } })
    );
    assert_eq!(world.rejected()[0]["id"], taken);
    let log = Log::find(&world.new, contract(0), None)
        .await
        .expect("a conversation");
    log.assert_whole();
    assert_eq!(log.contents(), ["mine", "message 1 of 0", "message 2 of 0"]);
    tasks.stop(Duration::from_secs(10)).await.expect("they end");
}
