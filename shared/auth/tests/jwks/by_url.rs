//! A key set at a URL that is not always what it should be.

use std::net::SocketAddr;

use messaging_auth::TokenError;
use messaging_test_support::free_port;

use crate::keys::{ED_1, P256_1, P256_2, RSA_1, hmac_token, set};
use crate::process::Process;
use crate::publisher::{Answer, Publisher};

#[tokio::test]
async fn a_process_starts_while_the_url_is_down_and_has_keys_once_it_is_up() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let process = Process::at_url(&format!("http://{address}/jwks.json"));
    process.until_readings("unreachable", 2).await;
    assert!(!process.is_ready());
    assert_eq!(process.user(&P256_1.token()).await, Err(TokenError::NoKeys));
    assert_eq!(
        process.user(&P256_1.token_without_kid()).await,
        Err(TokenError::NoKeys)
    );
    process.refuses(&hmac_token(b"whatever", None)).await;
    process.refuses("no token").await;
    let document = set(&[P256_1.public(), RSA_1.public(), ED_1.public()]);
    let _publisher = Publisher::start_at(address, Answer::Document(document)).await;
    process.ready().await;
    for key in [P256_1, RSA_1, ED_1] {
        process.accepts(&key.token()).await;
    }
    assert_eq!(process.keys(), 3);
    process.stop().await;
}

#[tokio::test]
async fn a_token_that_comes_before_the_first_answer_waits_for_it() {
    let publisher = Publisher::start(Answer::Silence).await;
    let process = Process::at_url(&publisher.url());
    let document = set(&[P256_1.public()]);
    let (token, nameless) = (P256_1.token(), P256_1.token_without_kid());
    let answer = async {
        publisher.until_asked(1).await;
        publisher.publish(document);
    };
    tokio::join!(process.accepts(&token), process.accepts(&nameless), answer);
}

#[tokio::test]
async fn whatever_the_url_answers_the_last_good_keys_are_kept() {
    let good = set(&[P256_1.public()]);
    let publisher = Publisher::start(Answer::Document(good)).await;
    let url = publisher.url();
    let process = Process::start(&[
        ("JWT_ALGORITHMS", "ES256"),
        ("JWT_JWKS_URL", &url),
        ("JWT_JWKS_REFRESH_SECONDS", "1"),
    ]);
    process.ready().await;
    let other = set(&[P256_2.public()]);
    for (bad, outcome) in [
        (
            Answer::Document("<html>Sorry</html>".to_owned()),
            "unusable",
        ),
        (Answer::Document(set(&[])), "unusable"),
        (Answer::Status(500), "unreachable"),
        (Answer::Status(204), "unreachable"),
        (Answer::Elsewhere(other.clone()), "unreachable"),
        (Answer::Endless, "unreachable"),
    ] {
        let before = process.readings(outcome);
        publisher.answer(bad.clone());
        process.until_readings(outcome, before + 2).await;
        process.accepts(&P256_1.token()).await;
        assert!(process.is_ready() && process.keys() == 1, "{bad:?}");
    }
    publisher.publish(other);
    process
        .until("the key set is good again", &P256_2.token(), Ok("u-1"))
        .await;
    process.refuses(&P256_1.token()).await;
    process.stop().await;
}

#[tokio::test]
async fn a_url_that_does_not_answer_holds_nobody_up_for_long() {
    let publisher = Publisher::start(Answer::Document(set(&[P256_1.public()]))).await;
    let process = Process::at_url(&publisher.url());
    process.ready().await;
    publisher.answer(Answer::Silence);
    let start = tokio::time::Instant::now();
    process.refuses(&P256_2.token()).await;
    let waited = start.elapsed();
    assert!((1_500..4_000).contains(&waited.as_millis()), "{waited:?}");
    process.accepts(&P256_1.token()).await;
    // Asked for in vain, and not forgotten: a fetch goes on.
    publisher.publish(set(&[P256_2.public()]));
    process
        .until("the answer has come", &P256_2.token(), Ok("u-1"))
        .await;
    process.stop().await;
}

#[tokio::test]
async fn a_key_that_is_no_longer_published_is_forgotten_at_the_next_refresh() {
    let publisher =
        Publisher::start(Answer::Document(set(&[P256_1.public(), P256_2.public()]))).await;
    let url = publisher.url();
    let process = Process::start(&[
        ("JWT_ALGORITHMS", "ES256"),
        ("JWT_JWKS_URL", &url),
        ("JWT_JWKS_REFRESH_SECONDS", "1"),
    ]);
    process.ready().await;
    process.accepts(&P256_1.token()).await;
    publisher.publish(set(&[P256_2.public()]));
    let gone = Err(TokenError::Invalid);
    process
        .until("the key is gone", &P256_1.token(), gone)
        .await;
    process.accepts(&P256_2.token()).await;
}
