use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messaging_bus::{BucketError, RevocationBucket};
use messaging_domain::{Revocation, RevocationNews, Revoked, Timestamp};
use messaging_lifecycle::{Tasks, now};
use messaging_test_support::{NatsServer, eventually, unique_prefix};
use parking_lot::Mutex;

use super::{BOUND, connect};

/// What a follower knows, and what it has been told of as a whole.
#[derive(Default)]
struct Heard {
    known: BTreeMap<String, Timestamp>,
    begun: usize,
    all_told: usize,
}

fn follow(bucket: &RevocationBucket, tasks: &Tasks) -> Arc<Mutex<Heard>> {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let told = Arc::clone(&heard);
    let _settled = bucket.clone().follow(tasks, move |news| {
        let mut heard = told.lock();
        match news {
            RevocationNews::Begun => heard.begun += 1,
            RevocationNews::Noted(revocation) => {
                heard
                    .known
                    .insert(revocation.of.to_string(), revocation.before);
            }
            RevocationNews::Lifted(of) => {
                heard.known.remove(&of.to_string());
            }
            RevocationNews::AllTold => heard.all_told += 1,
        }
    });
    heard
}

fn name(text: &str) -> Revoked {
    text.parse().expect("a name")
}

fn revocation(of: &str, expires_in: Duration) -> Revocation {
    let millis = i64::try_from(expires_in.as_millis()).expect("a short time");
    Revocation {
        of: name(of),
        before: Timestamp::from_millis(10_000),
        expires_at: Timestamp::from_millis(now().millis() + millis),
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_follower_hears_of_what_there_is_and_of_each_change() {
    let nats = NatsServer::shared().await;
    let bucket = RevocationBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    bucket
        .put(&revocation("user.before", HOUR))
        .await
        .expect("put");
    bucket
        .put(&revocation("token.YQ", HOUR))
        .await
        .expect("put");
    bucket.set_complete().await.expect("put");
    assert!(bucket.is_complete().await.expect("read"));
    let tasks = Tasks::new();
    let heard = follow(&bucket, &tasks);
    eventually(BOUND, "all is told", async || heard.lock().all_told == 1).await;
    let known = || heard.lock().known.keys().cloned().collect::<Vec<_>>();
    assert_eq!(known(), ["token.YQ", "user.before"]);
    bucket
        .put(&revocation("user.later", HOUR))
        .await
        .expect("put");
    bucket.lift(&name("token.YQ")).await.expect("lifted");
    let is_heard = async || known() == ["user.before", "user.later"];
    eventually(BOUND, "the changes are heard", is_heard).await;
    let brief = revocation("user.brief", Duration::from_secs(1));
    bucket.put(&brief).await.expect("put");
    let is_over = async || known() == ["user.before", "user.later"];
    let is_there = async || known().len() == 3;
    eventually(BOUND, "the brief one is heard of", is_there).await;
    eventually(BOUND, "its end is heard of", is_over).await;
    assert_eq!(heard.lock().all_told, 1);
    tasks.stop(BOUND).await.expect("the tasks end");
}

#[tokio::test]
async fn after_nats_came_back_empty_nothing_is_all_until_somebody_completes_it() {
    let nats = NatsServer::start().await;
    let bucket = RevocationBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    bucket
        .put(&revocation("user.u-1", HOUR))
        .await
        .expect("put");
    bucket.set_complete().await.expect("put");
    let tasks = Tasks::new();
    let heard = follow(&bucket, &tasks);
    eventually(BOUND, "all is told", async || heard.lock().all_told == 1).await;
    nats.restart_empty().await;
    eventually(BOUND, "it is made anew", async || {
        bucket.ensure().await.is_ok()
    })
    .await;
    let is_anew = async || heard.lock().begun > 1;
    eventually(BOUND, "it is followed anew", is_anew).await;
    let empty = bucket.read([name("user.u-1")].iter()).await.expect("read");
    assert!(empty.is_empty(), "{empty:?}");
    assert!(!bucket.is_complete().await.expect("read"));
    bucket
        .put(&revocation("user.u-2", HOUR))
        .await
        .expect("put");
    let is_heard = async || heard.lock().known.contains_key("user.u-2");
    eventually(BOUND, "what is put anew is heard of", is_heard).await;
    assert_eq!(heard.lock().all_told, 1, "it is not complete yet");
    bucket.set_complete().await.expect("put");
    let is_told = async || heard.lock().all_told == 2;
    eventually(BOUND, "all is told again", is_told).await;
    tasks.stop(BOUND).await.expect("the tasks end");
}

#[tokio::test]
async fn who_repairs_an_entry_does_not_undo_what_came_between() {
    let nats = NatsServer::shared().await;
    let bucket = RevocationBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    bucket.ensure().await.expect("the bucket is made");
    let made = revocation("user.u-1", HOUR);
    let read = async || {
        let mut entries = bucket.read([made.of.clone()].iter()).await.expect("read");
        entries.remove(&made.of)
    };
    assert_eq!(read().await, None);
    bucket.put_after(&made, 0).await.expect("the first write");
    let again = bucket.put_after(&made, 0).await;
    assert!(matches!(again, Err(BucketError::Conflict)), "{again:?}");
    let there = read().await.expect("it is there");
    assert_eq!(there.revocation.as_ref(), Some(&made));
    bucket.lift(&made.of).await.expect("lifted");
    let late = bucket.put_after(&made, there.revision).await;
    assert!(matches!(late, Err(BucketError::Conflict)), "{late:?}");
    let trace = read().await.expect("its trace is there");
    assert_eq!(trace.revocation, None);
    bucket.put_after(&made, trace.revision).await.expect("put");
    let late = bucket.lift_after(&made.of, trace.revision).await;
    assert!(matches!(late, Err(BucketError::Conflict)), "{late:?}");
}

#[tokio::test]
async fn a_process_settles_although_nobody_completes_the_bucket() {
    let nats = NatsServer::shared().await;
    let bucket = RevocationBucket::new(&connect(&nats.url(), &unique_prefix()).await);
    let tasks = Tasks::new();
    let mut settled = bucket.follow(&tasks, drop);
    let waited = tokio::time::timeout(BOUND, settled.wait_for(|settled| *settled));
    let _settled = waited.await.expect("in time").expect("it is followed");
    tasks.stop(BOUND).await.expect("the tasks end");
}
