use messaging_domain::Timestamp;

use crate::world::{World, user};

#[tokio::test(flavor = "multi_thread")]
async fn when_a_user_was_last_seen_only_grows() {
    let world = World::new().await;
    let store = &world.replica().store;
    let (alice, bob) = (user("alice"), user("bob"));
    for millis in [1_000, 3_000, 2_000] {
        let at = Timestamp::from_millis(millis);
        store.note_last_seen(&[(&alice, at)]).await.unwrap();
    }
    let seen = store.last_seen(&[&alice, &bob]).await.unwrap();
    assert_eq!(seen.len(), 1, "bob was never seen");
    assert_eq!(seen[&alice].millis(), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_noted_at_once_each_by_its_own_time() {
    let world = World::new().await;
    let store = &world.replica().store;
    let (alice, bob) = (user("alice"), user("bob"));
    let at = Timestamp::from_millis;
    store.note_last_seen(&[]).await.unwrap();
    store
        .note_last_seen(&[(&alice, at(1_000)), (&bob, at(5_000))])
        .await
        .unwrap();
    store
        .note_last_seen(&[(&alice, at(2_000)), (&bob, at(4_000))])
        .await
        .unwrap();
    let seen = store.last_seen(&[&alice, &bob]).await.unwrap();
    assert_eq!((seen[&alice], seen[&bob]), (at(2_000), at(5_000)));
}
