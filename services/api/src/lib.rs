//! The stateless API service: REST for clients, commands for gateways, MongoDB behind both.

mod announcer;
mod app;
mod command;
mod config;
pub mod http;
mod republish;
mod revocations;
mod sweep;
mod usecase;

pub use app::{Api, ApiError, replica_name};
pub use config::{ApiConfig, ProcessConfig, RevocationLimits};
