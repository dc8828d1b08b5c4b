//! Keys that change while tokens are checked by them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use messaging_test_support::eventually;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::keys::{ED_1, ED_2, P256_1, P256_2, RSA_1, RSA_2, TestKey, hmac_token, set};
use crate::process::Process;
use crate::publisher::{Answer, Publisher};

/// The order in which the host signs, each from the moment on at which it has published it.
const KEYS: [TestKey; 6] = [P256_1, ED_1, RSA_1, P256_2, ED_2, RSA_2];

/// Good tokens of a key that must be checked before the next one comes.
const TOKENS_PER_KEY: usize = 40;

const WORKERS: usize = 8;

/// How long the tokens of one key may take.
const BOUND: Duration = Duration::from_secs(60);

/// What is signed by a key, and what pretends to be.
struct Tokens {
    key: TestKey,
    good: String,
    bad: Vec<String>,
}

#[derive(Default)]
struct Counts {
    good: AtomicUsize,
    bad: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_load_and_no_good_token_is_refused_and_no_bad_one_accepted() {
    let publisher = Publisher::start(Answer::Document(set(&[KEYS[0].public()]))).await;
    let process = Arc::new(Process::at_url(&publisher.url()));
    process.ready().await;
    // Signing takes long where nothing is optimised, so it is done before.
    let tokens = KEYS.map(|key| Arc::new(Tokens::of(key)));
    let (signing, _) = watch::channel(Arc::clone(&tokens[0]));
    let (counts, ending) = (
        Arc::new(Counts::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (process, signing) = (Arc::clone(&process), signing.subscribe());
        let (counts, ending) = (Arc::clone(&counts), Arc::clone(&ending));
        workers.spawn(async move {
            while !ending.load(Ordering::SeqCst) {
                let tokens = Arc::clone(&signing.borrow());
                work(&process, &tokens, &counts).await;
                // A check that has nothing to wait for does not let anyone else run.
                tokio::task::yield_now().await;
            }
        });
    }
    for pair in tokens.windows(2) {
        until_checked(&counts, TOKENS_PER_KEY).await;
        // The old one stays for the tokens that it has signed; the new one signs at once.
        publisher.publish(set(&[pair[0].key.public(), pair[1].key.public()]));
        signing.send_replace(Arc::clone(&pair[1]));
    }
    until_checked(&counts, TOKENS_PER_KEY).await;
    ending.store(true, Ordering::SeqCst);
    workers.join_all().await;
    let (good, bad) = (
        counts.good.load(Ordering::SeqCst),
        counts.bad.load(Ordering::SeqCst),
    );
    println!(
        "{good} good and {bad} bad tokens, {} fetches",
        publisher.asked()
    );
    process.refuses(&tokens[0].good).await;
    assert_eq!(process.keys(), 2);
    assert!(
        publisher.asked() <= 2 * KEYS.len() + 3,
        "{}",
        publisher.asked()
    );
}

impl Tokens {
    fn of(key: TestKey) -> Self {
        let good = key.token();
        let forger = match key.kid {
            "p256-1" => P256_2,
            "p256-2" => P256_1,
            "ed-1" => ED_2,
            "ed-2" => ED_1,
            "rsa-1" => RSA_2,
            _ => RSA_1,
        };
        let forged = forger.named(key.kid).token();
        let three_parts = |token: &str| -> [String; 3] {
            let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
            parts.try_into().expect("it has three parts")
        };
        let [head, claims, signature] = three_parts(&good);
        let [.., other_signature] = three_parts(&forged);
        let bad = vec![
            format!("{head}.{claims}.{other_signature}"),
            format!("{head}.{claims}."),
            format!("{head}.{}.{signature}", claims.to_lowercase()),
            hmac_token(key.public().to_string().as_bytes(), Some(key.kid)),
            forged,
        ];
        Self { key, good, bad }
    }
}

/// Checks a good token, and some that somebody made of it.
async fn work(process: &Process, tokens: &Tokens, counts: &Counts) {
    process.accepts(&tokens.good).await;
    counts.good.fetch_add(1, Ordering::SeqCst);
    for bad in &tokens.bad {
        process.refuses(bad).await;
        counts.bad.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until so many more good tokens were checked.
async fn until_checked(counts: &Counts, more: usize) {
    let enough = counts.good.load(Ordering::SeqCst) + more;
    let what = format!("{enough} good tokens were checked");
    eventually(BOUND, &what, async || {
        counts.good.load(Ordering::SeqCst) >= enough
    })
    .await;
}
