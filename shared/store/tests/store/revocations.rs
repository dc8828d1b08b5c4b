use messaging_domain::{Revocation, Revoked, Timestamp};
use messaging_lifecycle::now;
use messaging_store::RevokeError;
use messaging_test_support::eventually;
use mongodb::bson::{Document, doc};

use crate::world::{BOUND, World};

/// Others than the one at hand that there may be, where that is not what a test is about.
const MANY: u64 = 1_000;

/// MongoDB looks once in so long for what is over.
const SWEEP_BOUND: std::time::Duration = std::time::Duration::from_secs(150);

fn name(text: &str) -> Revoked {
    text.parse().expect("a name")
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(now().millis() + seconds * 1_000)
}

fn revocation(of: &str, before: i64, expires_in: i64) -> Revocation {
    Revocation {
        of: name(of),
        before: in_seconds(before),
        expires_at: in_seconds(expires_in),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_revocations_of_one_name_the_later_times_count() {
    let world = World::new().await;
    let (one, two) = (&world.replica().store, &world.replica().store);
    let first = revocation("user.u-1", -10, 100);
    assert_eq!(one.revoke(&first, MANY).await.unwrap(), first);
    let earlier = revocation("user.u-1", -20, 50);
    assert_eq!(two.revoke(&earlier, MANY).await.unwrap(), first);
    let later = revocation("user.u-1", -5, 200);
    assert_eq!(two.revoke(&later, MANY).await.unwrap(), later);
    let all = one.revocations_after(None, 10).await.unwrap();
    assert_eq!((all.items, all.next), (vec![later], None));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_each_revocation_in_force_once() {
    let world = World::new().await;
    let store = &world.replica().store;
    let names: Vec<String> = (0..7).map(|n| format!("user.u-{n}")).collect();
    for of in names.iter().map(String::as_str).chain(["token.YQ"]) {
        store.revoke(&revocation(of, 0, 100), MANY).await.unwrap();
    }
    let over = revocation("user.over", -20, -10);
    store.revoke(&over, MANY).await.unwrap();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.revocations_after(after.as_ref(), 3).await.unwrap();
        assert!(page.items.len() <= 3);
        found.extend(page.items.iter().map(|item| item.of.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = ["token.YQ".to_owned()].into_iter().chain(names).collect();
    assert_eq!(found, expected);
    let asked = ["user.u-3", "user.nobody", "user.over"].map(name);
    let some = store.revocations_of(&asked).await.unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(some[0].of, name("user.u-3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_hand_has_written_hides_nothing_that_stands_behind_it() {
    let world = World::new().await;
    let store = &world.replica().store;
    let names = ["user.a", "user.m", "user.z"];
    for of in names {
        store.revoke(&revocation(of, 0, 100), MANY).await.unwrap();
    }
    let later = mongodb::bson::DateTime::from_millis(in_seconds(100).millis());
    let foreign = ["user.b b", "user.c c", "user.d d", "user.n n", "zzz"];
    let collection = world.raw().await.collection::<Document>("revocations");
    for name in foreign {
        let document = doc! { "_id": name, "before": later, "expiresAt": later };
        collection.insert_one(document).await.unwrap();
    }
    let misshapen = doc! { "_id": "user.e", "before": "soon", "expiresAt": later };
    collection.insert_one(misshapen).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..names.len() + 1 {
        let page = store.revocations_after(after.as_ref(), 1).await.unwrap();
        found.extend(page.items.iter().map(|item| item.of.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, after), (names.map(str::to_owned).to_vec(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_there_are_as_many_as_there_may_be_only_those_can_be_made_anew() {
    let world = World::new().await;
    let store = &world.replica().store;
    for of in ["user.a", "user.b"] {
        store.revoke(&revocation(of, 0, 100), 2).await.unwrap();
    }
    let third = store.revoke(&revocation("user.c", 0, 100), 2).await;
    assert!(matches!(third, Err(RevokeError::Full)), "{third:?}");
    let again = revocation("user.a", 10, 200);
    assert_eq!(store.revoke(&again, 2).await.unwrap(), again);
    assert!(store.lift_revocation(&name("user.b")).await.unwrap());
    assert!(!store.lift_revocation(&name("user.b")).await.unwrap());
    store
        .revoke(&revocation("user.c", 0, 100), 2)
        .await
        .unwrap();
}

/// Takes its time: MongoDB removes what is over once a minute.
#[tokio::test(flavor = "multi_thread")]
async fn mongodb_removes_what_is_over() {
    let world = World::new().await;
    let store = &world.replica().store;
    store.prepare().await.unwrap();
    for (of, expires_in) in [("user.over", 1), ("user.in-force", 3_600)] {
        let made = revocation(of, 0, expires_in);
        store.revoke(&made, MANY).await.unwrap();
    }
    let collection = world.raw().await.collection::<Document>("revocations");
    let what = "only the one in force is left";
    let bound = SWEEP_BOUND.max(BOUND);
    eventually(bound, what, async || {
        collection.count_documents(doc! {}).await.unwrap() == 1
    })
    .await;
    let left = collection.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(left.get_str("_id").unwrap(), "user.in-force");
}
