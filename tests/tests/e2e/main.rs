//! Clients, gateways and API replicas together: real processes, a real MongoDB and NATS, and the unmodified
//! `socket.io-client`.
//!
//! Each test starts the processes that it needs, with a database and subjects of its own, and runs one scenario of
//! `tests/e2e/scenarios` against them. What a scenario cannot do itself, such as to kill a server, it asks its test for.
//! The cases of the wire contract, `tests/e2e/contract`, share a few clusters.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod dashboards;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod observability;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod process;
#[cfg(test)]
mod programs;
mod recovery;
#[cfg(test)]
mod revocations;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod standalone;
#[cfg(test)]
mod support;
#[cfg(test)]
mod traces;
