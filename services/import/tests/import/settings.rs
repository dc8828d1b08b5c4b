use std::path::PathBuf;
use std::time::{Duration, Instant};

use messaging_test_support::ServiceProcess;
use mongodb::bson::{Document, doc};

use crate::support::Run;
use crate::support::old_data::Talk;
use crate::{binary, world};

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Run {
    let settings = settings.iter().copied();
    Run::of(&mut ServiceProcess::spawn(&binary(), arguments, settings)).await
}

#[tokio::test]
async fn each_wrong_setting_has_a_line_and_the_code_is_64() {
    let settings = [
        ("IMPORT_BATCH_MESSAGES", "0"),
        ("IMPORT_SINCE", "yesterday"),
    ];
    let run = run(&["--from", "http://hunter2"], &settings).await;
    assert_eq!(run.code, 64, "{run:#?}");
    assert_eq!(run.log.len(), 4, "{run:#?}");
    for variable in [
        "IMPORT_FROM_URI",
        "MONGODB_URI",
        "IMPORT_BATCH_MESSAGES",
        "IMPORT_SINCE",
    ] {
        let line = |line: &&String| line.starts_with(&format!("{variable}: "));
        assert_eq!(run.log.iter().filter(line).count(), 1, "{run:#?}");
    }
    assert!(!run.log.concat().contains("hunter2"));
}

#[tokio::test]
async fn an_unknown_option_is_a_wrong_setting_too_and_help_is_none() {
    assert_eq!(run(&["--form", "mongodb://a/b"], &[]).await.code, 64);
    let help = run(&["--help"], &[]).await;
    assert_eq!(help.code, 0);
    assert!(help.log.iter().any(|line| line.contains("--dry-run")));
}

#[tokio::test]
async fn the_same_database_twice_is_refused_however_it_is_addressed() {
    let mut world = world(&Talk::some(1, 2)).await;
    world.new = world.old.clone();
    let before = world.dump().await;
    let other_name = world
        .uri_of(&world.old)
        .replacen("127.0.0.1", "localhost", 1);
    let run = world.import(&["--from", &other_name]).await;
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.log.concat().contains("the same one"), "{run:#?}");
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn databases_that_are_swapped_are_refused() {
    let world = world(&Talk::some(1, 2)).await;
    world.import(&[]).await;
    let (from, to) = (world.uri_of(&world.new), world.uri_of(&world.old));
    let run = world.import(&["--from", &from, "--to", &to]).await;
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.log.concat().contains("swapped"), "{run:#?}");
}

#[tokio::test]
async fn many_messages_without_an_index_are_refused_with_the_command_that_helps() {
    let world = world(&Talk::some(1, 10_001)).await;
    let run = world.import(&[]).await;
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        run.log
            .concat()
            .contains("db.messages.createIndex({conversationId: 1"),
        "{run:#?}"
    );
    assert!(world.dump().await.is_empty());
    let index = mongodb::IndexModel::builder();
    let index = index
        .keys(doc! { "conversationId": 1, "createdAt": 1 })
        .build();
    world
        .old
        .collection::<Document>("messages")
        .create_index(index)
        .await
        .unwrap();
    let run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.number("/messages/imported"), 10_001);
}

#[tokio::test]
async fn a_database_that_is_down_ends_the_run_within_its_limit_and_says_what_to_do() {
    let world = world(&Talk::some(1, 2)).await;
    let nowhere = "mongodb://127.0.0.1:1/db?replicaSet=rs0";
    for option in ["--from", "--to"] {
        let started = Instant::now();
        let run = world.import(&[option, nowhere]).await;
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(run.log.concat().contains("run it again"), "{run:#?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_ends_the_run_before_anything_is() {
    let world = world(&Talk::some(1, 2)).await;
    let nowhere = PathBuf::from("/no/such/folder/rejects");
    let run = world
        .import(&["--rejects", nowhere.to_str().expect("a text")])
        .await;
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        run.log.concat().contains("/no/such/folder/rejects"),
        "{run:#?}"
    );
    assert!(world.dump().await.is_empty());
}
