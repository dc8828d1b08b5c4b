use mongodb::bson::{Bson, Document};
use serde_json::json;

use crate::support::json_lines;
use crate::support::log::Log;
use crate::support::old_data::{self, Talk};
use crate::world;

#[tokio::test]
async fn ordinary_conversations_arrive_whole_in_order_and_read_as_far_as_they_were() {
    let talks = Talk::some(24, 80);
    let world = world(&talks).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/messages/imported"), 24 * 80);
    assert_eq!(run.number("/messages/read"), 24 * 80);
    assert_eq!(run.number("/contracts/created"), 24);
    assert_eq!(run.number("/messages/late"), 0);
    assert_eq!(run.report["rejected"], json!({}));
    assert_eq!(run.report["changed"], json!(true));
    assert_eq!(world.rejected().len(), 0);
    for talk in &talks {
        let milestone = talk.has_milestone.then(|| old_data::milestone(talk.number));
        let contract = old_data::contract(talk.number);
        let log = Log::find(&world.new, contract, milestone)
            .await
            .expect("a conversation");
        log.assert_whole();
        assert_eq!(log.contents(), talk.contents());
        assert_eq!(log.read_seqs(), talk.read_seqs(), "{talk:?}");
        assert_eq!(log.conversation["openedAt"], old_data::at(2_000).into());
        assert_eq!(log.messages[1]["at"], old_data::at(10_000).into());
        let first = &log.messages[0];
        let id = old_data::id(6, talk.number * 80);
        assert_eq!(first["_id"], id.into(), "an id stays");
        assert_eq!(first["cmid"], Bson::from(format!("import-{}", id.to_hex())));
    }
}

#[tokio::test]
async fn contracts_keep_their_ids_titles_milestones_and_times() {
    let world = world(&Talk::some(1, 1)).await;
    world.import(&[]).await;
    let contracts = world.new.collection::<Document>("contracts");
    let contract = contracts
        .find_one(mongodb::bson::doc! {})
        .await
        .unwrap()
        .expect("one");
    assert_eq!(contract["_id"], Bson::from(old_data::contract(0).to_hex()));
    assert_eq!(contract["client"], Bson::from(old_data::client(0).to_hex()));
    assert_eq!(contract["title"], Bson::from("Contract 0"));
    assert_eq!(contract["createdAt"], old_data::at(0).into());
    assert_eq!(contract["updatedAt"], old_data::at(1_000).into());
    let milestone = contract.get_array("milestones").unwrap()[0]
        .as_document()
        .unwrap();
    assert_eq!(milestone["id"], Bson::from(old_data::milestone(0).to_hex()));
    assert_eq!(milestone["title"], Bson::from("First draft"));
}

#[tokio::test]
async fn a_dry_run_tells_what_an_import_would_do_and_writes_nothing() {
    let world = world(&Talk::some(6, 20)).await;
    let dry = world.import(&["--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry:#?}");
    assert_eq!(dry.report["dryRun"], json!(true));
    assert!(world.dump().await.is_empty());
    let real = world.import(&[]).await;
    for count in [
        "/messages/imported",
        "/contracts/created",
        "/conversations/read",
    ] {
        assert_eq!(dry.number(count), real.number(count), "{count}");
    }
    let dump = world.dump().await;
    let dry = world.import(&["--dry-run"]).await;
    assert_eq!(dry.report["changed"], json!(false), "{dry:#?}");
    assert_eq!(world.dump().await, dump);
}

#[tokio::test]
async fn the_id_map_tells_which_conversation_became_which() {
    let world = world(&Talk::some(3, 2)).await;
    let map = world.folder.path().join("ids.jsonl");
    let run = world
        .import(&["--id-map", map.to_str().expect("a text")])
        .await;
    assert_eq!(run.code, 0, "{run:#?}");
    let lines = json_lines(&map);
    assert_eq!(lines.len(), 3);
    for number in 0..3 {
        let old = old_data::conversation(number).to_hex();
        let line = lines
            .iter()
            .find(|line| line["oldId"] == old)
            .expect("a line");
        let milestone = (number == 2).then(|| old_data::milestone(number));
        let log = Log::find(&world.new, old_data::contract(number), milestone).await;
        let id = log
            .expect("a conversation")
            .conversation
            .get_object_id("_id")
            .unwrap();
        assert_eq!(line["id"], id.to_hex());
        assert_eq!(line["contractId"], old_data::contract(number).to_hex());
        assert_eq!(line["milestoneId"], json!(milestone.map(|id| id.to_hex())));
    }
}
