use messaging_domain::{Content, MessageId, Party};
use messaging_store::{ChangeError, ConversationKey, HistoryRange};
use messaging_wire::Message;

use crate::world::{Replica, World, message, user};

fn text(text: &str) -> Content {
    Content::parse_optional(text).unwrap()
}

async fn sent(replica: &Replica, key: &ConversationKey, content: &str) -> Message {
    let appended = replica.store.append(key, Party::Client, message(content));
    appended.await.unwrap().message
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_sender_changes_a_message_and_its_place_and_what_is_unread_stay() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let first = sent(&replica, &key, "first").await;
    let second = sent(&replica, &key, "second").await;
    let (client, freelancer) = (
        key.parties().client.clone(),
        key.parties().freelancer.clone(),
    );

    let edited = store
        .edit_message(&key, second.id, &client, &text("edited"))
        .await
        .unwrap()
        .message;
    assert_eq!((edited.seq, edited.content.as_str()), (2, "edited"));
    assert!(edited.edited_at.is_some() && edited.deleted_at.is_none());
    let refused = store
        .edit_message(&key, second.id, &freelancer, &text("mine"))
        .await;
    assert!(
        matches!(refused, Err(ChangeError::NotSender)),
        "{refused:?}"
    );
    let refused = store.delete_message(&key, second.id, &freelancer).await;
    assert!(
        matches!(refused, Err(ChangeError::NotSender)),
        "{refused:?}"
    );
    let refused = store
        .edit_message(&key, second.id, &client, &text(""))
        .await;
    assert!(matches!(refused, Err(ChangeError::Empty)), "{refused:?}");

    let deleted = store.delete_message(&key, first.id, &client).await.unwrap();
    let deleted = deleted.message;
    assert_eq!((deleted.seq, deleted.content.as_str()), (1, ""));
    assert!(deleted.deleted_at.is_some() && deleted.attachments.is_empty());
    for refused in [
        store.delete_message(&key, first.id, &client).await,
        store
            .edit_message(&key, first.id, &client, &text("again"))
            .await,
    ] {
        assert!(matches!(refused, Err(ChangeError::Deleted)), "{refused:?}");
    }

    let history = store.history(&key, HistoryRange::Newest, 10, 1 << 20).await;
    assert_eq!(history.unwrap().items, [deleted, edited.clone()]);
    let seen = store.conversation(&key, Party::Freelancer).await.unwrap();
    let seen = seen.unwrap();
    assert_eq!(seen.unread_count, 2, "deleted ones included");
    assert_eq!(
        seen.updated_at, second.created_at,
        "a change is no activity"
    );
    assert_eq!(seen.last_message, Some(edited));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_conversation_is_not_found() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let other = replica.conversation("c-2").await;
    let elsewhere = sent(&replica, &other, "elsewhere").await;
    let sender = user("client");
    for id in [elsewhere.id, MessageId::from_bytes([9; 12])] {
        let refused = store.edit_message(&key, id, &sender, &text("x")).await;
        assert!(matches!(refused, Err(ChangeError::NotFound)), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_changes_are_found_with_their_versions_as_the_messages_are_now() {
    let world = World::new().await;
    let replica = world.replica();
    let (store, key) = (&replica.store, replica.conversation("c-1").await);
    let client = key.parties().client.clone();
    let [first, second, third] = [
        sent(&replica, &key, "first").await,
        sent(&replica, &key, "second").await,
        sent(&replica, &key, "third").await,
    ];
    let edit = async |id, content| store.edit_message(&key, id, &client, &text(content)).await;
    let once = edit(second.id, "once").await.unwrap();
    assert_eq!(once.version, 1);
    let since = once.message.edited_at.unwrap();
    let twice = edit(second.id, "twice").await.unwrap();
    let edited = edit(first.id, "edited").await.unwrap();
    let deleted = store.delete_message(&key, first.id, &client).await.unwrap();
    let versions = [&twice, &edited, &deleted].map(|changed| changed.version);
    assert_eq!(versions, [2, 1, 2]);

    let found = store.recent_changes(since, 10).await.unwrap();
    assert_eq!(found, [twice.clone(), deleted.clone()], "{}", third.id);
    // The latest ones, if there are too many.
    let found = store.recent_changes(since, 1).await.unwrap();
    assert_eq!(found, [deleted]);
    let later = messaging_domain::Timestamp::from_millis(since.millis() + 60_000);
    assert_eq!(store.recent_changes(later, 10).await.unwrap(), []);
}
