//! Who is calling: JSON Web Tokens, checked and, for development, minted.

mod claims;
mod config;
mod mint;
mod verifier;

pub use claims::{Identity, Role};
pub use config::{AuthConfig, JwtSecret};
pub use mint::{Duration, DurationError, MintError, mint};
pub use verifier::{KeyError, TokenError, Verifier};
