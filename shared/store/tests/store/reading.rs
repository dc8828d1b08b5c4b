use messaging_domain::Party;
use messaging_store::{ConversationKey, Cursor, HistoryRange};
use mongodb::bson::{Document, doc};

use crate::world::{Replica, World, contract_id, user};

const PLENTY: usize = 1 << 20;

async fn marks(replica: &Replica, key: &ConversationKey) -> [(u64, u64); 2] {
    let seen = replica
        .store
        .conversation(key, Party::Client)
        .await
        .unwrap()
        .unwrap();
    seen.participants
        .map(|participant| (participant.read_seq, participant.unread_count))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_mark_grows_up_to_the_last_message_and_never_shrinks() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let empty = replica
        .store
        .mark_read(&key, Party::Client, None)
        .await
        .unwrap();
    assert!(!empty.grew);
    // c f f c f
    for party in [
        Party::Client,
        Party::Freelancer,
        Party::Freelancer,
        Party::Client,
        Party::Freelancer,
    ] {
        replica.say(&key, party, "x").await;
    }
    assert_eq!(marks(&replica, &key).await, [(0, 3), (0, 2)]);
    let read = replica
        .store
        .mark_read(&key, Party::Client, Some(2))
        .await
        .unwrap();
    assert_eq!(
        (read.grew, read.receipt.read_seq, read.receipt.unread_count),
        (true, 2, 2)
    );
    assert!(read.receipt.read_at.is_some());
    let back = replica
        .store
        .mark_read(&key, Party::Client, Some(1))
        .await
        .unwrap();
    assert_eq!((back.grew, &back.receipt), (false, &read.receipt));
    let zero = replica
        .store
        .mark_read(&key, Party::Client, Some(0))
        .await
        .unwrap();
    assert_eq!((zero.grew, &zero.receipt), (false, &read.receipt));
    let beyond = replica
        .store
        .mark_read(&key, Party::Client, Some(u64::MAX))
        .await
        .unwrap();
    assert_eq!(
        (
            beyond.grew,
            beyond.receipt.read_seq,
            beyond.receipt.unread_count
        ),
        (true, 5, 0)
    );
    assert_eq!(marks(&replica, &key).await, [(5, 0), (0, 2)]);
    let all = replica
        .store
        .mark_read(&key, Party::Freelancer, None)
        .await
        .unwrap();
    assert_eq!(
        (all.grew, all.receipt.read_seq, all.receipt.unread_count),
        (true, 5, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_marks_nothing_as_read_and_a_deleted_message_stays_unread() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    replica.say(&key, Party::Client, "x").await;
    replica.say(&key, Party::Freelancer, "x").await;
    let time = mongodb::bson::DateTime::now();
    let deletion = doc! { "$set": { "content": "", "deletedAt": time } };
    let messages = world.raw().await.collection::<Document>("messages");
    messages
        .update_one(doc! { "seq": 2 }, deletion)
        .await
        .unwrap();
    assert_eq!(marks(&replica, &key).await, [(0, 1), (0, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipient_is_told_what_he_has_not_read() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    replica.say(&key, Party::Client, "1").await;
    replica.say(&key, Party::Client, "2").await;
    replica
        .store
        .mark_read(&key, Party::Freelancer, Some(1))
        .await
        .unwrap();
    replica.say(&key, Party::Client, "3").await;
    replica.say(&key, Party::Freelancer, "4").await;
    let unread: Vec<u64> = replica
        .committed()
        .iter()
        .map(|one| one.recipient_unread)
        .collect();
    assert_eq!(unread, [1, 2, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_by_their_last_message_page_by_page() {
    let world = World::new().await;
    let replica = world.replica();
    let mut keys = Vec::new();
    for index in 0..7 {
        keys.push(replica.conversation(&format!("c-{index}")).await);
    }
    // The last one stays without a message, and so unseen.
    for index in [0, 1, 2, 3, 4, 5, 2] {
        replica
            .say(&keys[index], Party::Client, &format!("to {index}"))
            .await;
    }
    let (mut listed, mut cursor, mut pages) = (Vec::new(), None::<Cursor>, 0);
    loop {
        let page = replica
            .store
            .conversations(&user("freelancer"), 2, cursor)
            .await
            .unwrap();
        listed.extend(page.items);
        pages += 1;
        cursor = page.next_cursor.map(|cursor| cursor.parse().unwrap());
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let mut times: Vec<_> = listed.iter().map(|one| (one.updated_at, one.id)).collect();
    times.reverse();
    assert!(times.is_sorted(), "{times:?}");
    let ids: std::collections::HashSet<_> = listed.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), 6);
    assert!(!ids.contains(&keys[6].id()));
    let two = listed.iter().find(|one| one.id == keys[2].id()).unwrap();
    assert_eq!((two.last_seq, two.unread_count), (2, 2));
    assert_eq!(two.last_message.as_ref().unwrap().content, "to 2");
    assert!(two.created_at <= two.updated_at);
    assert!(
        replica
            .store
            .conversations(&user("stranger"), 20, None)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_in_both_directions() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    for index in 1..=10 {
        replica
            .say(
                &key,
                Party::Client,
                &format!("message {index} {}", "x".repeat(1_000)),
            )
            .await;
    }
    let check = async |range, limit, bytes_max, seqs: std::ops::RangeInclusive<u64>, has_more| {
        let page = replica
            .store
            .history(&key, range, limit, bytes_max)
            .await
            .unwrap();
        let found: Vec<u64> = page.items.iter().map(|message| message.seq).collect();
        assert_eq!(
            (found, page.has_more),
            (seqs.collect(), has_more),
            "{range:?} {limit} {bytes_max}"
        );
    };
    check(HistoryRange::Newest, 3, PLENTY, 8..=10, true).await;
    check(HistoryRange::Newest, 10, PLENTY, 1..=10, false).await;
    check(HistoryRange::Before(8), 3, PLENTY, 5..=7, true).await;
    check(HistoryRange::Before(4), 3, PLENTY, 1..=3, false).await;
    check(HistoryRange::After(0), 3, PLENTY, 1..=3, true).await;
    check(HistoryRange::After(7), 3, PLENTY, 8..=10, false).await;
    check(HistoryRange::After(9), 3, PLENTY, 10..=10, false).await;
    // Some 1,300 bytes of JSON each.
    check(HistoryRange::After(2), 5, 3_000, 3..=4, true).await;
    check(HistoryRange::Newest, 5, 3_000, 9..=10, true).await;
    check(HistoryRange::Newest, 5, 1, 10..=10, true).await;
    let beyond = HistoryRange::After(u64::MAX);
    let page = replica
        .store
        .history(&key, beyond, 3, PLENTY)
        .await
        .unwrap();
    assert!(page.items.is_empty() && !page.has_more);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_lags_behind_misleads_nobody() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    for _ in 0..5 {
        replica.say(&key, Party::Client, "x").await;
    }
    let raw = world.raw().await;
    let lag = doc! { "$set": { "lastSeq": 2_i64, "nc": 2_i64 } };
    raw.collection::<Document>("conversations")
        .update_one(doc! {}, lag)
        .await
        .unwrap();
    let seen = replica
        .store
        .conversation(&key, Party::Freelancer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.last_seq, seen.unread_count), (5, 5));
    assert_eq!(
        replica
            .store
            .conversations(&user("client"), 20, None)
            .await
            .unwrap()
            .items[0]
            .last_seq,
        5
    );
    assert_eq!(
        replica.store.head(&[key.id()]).await.unwrap(),
        [(key.id(), 5)]
    );
    let read = replica
        .store
        .mark_read(&key, Party::Freelancer, Some(4))
        .await
        .unwrap();
    assert_eq!((read.receipt.read_seq, read.receipt.unread_count), (4, 1));
    // A replica that knows nothing yet numbers from the summary, collides, and finds the end of the log.
    let cold = world.replica();
    assert_eq!(cold.say(&key, Party::Client, "6").await, 6);
    let stored = raw
        .collection::<Document>("conversations")
        .find_one(doc! {})
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.get_i64("lastSeq").unwrap(), 6);
    assert_eq!(stored.get_i64("nc").unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_recently_is_found_and_its_summaries_are_repaired() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    let before =
        messaging_domain::Timestamp::from_millis(mongodb::bson::DateTime::now().timestamp_millis());
    for _ in 0..3 {
        replica.say(&key, Party::Client, "x").await;
    }
    let conversations = world.raw().await.collection::<Document>("conversations");
    let lost = doc! { "$set": { "lastSeq": 0_i64, "nc": 0_i64 }, "$unset": { "createdAt": 1, "updatedAt": 1 } };
    conversations.update_one(doc! {}, lost).await.unwrap();
    assert!(
        replica
            .store
            .conversations(&user("client"), 20, None)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let recent = world.replica().store.recent(before, 100).await.unwrap();
    // What is found in the log has no time of commit.
    let mut repeated = replica.committed();
    for committed in &mut repeated {
        assert!(committed.committed_at.take().is_some());
    }
    assert_eq!(recent, repeated);
    let listed = replica
        .store
        .conversations(&user("client"), 20, None)
        .await
        .unwrap()
        .items;
    assert_eq!(listed[0].last_seq, 3);
    assert_eq!(listed[0].created_at, recent[0].message.created_at);
    let latest = world.replica().store.recent(before, 2).await.unwrap();
    assert_eq!(latest, repeated[1..]);
    let later = messaging_domain::Timestamp::from_millis(before.millis() + 3_600_000);
    assert!(replica.store.recent(later, 100).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_recently_is_found_as_he_stands_now() {
    let world = World::new().await;
    let replica = world.replica();
    let (first, second) = (
        replica.conversation("c-1").await,
        replica.conversation("c-2").await,
    );
    for key in [&first, &second] {
        for _ in 0..3 {
            replica.say(key, Party::Client, "x").await;
        }
    }
    let before =
        messaging_domain::Timestamp::from_millis(mongodb::bson::DateTime::now().timestamp_millis());
    let read = async |key, party, seq| {
        let marked = replica.store.mark_read(key, party, Some(seq)).await;
        marked.unwrap().receipt
    };
    read(&first, Party::Freelancer, 1).await;
    let of_first = read(&first, Party::Freelancer, 2).await;
    let of_second = [
        read(&second, Party::Client, 3).await,
        read(&second, Party::Freelancer, 3).await,
    ];

    let other = world.replica().store;
    let recent = other.recent_reads(before, 100).await.unwrap();
    let expected = [of_second.to_vec(), vec![of_first]].concat();
    assert_eq!(recent, expected);
    assert_eq!(other.recent_reads(before, 1).await.unwrap(), of_second);
    let later = messaging_domain::Timestamp::from_millis(before.millis() + 3_600_000);
    assert!(other.recent_reads(later, 100).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_conversation_is_seen_from_its_first_message_on() {
    let world = World::new().await;
    let replica = world.replica();
    let key = replica.conversation("c-1").await;
    assert_eq!(
        replica
            .store
            .conversation(&key, Party::Client)
            .await
            .unwrap(),
        None
    );
    assert_eq!(replica.store.head(&[key.id()]).await.unwrap(), []);
    let other = world.replica();
    assert_eq!(
        other.store.conversation_key(key.id()).await.unwrap(),
        Some(key.clone())
    );
    let message = replica
        .store
        .append(&key, Party::Client, crate::world::message("1"))
        .await
        .unwrap()
        .message;
    let seen = other
        .store
        .conversation(&key, Party::Client)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.created_at, seen.last_message),
        (message.created_at, Some(message))
    );
    assert_eq!(seen.contract_id, contract_id("c-1"));
    let unknown = messaging_domain::ConversationId::from_bytes([0; 12]);
    assert_eq!(other.store.conversation_key(unknown).await.unwrap(), None);
}
