//! The store against a real MongoDB.

#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

mod append;
mod attachments;
mod changes;
mod contracts;
mod cost;
mod failover;
mod faults;
mod idempotency;
mod import;
mod last_seen;
mod probes;
mod reading;
mod revocations;
mod world;
