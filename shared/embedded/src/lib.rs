//! A `mongod` and a `nats-server` as child processes under one data folder.
//!
//! For a laptop, a small site and the tests: production points `MONGODB_URI` and `NATS_URL` at
//! servers of its own. Each server runs under a watchdog, a second process of the same binary, so
//! that it ends even when the parent is killed; `main` must therefore begin with
//! [`watchdog_main_if_asked`].
//!
//! Both servers listen on 127.0.0.1 without a password: whoever may log in to the machine may
//! read them.

mod bson;
mod child;
mod command;
mod error;
mod folder;
mod leftover;
mod log;
mod mongo;
mod nats;
mod port;
mod program;
mod replica_set;
mod servers;
mod watchdog;

pub use command::CommandError;
pub use error::{EmbeddedError, ServerExit};
pub use folder::DataFolder;
pub use mongo::{EmbeddedMongo, mongod_arguments};
pub use nats::{EmbeddedNats, accepts_clients, nats_server_arguments};
pub use port::free_port;
pub use program::{Program, ProgramError};
pub use replica_set::{ReplicaSet, ReplicaSetError, mongod_answers};
pub use servers::EmbeddedServers;
pub use watchdog::watchdog_main_if_asked;
