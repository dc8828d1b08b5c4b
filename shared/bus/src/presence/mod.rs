//! Presence and leases, in one bucket of the key-value store of NATS.
//!
//! - `lease.{kind}.{instance}`: renewed every second by its process; it lives on in NATS for [`LEASE_TTL`].
//! - `user.{user}.{instance}`: how many connections a user has at a gateway. Written by that gateway alone, so nothing is ever
//!   compared and swapped; it counts only while the gateway's lease lives. All entries of a user are read by one request.
//! - `gateway.{instance}`: that there are entries to clean up when the lease has died.
//! - `claim.{instance}`: that a survivor has taken on that clean-up.
//!
//! The order of writes in the bucket's stream decides who announces a change of a user, once: see [`Entry::revision`].

mod bucket;
mod leases;

pub use bucket::{Entry, PresenceBucket};
pub use leases::{Instance, InstanceError, Lease, LeaseKind, LeaseTable};

/// How long a lease lives without being renewed.
pub const LEASE_TTL: std::time::Duration = std::time::Duration::from_secs(3);
