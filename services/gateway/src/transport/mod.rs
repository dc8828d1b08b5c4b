//! How bytes come and go: WebSockets, long-polling, and the move from one to the other.

mod config;
mod engine;
mod heartbeat;
mod plain;
mod polling;
mod receiver;
mod refusal;
mod relay;
mod request;
mod routes;
pub mod websocket;

pub use config::{PeerTimes, TransportConfig};
pub use engine::{EngineServer, engine_router};
pub use receiver::{Message, Protocol, Receiver};
pub use routes::router;

pub use crate::peers::Peers;
