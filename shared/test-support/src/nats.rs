//! Real nats-servers with JetStream, alone and as a cluster.

use std::{
    ffi::{OsStr, OsString},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use messaging_embedded::{Program, accepts_clients, nats_server_arguments};
use nix::sys::signal::Signal;
use tokio::sync::OnceCell;

use crate::{
    free_port,
    server::{Kind, PORT_ATTEMPTS_MAX, TestServer},
};

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

    /// Starts one that lets in who knows a password.
    pub async fn start_with_password(user: &str, password: &str) -> Self {
        let more = ["--user", user, "--pass", password].map(OsString::from);
        Self {
            server: TestServer::start_with(&NATS_SERVER, more.into()).await,
        }
    }

    /// Starts one with a configuration file, which says nothing of ports and folders.
    pub async fn start_with_configuration(file: &Path) -> Self {
        let more = [OsString::from("--config"), file.into()];
        Self {
            server: TestServer::start_with(&NATS_SERVER, more.into()).await,
        }
    }

    /// Starts one that speaks TLS, lets in who knows a token, and is called `localhost`; returns the certificate to trust, too.
    pub async fn start_with_tls(token: &str, folder: &Path) -> (Self, PathBuf) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let certified = certified.expect("a key can be made");
        let (certificate, key) = (folder.join("nats.crt"), folder.join("nats.key"));
        fs::write(&certificate, certified.cert.pem()).expect("the folder can be written");
        let secret = certified.signing_key.serialize_pem();
        fs::write(&key, secret).expect("the folder can be written");
        let more = [
            OsStr::new("--tls"),
            OsStr::new("--tlscert"),
            certificate.as_os_str(),
            OsStr::new("--tlskey"),
            key.as_os_str(),
            OsStr::new("--auth"),
            OsStr::new(token),
        ];
        let server = TestServer::start_with(&NATS_SERVER, more.map(OsString::from).into()).await;
        (Self { server }, certificate)
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

/// Several nats-servers that form one cluster. Nodes are counted from 0.
///
/// Clients are not told of the other nodes' addresses, so whoever is given proxies stays behind them.
pub struct NatsCluster {
    nodes: Vec<TestServer>,
}

impl NatsCluster {
    /// Starts the nodes; they may not have found each other yet.
    pub async fn start(count: usize) -> Self {
        for _ in 0..PORT_ATTEMPTS_MAX {
            if let Some(cluster) = Self::try_start(count).await {
                return cluster;
            }
        }
        panic!("a NATS cluster did not start in {PORT_ATTEMPTS_MAX} attempts")
    }

    /// None when a port that was free a moment ago is taken: all nodes know those of the others.
    async fn try_start(count: usize) -> Option<Self> {
        let route = |port: u16| format!("nats://127.0.0.1:{port}");
        let routes: Vec<String> = (0..count).map(|_| route(free_port())).collect();
        let mut nodes = Vec::with_capacity(count);
        for (index, own) in routes.iter().enumerate() {
            let name = format!("node-{index}");
            let more = ["-n", &name, "--cluster_name", "test", "--cluster", own];
            let all = ["--routes", &routes.join(","), "--no_advertise=true"];
            let more: Vec<_> = more.iter().chain(&all).map(OsString::from).collect();
            nodes.push(TestServer::try_start(&NATS_SERVER, &more).await?);
        }
        Some(Self { nodes })
    }

    /// How many nodes there are, running or not.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Where each node listens for clients.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let ports = self.nodes.iter().map(TestServer::port);
        ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Kills a node with -9.
    pub async fn kill(&self, node: usize) {
        self.nodes[node].end_by(Signal::SIGKILL).await;
    }

    /// Starts a node again, with the streams that it had.
    pub async fn start_again(&self, node: usize) {
        self.nodes[node].start_again().await;
    }

    /// Kills all nodes, forgets their streams and buckets, and starts them again.
    pub async fn restart_empty(&self) {
        for node in &self.nodes {
            node.end_by(Signal::SIGKILL).await;
            node.empty();
        }
        for node in &self.nodes {
            node.start_again().await;
        }
    }

    /// Stops a node's clock: connections stay, nothing answers.
    pub async fn pause(&self, node: usize) {
        self.nodes[node].pause().await;
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self, node: usize) {
        self.nodes[node].resume();
    }
}
