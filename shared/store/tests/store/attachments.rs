use std::time::Duration;

use futures_util::TryStreamExt;
use messaging_domain::{AttachmentId, Content, Party, SearchQuery};
use messaging_store::{ConversationKey, NewMessage, Uploaded};
use messaging_wire::{Attachment, Message};
use mongodb::bson::{Document, doc};
use sha2::{Digest, Sha256};

use crate::world::{Replica, World, message, named, user};

/// More than two chunks of GridFS, and no multiple of one.
fn bytes() -> Vec<u8> {
    (0..600_000_u32)
        .map(|number| (number % 251) as u8)
        .collect()
}

async fn upload(
    replica: &Replica,
    key: &ConversationKey,
    uploader: &str,
    bytes: &[u8],
) -> Attachment {
    let upload = replica.store.begin_upload(key.id(), &user(uploader)).await;
    let mut upload = upload.unwrap();
    for part in bytes.chunks(10_000) {
        upload.write(part).await.unwrap();
    }
    let name = Uploaded {
        filename: "brief.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
    };
    upload.finish(name).await.unwrap()
}

async fn read(replica: &Replica, id: AttachmentId, offset: u64, length: u64) -> Vec<u8> {
    let stream = replica.store.attachment_bytes(id, offset, length);
    stream.try_collect::<Vec<_>>().await.unwrap().concat()
}

async fn send(replica: &Replica, key: &ConversationKey, files: &[&Attachment]) -> Message {
    let message = NewMessage {
        attachments: files.iter().map(|file| (*file).clone()).collect(),
        ..message("with files")
    };
    let appended = replica.store.append(key, Party::Client, message).await;
    appended.unwrap().message
}

