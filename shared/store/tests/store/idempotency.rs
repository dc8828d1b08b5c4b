use futures_util::future::join_all;
use messaging_domain::Party;
use messaging_store::{AppendError, HistoryRange, NewMessage};
use mongodb::bson::{Document, doc};

use crate::world::{World, assert_gapless, message, named};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_through_any_replica_is_stored_once() {
    let world = World::new().await;
    let replicas = [world.replica(), world.replica()];
    let key = replicas[0].conversation("c-1").await;
    for round in 0..10 {
        let name = format!("m-{round}");
        let sends = (0..20).map(|index: usize| {
            replicas[index % 2]
                .store
                .append(&key, Party::Client, named(&name, "once"))
        });
        let appended: Vec<_> = join_all(sends)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            appended
                .iter()
                .filter(|appended| !appended.duplicate)
                .count(),
            1
        );
        assert!(
            appended
                .iter()
                .all(|one| one.message == appended[0].message)
        );
        assert!(appended.iter().all(|one| one.recipient_unread == round + 1));
    }
    assert_eq!(assert_gapless(&world.raw().await, &key).await, 10);
    let published: usize = replicas
        .iter()
        .map(|replica| replica.committed().len())
        .sum();
    assert_eq!(published, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_with_another_text_is_a_conflict_and_of_another_sender_is_not() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    replica
        .store
        .append(&key, Party::Client, named("m-1", "one"))
        .await
        .unwrap();
    let conflict = replica
        .store
        .append(&key, Party::Client, named("m-1", "two"))
        .await;
    assert!(matches!(
        conflict,
        Err(AppendError::ClientMessageIdConflict)
    ));
    let theirs = replica
        .store
        .append(&key, Party::Freelancer, named("m-1", "two"))
        .await
        .unwrap();
    assert_eq!((theirs.message.seq, theirs.duplicate), (2, false));
    let other = replica.conversation("c-2").await;
    assert!(
        !replica
            .store
            .append(&other, Party::Client, named("m-1", "two"))
            .await
            .unwrap()
            .duplicate
    );
    // The log goes on without a gap after what was refused.
    assert_eq!(replica.say(&key, Party::Client, "next").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_recognised_after_it_was_edited() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    replica
        .store
        .append(&key, Party::Client, named("m-1", "before"))
        .await
        .unwrap();
    let edit = doc! { "$set": { "content": "after" } };
    world
        .raw()
        .await
        .collection::<Document>("messages")
        .update_one(doc! { "seq": 1 }, edit)
        .await
        .unwrap();
    let again = replica
        .store
        .append(&key, Party::Client, named("m-1", "before"))
        .await
        .unwrap();
    assert!(again.duplicate);
    assert_eq!(again.message.content, "after");
    let conflict = replica
        .store
        .append(&key, Party::Client, named("m-1", "after"))
        .await;
    assert!(matches!(
        conflict,
        Err(AppendError::ClientMessageIdConflict)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_in_many_conversations_neither_stall_nor_gap_the_others() {
    let world = World::new().await;
    let replica = world.replica();
    let mut keys = Vec::new();
    for index in 0..40 {
        let key = replica.conversation(&format!("c-{index}")).await;
        replica
            .store
            .append(&key, Party::Client, named("m", "again"))
            .await
            .unwrap();
        keys.push(key);
    }
    let repeats = keys.iter().flat_map(|key| [key; 5]).map(|key| async {
        assert!(
            replica
                .store
                .append(key, Party::Client, named("m", "again"))
                .await
                .unwrap()
                .duplicate
        );
    });
    let fresh = keys.iter().flat_map(|key| [key; 5]).map(|key| async {
        assert!(
            !replica
                .store
                .append(key, Party::Freelancer, message("fresh"))
                .await
                .unwrap()
                .duplicate
        );
    });
    tokio::join!(join_all(repeats), join_all(fresh));
    let raw = world.raw().await;
    for key in &keys {
        assert_eq!(assert_gapless(&raw, key).await, 6);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_read_back_as_they_were_sent_and_tell_repeats_from_conflicts() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let file = |digit: &str| messaging_wire::Attachment {
        id: digit.repeat(24).parse().expect("a valid id"),
        filename: "brief \u{1f4ac}.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        size: 48_213,
        sha256: digit.repeat(64),
        url: format!("/api/messages/attachments/{}", digit.repeat(24)),
    };
    let with = |digit: &str| NewMessage {
        attachments: vec![file("a"), file(digit)],
        ..named("m-1", "two files")
    };
    let sent = replica
        .store
        .append(&key, Party::Client, with("b"))
        .await
        .unwrap();
    assert_eq!(sent.message.attachments, [file("a"), file("b")]);
    let range = HistoryRange::Newest;
    let history = replica
        .store
        .history(&key, range, 1, 1 << 20)
        .await
        .unwrap();
    assert_eq!(history.items.first(), Some(&sent.message));
    let again = replica
        .store
        .append(&key, Party::Client, with("b"))
        .await
        .unwrap();
    assert_eq!((again.duplicate, again.message), (true, sent.message));
    let other = replica.store.append(&key, Party::Client, with("c")).await;
    assert!(matches!(other, Err(AppendError::ClientMessageIdConflict)));
}
