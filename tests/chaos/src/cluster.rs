//! The system that is put to the test: its processes, and the links between them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use messaging_test_support::{
    MongoCluster, NatsCluster, ServiceProcess, Signal, binary_path, eventually, unique_prefix,
};

use tokio::task::JoinSet;

use crate::{
    pool::Pool,
    proxy::{Belongs, Link, Proxy},
    rest, tokens,
};

const GATEWAYS: usize = 3;
const APIS: usize = 2;
const MONGODS: usize = 3;
const NATS_SERVERS: usize = 3;
const READY_BOUND: Duration = Duration::from_secs(60);

/// What the services are told besides where the others are.
const SETTINGS: [(&str, &str); 6] = [
    ("JWT_SECRET", tokens::SECRET),
    // What is tested is the system, not its limits.
    ("EVENTS_PER_SECOND", "0"),
    ("REQUESTS_PER_SECOND", "0"),
    // A run is short, so what takes half a minute in production is to take some seconds.
    ("PING_INTERVAL_MS", "3000"),
    ("PING_TIMEOUT_MS", "3000"),
    ("PRESENCE_GRACE_MS", "3000"),
];

/// Which binaries are run, which of their mutants, and with which `DRAIN_SECONDS`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    /// The folder of the binaries, if it is not that of the checker.
    pub(crate) folder: Option<PathBuf>,
    /// The value of `MUTANT`.
    pub(crate) mutant: Option<String>,
    pub(crate) drain_seconds: u64,
}

/// A service that can be started anew, and its place behind the front.
pub(crate) struct Replica {
    binary: PathBuf,
    settings: Vec<(String, String)>,
    process: ServiceProcess,
    front: Pool,
    place: usize,
    pub(crate) to_nats: Link,
    pub(crate) to_mongod: Link,
}

impl Replica {
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Asks it to end, and says whether it did so in order.
    pub(crate) async fn terminate(&mut self) -> bool {
        self.process.terminate().await == 0
    }

    /// Starts it again after its end, and waits until it is ready and clients are sent to it.
    pub(crate) async fn start_again(&mut self) {
        self.process = ServiceProcess::start(&self.binary, self.settings.clone()).await;
        self.front.replace(self.place, self.process.address());
        self.ready().await;
    }

    pub(crate) async fn ready(&self) {
        let url = self.process.url();
        eventually(READY_BOUND, &format!("{url} is ready"), async || {
            rest::is_ready(&url).await && self.front.is_in(self.place)
        })
        .await;
    }

    pub(crate) fn log(&self) -> String {
        self.process.log_lines().join("\n")
    }
}

/// The whole system. Everything ends with it.
pub(crate) struct Cluster {
    pub(crate) gateways: Vec<Replica>,
    pub(crate) apis: Vec<Replica>,
    pub(crate) mongo: MongoCluster,
    pub(crate) nats: NatsCluster,
    pub(crate) to_front: Link,
    gateway_front: Front,
    api_front: Front,
    _proxies: Vec<Proxy>,
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(build: &Build) -> Self {
        let links: Vec<(String, Link)> = (0..APIS)
            .map(|index| (format!("chaos-api-{index}"), Link::default()))
            .collect();
        let mut proxies = Vec::new();
        let nats = NatsCluster::start(NATS_SERVERS).await;
        let mongo = MongoCluster::start_known_as(MONGODS, async |address| {
            let proxy =
                Proxy::start(Pool::new(vec![address]), Belongs::ByName(links.clone())).await;
            let known_as = proxy.address();
            proxies.push(proxy);
            known_as
        })
        .await;
        let mut setup = Setup {
            build,
            prefix: unique_prefix(),
            nats: nats.addresses().collect(),
            proxies,
        };
        let mut apis = Vec::new();
        for (name, link) in links {
            let uri = format!("{}&appName={name}", mongo.uri());
            let more = vec![("MONGODB_URI", uri)];
            apis.push(setup.replica("messaging-api", more, link).await);
        }
        let mut gateways = Vec::new();
        for _ in 0..GATEWAYS {
            gateways.push(
                setup
                    .replica("messaging-gateway", vec![], Link::default())
                    .await,
            );
        }
        let to_front = Link::default();
        let cluster = Self {
            gateway_front: front(&mut gateways, &to_front).await,
            api_front: front(&mut apis, &to_front).await,
            gateways,
            apis,
            mongo,
            nats,
            to_front,
            _proxies: setup.proxies,
        };
        cluster.ready().await;
        cluster
    }

    /// Waits until every process is there and well.
    pub(crate) async fn ready(&self) {
        self.mongo.settled().await;
        for replica in self.apis.iter().chain(&self.gateways) {
            replica.ready().await;
        }
    }

    /// Where clients connect to gateways.
    pub(crate) fn gateway_url(&self) -> String {
        format!("http://{}", self.gateway_front.proxy.address())
    }

    /// Where clients call APIs.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}", self.api_front.proxy.address())
    }

    /// Writes what the services logged into a folder.
    pub(crate) fn keep_logs(&self, folder: &Path) -> std::io::Result<()> {
        for (name, replicas) in [("api", &self.apis), ("gateway", &self.gateways)] {
            for (index, replica) in replicas.iter().enumerate() {
                std::fs::write(folder.join(format!("{name}-{index}.log")), replica.log())?;
            }
        }
        Ok(())
    }
}

/// A proxy that gives each new connection to the next replica that is ready.
struct Front {
    proxy: Proxy,
    _watching: JoinSet<()>,
}

struct Setup<'a> {
    build: &'a Build,
    prefix: String,
    nats: Vec<SocketAddr>,
    proxies: Vec<Proxy>,
}

impl Setup<'_> {
    async fn replica(&mut self, name: &str, more: Vec<(&str, String)>, to_mongod: Link) -> Replica {
        let to_nats = Link::default();
        let mut urls = Vec::new();
        for address in &self.nats {
            let belongs = Belongs::To(to_nats.clone());
            let proxy = Proxy::start(Pool::new(vec![*address]), belongs).await;
            urls.push(format!("nats://{}", proxy.address()));
            self.proxies.push(proxy);
        }
        let own = [
            ("MONGODB_DATABASE", self.prefix.clone()),
            ("NATS_SUBJECT_PREFIX", self.prefix.clone()),
            ("NATS_URL", urls.join(",")),
            ("DRAIN_SECONDS", self.build.drain_seconds.to_string()),
        ];
        let mutant = self
            .build
            .mutant
            .iter()
            .map(|name| ("MUTANT", name.clone()));
        let common = SETTINGS.map(|(name, value)| (name, value.to_owned()));
        let settings: Vec<(String, String)> = common
            .into_iter()
            .chain(own)
            .chain(more)
            .chain(mutant)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let binary = match &self.build.folder {
            Some(folder) => folder.join(name),
            None => binary_path(name),
        };
        let process = ServiceProcess::start(&binary, settings.clone()).await;
        Replica {
            binary,
            settings,
            front: Pool::new(vec![process.address()]),
            place: 0,
            process,
            to_nats,
            to_mongod,
        }
    }
}

/// Starts the front of some replicas.
async fn front(replicas: &mut [Replica], link: &Link) -> Front {
    let addresses = replicas.iter().map(|replica| replica.process.address());
    let pool = Pool::new(addresses.collect());
    for (place, replica) in replicas.iter_mut().enumerate() {
        replica.front = pool.clone();
        replica.place = place;
    }
    Front {
        _watching: pool.watch(),
        proxy: Proxy::start(pool, Belongs::To(link.clone())).await,
    }
}
