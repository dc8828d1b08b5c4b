//! HTTP as each of the services speaks it: the accept loop, problem documents, bodies and queries, CORS, health.

mod body;
mod collect;
mod cors;
mod drain;
mod health;
mod paced;
mod path;
mod places;
mod problem;
#[cfg(feature = "openapi")]
pub mod refusal;
mod server;
mod unread;

pub use body::{JsonBody, OptionalJsonBody, QueryParameters};
pub use collect::{Uncollected, collect};
pub use cors::{CorsOrigins, refuse_foreign_origins};
pub use drain::{Admission, refuse_while_draining};
#[cfg(feature = "openapi")]
pub use health::HealthDocument;
pub use health::{Health, health_router};
pub use paced::PacedStream;
pub use path::refuse_unreadable_paths;
pub use problem::{Problem, RETRY_AFTER_SECONDS, method_not_allowed, no_such_path, panicked};
pub use server::{BoundServer, ServerConfig};
