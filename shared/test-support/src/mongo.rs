//! Replica sets of real mongods, of one node and of several.

use std::{ffi::OsString, net::SocketAddr, path::Path, time::Duration};

use messaging_embedded::{Program, ReplicaSet, mongod_answers, mongod_arguments};
use nix::sys::signal::Signal;
use tokio::sync::OnceCell;

use crate::server::{Kind, TestServer};

static MONGOD: Kind = Kind {
    program: Program::Mongod,
    arguments,
    answers: |port| Box::pin(mongod_answers(port)),
};

const READY_BOUND: Duration = Duration::from_secs(30);

/// A member that was killed reads its journal and catches up before it follows again, which a busy machine does slowly.
const SETTLED_BOUND: Duration = Duration::from_secs(120);
const ELECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// A replica set of one mongod, a writable primary.
pub struct MongoServer {
    cluster: MongoCluster,
}

impl MongoServer {
    /// Starts one for the caller alone.
    pub async fn start() -> Self {
        Self {
            cluster: MongoCluster::start(1).await,
        }
    }

    /// As [`start`](Self::start), and `serverStatus` counts writes by their write concern.
    pub async fn start_counting_concerns() -> Self {
        let counting = [
            "--setParameter",
            "reportOpWriteConcernCountersInServerStatus=true",
        ];
        let cluster = MongoCluster::start_with(1, async |address| address, &counting);
        Self {
            cluster: cluster.await,
        }
    }

    /// The one that the tests of this process share; take a database of your own
    /// ([`unique_prefix`](crate::unique_prefix)), and leave it running.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<MongoServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The address for a driver, without a database.
    pub fn uri(&self) -> String {
        self.cluster.uri()
    }

    /// Ends it in order, and waits for that.
    pub async fn stop(&self) {
        self.cluster.stop(0).await;
    }

    /// Kills it with -9.
    pub async fn kill(&self) {
        self.cluster.kill(0).await;
    }

    /// Starts it again on the same port with the same data, and waits for the primary.
    pub async fn start_again(&self) {
        self.cluster.start_again(0).await;
        self.cluster.primary().await;
    }

    /// Stops its clock: connections stay, nothing answers.
    pub async fn pause(&self) {
        self.cluster.pause(0).await;
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.cluster.resume(0);
    }
}

/// A replica set of several mongods, for tests of elections.
///
/// An election takes about a second once the primary is silent. Nodes are counted from 0.
pub struct MongoCluster {
    nodes: Vec<TestServer>,
    /// By which the members are known.
    ports: Vec<u16>,
    set: ReplicaSet,
}

impl MongoCluster {
    /// Starts the nodes and waits until one is primary and all others follow it.
    pub async fn start(count: usize) -> Self {
        Self::start_known_as(count, async |address| address).await
    }

    /// As [`start`](Self::start), with members that everyone, the other members included, reaches by the loopback port
    /// that `known_as` makes for each, such as that of a proxy.
    pub async fn start_known_as(
        count: usize,
        known_as: impl AsyncFnMut(SocketAddr) -> SocketAddr,
    ) -> Self {
        Self::start_with(count, known_as, &[]).await
    }

    async fn start_with(
        count: usize,
        mut known_as: impl AsyncFnMut(SocketAddr) -> SocketAddr,
        more: &[&str],
    ) -> Self {
        let mut nodes = Vec::with_capacity(count);
        let mut ports = Vec::with_capacity(count);
        for _ in 0..count {
            let more = more.iter().map(OsString::from).collect();
            let node = TestServer::start_with(&MONGOD, more).await;
            let address = SocketAddr::from(([127, 0, 0, 1], node.port()));
            ports.push(known_as(address).await.port());
            nodes.push(node);
        }
        let set = ReplicaSet::new(ports.clone(), ELECTION_TIMEOUT);
        set.form(READY_BOUND).await.expect("the replica set forms");
        set.settled(READY_BOUND)
            .await
            .expect("the replica set settles");
        Self { nodes, ports, set }
    }

    /// The address of all nodes for a driver, without a database.
    pub fn uri(&self) -> String {
        self.set.uri()
    }

    /// How many nodes there are, running or not.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Waits for a writable primary and says which node it is.
    pub async fn primary(&self) -> usize {
        let port = self
            .set
            .primary(READY_BOUND)
            .await
            .expect("a node becomes primary");
        let position = self.ports.iter().position(|known| *known == port);
        position.expect("the primary is one of the nodes")
    }

    /// Waits until one node is primary and all others follow it.
    pub async fn settled(&self) {
        self.set
            .settled(SETTLED_BOUND)
            .await
            .expect("the replica set settles");
    }

    /// Makes the primary step down for 10 s, so that another node takes over; says which it was.
    pub async fn step_down(&self) -> usize {
        let node = self.primary().await;
        let pause = Duration::from_secs(10);
        self.set
            .step_down(self.ports[node], pause)
            .await
            .expect("a primary with followers steps down");
        node
    }

    /// Ends a node in order, and waits for that.
    pub async fn stop(&self, node: usize) {
        self.nodes[node].end_by(Signal::SIGTERM).await;
    }

    /// Kills a node with -9.
    pub async fn kill(&self, node: usize) {
        self.nodes[node].end_by(Signal::SIGKILL).await;
    }

    /// Starts a node again on the same port with the same data; it may not have caught up yet.
    pub async fn start_again(&self, node: usize) {
        self.nodes[node].start_again().await;
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

fn arguments(port: u16, data: &Path) -> Vec<OsString> {
    let small = [
        "--oplogSize",
        "64",
        "--wiredTigerEngineConfigString",
        "log=(prealloc=false)",
    ];
    mongod_arguments(port, data)
        .into_iter()
        .chain(small.map(OsString::from))
        .collect()
}
