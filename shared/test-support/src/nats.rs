//! A real nats-server with JetStream.

use std::net::SocketAddr;

use messaging_embedded::{Program, accepts_clients, nats_server_arguments};
use nix::sys::signal::Signal;
use tokio::sync::OnceCell;

use crate::server::{Kind, TestServer};

static NATS_SERVER: Kind = Kind {
    program: Program::NatsServer,
    arguments: nats_server_arguments,
    answers: |port| Box::pin(accepts_clients(port)),
};

/// A nats-server on a port that stays the same over stops and starts.
pub struct NatsServer {
    server: TestServer,
}

impl NatsServer {
    /// Starts one for the caller alone.
    pub async fn start() -> Self {
        Self {
            server: TestServer::start(&NATS_SERVER).await,
        }
    }

    /// The one that the tests of this process share; take subjects of your own
    /// ([`unique_prefix`](crate::unique_prefix)), and leave it running.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<NatsServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The address for a client.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.server.port())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.server.port()))
    }

    /// Ends it in order, and waits for that.
    pub async fn stop(&self) {
        self.server.end_by(Signal::SIGTERM).await;
    }

    /// Kills it with -9.
    pub async fn kill(&self) {
        self.server.end_by(Signal::SIGKILL).await;
    }

    /// Starts it again after a stop, with the streams that it had.
    pub async fn start_again(&self) {
        self.server.start_again().await;
    }

    /// Kills it, forgets its streams and buckets, and starts it again.
    pub async fn restart_empty(&self) {
        self.kill().await;
        self.server.empty();
        self.server.start_again().await;
    }

    /// Stops its clock: connections stay, nothing answers.
    pub async fn pause(&self) {
        self.server.pause().await;
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.server.resume();
    }
}
