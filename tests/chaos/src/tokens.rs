use messaging_auth::{JwtSecret, Role, mint};
use messaging_lifecycle::now;

/// The `JWT_SECRET` of every process.
pub(crate) const SECRET: &str = "a secret for runs with faults, of at least 32 bytes";

/// A token for a user.
pub(crate) fn token(user: &str, role: Option<Role>) -> String {
    let user = user.parse().expect("a valid id");
    let expires_in = "1d".parse().expect("a duration");
    let secret = JwtSecret::new(SECRET.to_owned());
    mint(&secret, &user, role, None, now(), expires_in).expect("HMAC does not fail")
}
