//! The store against a real MongoDB.

#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

mod append;
mod contracts;
mod faults;
mod idempotency;
mod reading;
mod world;
