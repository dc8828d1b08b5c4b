use std::time::Duration;

use messaging_test_support::{eventually, unique_prefix};
use serde_json::json;

use crate::support::old_data::Talk;
use crate::support::{Run, World};
use crate::world;

const BOUND: Duration = Duration::from_secs(60);

/// Kills a run with -9 once so many messages are in the new database, which is less than all.
async fn kill_at(world: &World, messages: u64, arguments: &[&str]) {
    let mut process = world.start(arguments);
    eventually(BOUND, "messages of the first part", async || {
        world.message_count().await >= messages
    })
    .await;
    process.kill().await;
}

#[tokio::test]
async fn a_run_that_was_killed_is_gone_on_with_to_the_same_end() {
    let talks = Talk::some(10, 300);
    let mut world = world(&talks).await;
    let whole = world.import(&[]).await;
    assert_eq!(whole.code, 0, "{whole:#?}");
    let expected = world.dump().await;

    let client = world.new.client().clone();
    world.new = client.database(&unique_prefix());
    let slow = ["--batch", "10", "--at-once", "2"];
    for messages in [1, 500, 1_500] {
        kill_at(&world, messages, &slow).await;
        let stored = world.message_count().await;
        assert!(stored < 3_000, "it was too late to kill it: {stored}");
    }
    let run: Run = world.import(&[]).await;
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.number("/messages/unchanged") >= 1_500, "{run:#?}");
    assert_eq!(run.number("/messages/late"), 0);
    assert_eq!(world.dump().await, expected);
    let run = world.import(&[]).await;
    assert_eq!(run.report["changed"], json!(false), "{run:#?}");
}

#[tokio::test]
async fn a_run_that_is_asked_to_end_does_so_and_says_how_to_go_on() {
    let world = world(&Talk::some(10, 300)).await;
    let mut process = world.start(&["--batch", "10", "--at-once", "2"]);
    eventually(BOUND, "messages of the first part", async || {
        world.message_count().await >= 100
    })
    .await;
    assert_eq!(process.terminate().await, 1);
    assert!(world.message_count().await < 3_000);
    let log = process.log_lines().concat();
    assert!(
        log.contains("run it again") && log.contains("Terminate"),
        "{log}"
    );
    let run = world.import(&[]).await;
    assert_eq!(
        (run.code, world.message_count().await),
        (0, 3_000),
        "{run:#?}"
    );
}
