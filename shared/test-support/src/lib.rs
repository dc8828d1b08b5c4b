//! Real servers and processes for tests: started on free loopback ports, ended with the test.
//!
//! Everything here panics when it cannot do its job, as a test should. Whatever is started ends
//! when its value is dropped or, for what is shared between tests, when the test process ends,
//! however that ends.

#![expect(clippy::panic, reason = "a test ends by panicking")]

mod eventually;
mod guard;
mod mongo;
mod nats;
mod proxy;
mod server;
mod service;
mod service_log;
mod unique;
mod written;

pub use eventually::{eventually, eventually_some};
pub use mongo::{MongoCluster, MongoServer};
pub use nats::{NatsCluster, NatsServer};
pub use nix::sys::signal::Signal;
pub use proxy::TcpProxy;
pub use service::{ServiceProcess, binary_path};
pub use unique::unique_prefix;
pub use written::assert_written_part;

/// A port of 127.0.0.1 that nobody listens on at this moment.
pub fn free_port() -> u16 {
    messaging_embedded::free_port().expect("the loopback interface has a free port")
}
