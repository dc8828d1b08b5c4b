//! Tokens that nobody signed, by the thousand.

use serde_json::json;
use tokio::task::JoinSet;

use crate::keys::{LATER, P256_1, P256_2, RSA_1, set};
use crate::process::Process;
use crate::publisher::{Answer, Publisher};

const FORGED: usize = 3_000;

/// Among those; to sign takes long where nothing is optimised.
const UNKNOWN_KIDS: usize = 50;

/// Fetches that unknown keys may cause before the long interval counts, each a second after the last one.
const BURST: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_kids_cause_a_bounded_number_of_fetches() {
    let publisher = Publisher::start(Answer::Document(set(&[P256_1.public()]))).await;
    let process = Process::at_url(&publisher.url());
    process.ready().await;
    let claims = json!({"sub": "u-1", "exp": LATER});
    let unknown = |number: usize| P256_2.sign(Some(&format!("unknown-{number}")), &claims);
    let forged: Vec<String> = (0..UNKNOWN_KIDS).map(unknown).collect();
    let good = P256_1.token();
    let before = publisher.asked();
    let start = tokio::time::Instant::now();
    let mut checks = JoinSet::new();
    for (number, token) in forged.iter().cycle().take(FORGED).enumerate() {
        let (verifier, token) = (process.verifier.clone(), token.clone());
        checks.spawn(async move { verifier.verify(&token).await.is_err() });
        if number % 10 == 0 {
            process.accepts(&good).await;
        }
        tokio::task::yield_now().await;
    }
    assert!(checks.join_all().await.into_iter().all(|refused| refused));
    let (fetches, seconds) = (publisher.asked() - before, start.elapsed().as_secs());
    println!("{FORGED} unknown kids in {seconds} s: {fetches} fetches");
    let seconds = usize::try_from(seconds).unwrap();
    let bound = (seconds + 2).min(BURST + 1 + seconds / 10);
    assert!((1..=bound).contains(&fetches), "{fetches} in {seconds} s");
}

#[tokio::test]
async fn some_wrong_tokens_do_not_keep_a_new_key_from_being_known() {
    let publisher = Publisher::start(Answer::Document(set(&[P256_1.public()]))).await;
    let process = Process::at_url(&publisher.url());
    process.ready().await;
    let wrong = ["a", "b", "c", "d"].map(|kid| P256_1.named(kid).token());
    tokio::join!(
        process.refuses(&wrong[0]),
        process.refuses(&wrong[1]),
        process.refuses(&wrong[2]),
    );
    process.refuses(&wrong[3]).await;
    publisher.publish(set(&[P256_2.public()]));
    process.accepts(&P256_2.token()).await;
}

#[tokio::test]
async fn many_tokens_of_a_new_key_share_one_fetch() {
    let publisher = Publisher::start(Answer::Document(set(&[P256_1.public()]))).await;
    let process = Process::at_url(&publisher.url());
    process.ready().await;
    process.accepts(&P256_1.token()).await;
    publisher.answer(Answer::Silence);
    let before = publisher.asked();
    let token = P256_2.token();
    let mut checks = JoinSet::new();
    for _ in 0..500 {
        let (verifier, token) = (process.verifier.clone(), token.clone());
        checks.spawn(async move { verifier.verify(&token).await.is_ok() });
    }
    publisher.until_asked(before + 1).await;
    publisher.publish(set(&[P256_2.public()]));
    assert!(checks.join_all().await.into_iter().all(|accepted| accepted));
    // The second one is of those who came when the first one had begun, if any did.
    let fetches = publisher.asked() - before;
    assert!((1..=2).contains(&fetches), "{fetches}");
}

#[tokio::test]
async fn a_forged_signature_or_algorithm_causes_no_fetch() {
    let publisher =
        Publisher::start(Answer::Document(set(&[P256_1.public(), RSA_1.public()]))).await;
    let process = Process::at_url(&publisher.url());
    process.ready().await;
    let before = publisher.asked();
    for _ in 0..50 {
        process.refuses(&P256_2.named("p256-1").token()).await;
        process.refuses(&P256_1.named("rsa-1").token()).await;
        process.refuses(&P256_2.token_without_kid()).await;
    }
    assert_eq!(publisher.asked(), before);
}
