//! What outlives a transport: the sessions of Engine.IO, and the list of all connections.

mod engine;
mod id;
mod sockets;

pub use sockets::Sockets;

pub(crate) use engine::{EngineSession, Probe, RequestRefused, Sessions};
pub(crate) use id::random_id;
