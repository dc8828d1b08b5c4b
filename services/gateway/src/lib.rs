//! The gateway: Socket.IO and plain WebSockets for clients, NATS behind them, presence beside.
//!
//! It knows no database and no client but its own. `transport` and `dialect` bring events of clients to the
//! [`application`], which is the gateway itself or the echo server of the examples.

mod api;
mod app;
pub mod application;
mod canary;
mod client;
mod client_metrics;
mod config;
pub mod connection;
pub mod dialect;
mod drain;
mod event;
mod expiry;
mod hand_over;
mod hub;
mod inbound;
mod interest;
mod metrics;
mod missed;
mod mutant;
mod peers;
mod presence;
mod recovery;
mod refill;
mod service;
pub mod session;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod test_bus;
pub mod transport;
mod turnstile;

pub use app::GatewayError;
pub use config::{ConnectionLimits, GatewayConfig, ProcessConfig};
pub use presence::PresenceConfig;
pub use service::GatewayService;
