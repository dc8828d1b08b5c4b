use messaging_auth::{JwtSecret, Role, mint};
use messaging_domain::Timestamp;
use messaging_lifecycle::now;
use serde_json::{Value, json};

/// The `JWT_SECRET` of every process of a test.
pub(crate) const SECRET: &str = "the secret of the end-to-end tests, long enough";

/// The tokens of everyone who appears in the scenarios, by name. Each name is also the user's id.
pub(crate) fn tokens() -> Value {
    let soon = Timestamp::from_millis(now().millis() + 2_000);
    json!({
        "ada": token("ada", Role::Client),
        "ben": token("ben", Role::Freelancer),
        "cleo": token("cleo", Role::Client),
        "host": token("host", Role::Service),
        "forged": sign("a secret that nobody has been told, long enough", "ada", Role::Client, now()),
        "expired": sign(SECRET, "ada", Role::Client, Timestamp::from_millis(now().millis() - 2 * HOUR_MS)),
        "ada_for_2_seconds": sign(SECRET, "ada", Role::Client, Timestamp::from_millis(soon.millis() - HOUR_MS)),
    })
}

const HOUR_MS: i64 = 3_600_000;

/// A token that holds for an hour.
fn token(user: &str, role: Role) -> String {
    sign(SECRET, user, role, now())
}

fn sign(secret: &str, user: &str, role: Role, now: Timestamp) -> String {
    let user = user.parse().expect("a valid id");
    let hour = "1h".parse().expect("a duration");
    mint(
        &JwtSecret::new(secret.to_owned()),
        &user,
        Some(role),
        None,
        now,
        hour,
    )
    .expect("it can be signed")
}
