use messaging_auth::{JwtSecret, Role, mint};
use messaging_domain::Timestamp;
use messaging_lifecycle::now;
use serde_json::{Value, json};

/// The `JWT_SECRET` of every process of a test.
pub(crate) const SECRET: &str = "the secret of the end-to-end tests, long enough";

const SECRET_OF_NOBODY: &str = "a secret that nobody has been told, long enough";

/// The tokens of everyone who appears in the scenarios, by name. Each name is also the user's id.
pub(crate) fn tokens() -> Value {
    json!({
        "ada": sign(SECRET, "ada", Role::Client, HOUR_SECONDS),
        "ben": sign(SECRET, "ben", Role::Freelancer, HOUR_SECONDS),
        "cleo": sign(SECRET, "cleo", Role::Client, HOUR_SECONDS),
        "host": sign(SECRET, "host", Role::Service, HOUR_SECONDS),
        "forged": sign(SECRET_OF_NOBODY, "ada", Role::Client, HOUR_SECONDS),
        "expired": sign(SECRET, "ada", Role::Client, -HOUR_SECONDS),
        "ada_for_5_seconds": sign(SECRET, "ada", Role::Client, 5),
    })
}

const HOUR_SECONDS: i64 = 3_600;

/// A token that holds for so many seconds from now on.
fn sign(secret: &str, user: &str, role: Role, seconds: i64) -> String {
    let user = user.parse().expect("a valid id");
    let hour = "1h".parse().expect("a duration");
    // A token that has expired must have been minted in the past.
    let minted = Timestamp::from_millis(now().millis() + (seconds - HOUR_SECONDS) * 1_000);
    let secret = JwtSecret::new(secret.to_owned());
    mint(&secret, &user, Some(role), None, minted, hour).expect("it can be signed")
}
