//! Who is calling: JSON Web Tokens, checked and, for development, minted.

mod claims;
mod config;
mod jwks;
mod key;
mod mint;
mod own_keys;
mod pem;
mod revocations;
mod rules;
mod token_head;
mod verifier;

pub use claims::{Identity, Role};
pub use config::{AuthConfig, JwtSecret};
pub use jwks::BadKeySet;
pub use key::BadKey;
pub use mint::{Duration, DurationError, MintError, mint};
pub use pem::KeyError;
pub use revocations::{Revocations, Round};
pub use verifier::{TokenError, Verifier, VerifierError};
