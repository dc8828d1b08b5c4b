//! Who is connected to this gateway, told to the others, and what is told of users who came or went.
//!
//! A user comes: the entry is written, then all entries of the user are read; he is announced if his entry here is the first of
//! those that live. He goes: after the grace the entry is deleted, and then all are read; he is announced if none lives and no
//! other was deleted later. So each change has one announcer, whichever gateways it touches, without a lock between them.
//!
//! Who announced it remembers it for a while: a gateway that could not hear for a moment asks all others to say again what they said.

mod announce;
mod clean_up;
mod registry;
mod retell;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use clean_up::LeaseKeeper;
pub(crate) use registry::{Admission, Presence, Replaced};
pub(crate) use retell::ask_all_again;

use std::time::Duration;

/// How presence is kept.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// `PRESENCE_GRACE_MS`: how long a user without a connection still counts as online, so that a page reload is no news.
    pub grace: Duration,
    /// `CONNECTIONS_PER_USER_MAX`: connections of one user on all gateways; none for no limit.
    pub connections_per_user_max: Option<u32>,
}
