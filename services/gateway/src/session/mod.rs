//! What outlives a transport: the sessions of Engine.IO, and the list of all connections.

mod engine;
mod id;
mod sockets;

pub use sockets::Sockets;

pub(crate) use engine::{Cut, EngineSession, Probe, Request, RequestRefused, Sessions};
pub(crate) use id::{is_id, random_id};