/// How many documents there are about files: theirs, GridFS's, and chunks.
async fn left(world: &World) -> [u64; 3] {
    let raw = world.raw().await;
    let mut left = [0; 3];
    for (count, name) in
        left.iter_mut()
            .zip(["attachments", "attachments.files", "attachments.chunks"])
    {
        *count = raw
            .collection::<Document>(name)
            .count_documents(doc! {})
            .await
            .unwrap();
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_as_it_was_written_whole_or_in_part() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let bytes = bytes();
    let file = upload(&replica, &key, "client", &bytes).await;
    let sha256: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!((file.size, &file.sha256), (600_000, &sha256));
    assert_eq!(file.url, format!("/api/messages/attachments/{}", file.id));
    let stored = replica.store.attachment(file.id).await.unwrap().unwrap();
    assert_eq!(
        (&stored.attachment, stored.conversation, &stored.uploader),
        (&file, key.id(), &user("client"))
    );
    for (offset, length) in [
        (0, 600_000),
        (0, 1),
        (599_999, 1),
        (261_119, 2),
        (261_120, 261_120),
        (100, 500_000),
        (5, 0),
    ] {
        let part = &bytes[offset as usize..(offset + length) as usize];
        assert!(
            read(&replica, file.id, offset, length).await == part,
            "{length} bytes from {offset}"
        );
    }
    let empty = upload(&replica, &key, "client", b"").await;
    assert_eq!(
        (empty.size, read(&replica, empty.id, 0, 0).await),
        (0, Vec::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whole_files_of_the_sender_and_the_conversation_can_be_attached() {
    let world = World::new().await;
    let replica = world.replica();
    let (key, other) = (
        replica.conversation("c-1").await,
        replica.conversation("c-2").await,
    );
    let (first, second) = (
        upload(&replica, &key, "client", b"one").await,
        upload(&replica, &key, "client", b"two").await,
    );
    let theirs = upload(&replica, &key, "freelancer", b"three").await;
    let elsewhere = upload(&replica, &other, "client", b"four").await;
    let client = user("client");
    let attach =
        async |ids: &[AttachmentId]| replica.store.attach(key.id(), &client, ids).await.unwrap();
    assert_eq!(
        attach(&[second.id, first.id]).await,
        Some(vec![second.clone(), first.clone()])
    );
    assert_eq!(attach(&[]).await, Some(Vec::new()));
    for wrong in [theirs.id, elsewhere.id, AttachmentId::from_bytes([7; 12])] {
        assert_eq!(attach(&[first.id, wrong]).await, None);
    }
    let mut half_done = replica.store.begin_upload(key.id(), &client).await.unwrap();
    half_done.write(b"half").await.unwrap();
    let unfinished = world.raw().await.collection::<Document>("attachments");
    let unfinished = unfinished
        .find_one(doc! { "file": { "$exists": false } })
        .await
        .unwrap();
    let id = AttachmentId::from_bytes(unfinished.unwrap().get_object_id("_id").unwrap().bytes());
    assert_eq!(attach(&[id]).await, None);
    assert_eq!(replica.store.attachment(id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_message_holds_is_swept_and_what_one_holds_stays() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let held = upload(&replica, &key, "client", &bytes()).await;
    let loose = upload(&replica, &key, "client", &bytes()).await;
    send(&replica, &key, &[&held]).await;
    let mut half_done = replica
        .store
        .begin_upload(key.id(), &user("client"))
        .await
        .unwrap();
    half_done.write(&bytes()).await.unwrap();
    assert_eq!(
        replica
            .store
            .sweep_attachments(Duration::from_secs(3_600))
            .await
            .unwrap(),
        0
    );
    // As if the process had died in the middle: nothing of it is cleaned up by itself.
    std::mem::forget(half_done);
    let until_past = async || {
        replica
            .store
            .sweep_attachments(Duration::ZERO)
            .await
            .unwrap()
    };
    messaging_test_support::eventually(
        crate::world::BOUND,
        "the loose ones are swept",
        async || {
            until_past().await;
            left(&world).await == [1, 1, 3]
        },
    )
    .await;
    assert_eq!(replica.store.attachment(loose.id).await.unwrap(), None);
    assert_eq!(read(&replica, held.id, 0, 600_000).await, bytes());
    assert_eq!(until_past().await, 0, "what is held is not looked at again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_takes_its_files_with_it_unless_another_one_holds_them() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let (shared, own) = (
        upload(&replica, &key, "client", b"shared").await,
        upload(&replica, &key, "client", b"own").await,
    );
    let first = send(&replica, &key, &[&shared, &own]).await;
    let second = send(&replica, &key, &[&shared]).await;
    let deleted = store
        .delete_message(&key, first.id, &user("client"))
        .await
        .unwrap();
    assert_eq!(
        (deleted.message.attachments.len(), &*deleted.message.content),
        (0, "")
    );
    assert!(deleted.message.deleted_at.is_some());
    assert_eq!(store.attachment(own.id).await.unwrap(), None);
    assert!(store.attachment(shared.id).await.unwrap().is_some());
    // Whether another message holds it shows only once nobody can be about to send one.
    let attach = async || {
        let attached = store.attach(key.id(), &user("client"), &[shared.id]).await;
        attached.unwrap().is_some()
    };
    assert!(!attach().await);
    assert_eq!(store.sweep_attachments(Duration::ZERO).await.unwrap(), 1);
    assert!(attach().await);
    store
        .delete_message(&key, second.id, &user("client"))
        .await
        .unwrap();
    assert_eq!(store.attachment(shared.id).await.unwrap(), None);
    assert_eq!(store.sweep_attachments(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(left(&world).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_send_is_found_though_its_files_are_gone() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let file = upload(&replica, &key, "client", b"one").await;
    let draft = NewMessage {
        attachments: vec![file.clone()],
        ..named("n-1", "text")
    };
    let sent = store
        .append(&key, Party::Client, draft)
        .await
        .unwrap()
        .message;
    store
        .delete_message(&key, sent.id, &user("client"))
        .await
        .unwrap();
    let name = "n-1".parse().unwrap();
    let find = async |text: &str, files: &[AttachmentId]| {
        let text = Content::parse(text).unwrap();
        store
            .find_appended(&key, Party::Client, &name, &text, files)
            .await
    };
    let found = find("text", &[file.id]).await.unwrap().unwrap();
    assert_eq!((found.message.id, found.duplicate), (sent.id, true));
    assert!(find("other", &[file.id]).await.is_err());
    assert!(find("text", &[]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_the_newest_that_have_every_word_and_no_deleted_one() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let other = replica.conversation("c-2").await;
    for text in [
        "Première ébauche",
        "nothing",
        "an EBAUCHE, premiere",
        "ébauche",
    ] {
        replica.say(&key, Party::Client, text).await;
    }
    replica
        .say(&other, Party::Client, "premiere ebauche elsewhere")
        .await;
    let search = async |query: &str, limit| {
        let query = SearchQuery::parse(query).unwrap();
        let found = store.search(&key, &query, limit).await.unwrap();
        found.iter().map(|message| message.seq).collect::<Vec<_>>()
    };
    assert_eq!(search("premiere ebauche", 50).await, [3, 1]);
    assert_eq!(search("ebauche", 2).await, [4, 3]);
    assert_eq!(search("absent", 50).await, [0_u64; 0]);
    let page = store
        .history(&key, messaging_store::HistoryRange::Newest, 2, usize::MAX)
        .await
        .unwrap();
    store
        .delete_message(&key, page.items[0].id, &user("client"))
        .await
        .unwrap();
    assert_eq!(search("premiere", 50).await, [1]);
    for number in 0..4 {
        replica
            .say(&key, Party::Client, &format!("filler {number}"))
            .await;
    }
    assert_eq!(search("filler", 3).await, [8, 7, 6]);
}
