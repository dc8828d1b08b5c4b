use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use messaging_auth::{JwtSecret, Role, mint};
use messaging_domain::UserId;
use messaging_lifecycle::now;
use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, binary_path, unique_prefix};
use serde_json::{Value, json};

/// Connections to an API that are kept for the next call.
const IDLE_CALLS_MAX: usize = 64;

const SECRET: &str = "a secret for measurements, of at least 32 bytes";

/// The system under load. Everything ends with it.
pub(crate) struct Cluster {
    apis: Vec<ServiceProcess>,
    gateways: Vec<ServiceProcess>,
    mongo: MongoServer,
    _nats: NatsServer,
    database: String,
    agent: ureq::Agent,
}

/// How many of each service there are.
#[derive(Clone, Copy)]
pub(crate) struct Replicas {
    pub(crate) apis: usize,
    pub(crate) gateways: usize,
}

impl Replicas {
    pub(crate) const ONE: Self = Self {
        apis: 1,
        gateways: 1,
    };
    pub(crate) const TWO: Self = Self {
        apis: 2,
        gateways: 2,
    };
}

impl Cluster {
    /// Two replicas of each service, without limits on rates: what is measured is the system.
    pub(crate) async fn start() -> Self {
        Self::start_unlimited(Replicas::TWO).await
    }

    /// So many replicas, without limits on rates.
    pub(crate) async fn start_unlimited(replicas: Replicas) -> Self {
        let unlimited = ["EVENTS_PER_SECOND", "REQUESTS_PER_SECOND"];
        let settings = unlimited.map(|name| (name, "0".to_owned()));
        Self::start_with(replicas, &settings).await
    }

    /// So many replicas, with these settings besides those that they need.
    pub(crate) async fn start_with(replicas: Replicas, more: &[(&'static str, String)]) -> Self {
        let [api, gateway] = ["messaging-api", "messaging-gateway"].map(binary_path);
        let programs = [(&*api, replicas.apis), (&*gateway, replicas.gateways)];
        Self::start_programs(programs, more).await
    }

    /// One process that is both API and gateway.
    pub(crate) async fn start_process(binary: &Path, more: &[(&'static str, String)]) -> Self {
        Self::start_programs([(binary, 1), (binary, 0)], more).await
    }

    async fn start_programs(
        programs: [(&Path, usize); 2],
        more: &[(&'static str, String)],
    ) -> Self {
        let mongo = MongoServer::start_counting_concerns().await;
        let nats = NatsServer::start().await;
        let prefix = unique_prefix();
        let settings = [
            ("MONGODB_URI", mongo.uri()),
            ("MONGODB_DATABASE", prefix.clone()),
            ("NATS_URL", nats.url()),
            ("NATS_SUBJECT_PREFIX", prefix.clone()),
            ("JWT_SECRET", SECRET.to_owned()),
            (
                "RUST_LOG",
                "warn,messaging_api=info,messaging_gateway=info,messaging_standalone=info"
                    .to_owned(),
            ),
        ];
        let settings: Vec<_> = settings.into_iter().chain(more.iter().cloned()).collect();
        let start = async |(program, count)| {
            let mut services = Vec::new();
            for _ in 0..count {
                services.push(ServiceProcess::start(program, settings.clone()).await);
            }
            services
        };
        let [apis, gateways] = programs;
        let config = ureq::Agent::config_builder().max_idle_connections_per_host(IDLE_CALLS_MAX);
        let cluster = Self {
            apis: start(apis).await,
            gateways: start(gateways).await,
            mongo,
            _nats: nats,
            database: prefix,
            agent: config.build().into(),
        };
        for service in cluster.apis.iter().chain(&cluster.gateways) {
            wait_until_ready(service).await;
        }
        cluster
    }

    /// The host and port of one of the gateways.
    pub(crate) fn gateway(&self, index: usize) -> String {
        let gateways = match self.gateways.is_empty() {
            true => &self.apis,
            false => &self.gateways,
        };
        gateways[index % gateways.len()].address().to_string()
    }

    /// The hosts and ports of all gateways.
    pub(crate) fn gateways(&self) -> Vec<String> {
        (0..self.gateways.len())
            .map(|index| self.gateway(index))
            .collect()
    }

    /// The id of the process of one of the gateways.
    pub(crate) fn gateway_pid(&self, index: usize) -> u32 {
        self.gateways[index].pid()
    }

    /// The address of MongoDB, and the name of the database.
    pub(crate) fn database(&self) -> (String, &str) {
        (self.mongo.uri(), &self.database)
    }

    /// The address of the gateway that is measured alone, and the id of its process.
    pub(crate) fn only_gateway(&self) -> (SocketAddr, u32) {
        (self.gateways[0].address(), self.gateways[0].pid())
    }

    /// `http://` and the address of one of the APIs.
    pub(crate) fn api_url(&self) -> String {
        self.apis[0].url()
    }

    /// Makes a contract between two users.
    pub(crate) async fn put_contract(&self, contract: &str, client: &str, freelancer: &str) {
        let url = format!("{}/api/contracts/{contract}", self.api_url());
        let body = json!({ "clientId": client, "freelancerId": freelancer });
        let authorization = format!("Bearer {}", token("load", Some(Role::Service)));
        let agent = self.agent.clone();
        let put = move || {
            let request = agent.put(&url).header("authorization", &authorization);
            let mut answer = request.send_json(&body)?;
            // Read to its end, so that the connection can be used again.
            answer.body_mut().read_to_vec().map(drop)
        };
        tokio::task::spawn_blocking(put)
            .await
            .expect("it does not panic")
            .expect("the contract is taken");
    }

    /// Calls an API, and returns what is answered.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        let url = format!("{}{path}", self.api_url());
        let (agent, authorization) = (self.agent.clone(), format!("Bearer {token}"));
        let get = move || {
            let request = agent.get(&url).header("authorization", &authorization);
            request.call()?.body_mut().read_json()
        };
        let answer: Result<Value, ureq::Error> = tokio::task::spawn_blocking(get)
            .await
            .expect("it does not panic");
        answer.expect("the call is answered")
    }

    /// Calls an API: sends a body, and returns what is answered.
    ///
    /// # Errors
    /// A code that says so, or none at all.
    pub(crate) async fn post(
        &self,
        path: &str,
        token: &str,
        body: Value,
    ) -> Result<Value, ureq::Error> {
        let url = format!("{}{path}", self.api_url());
        let (agent, authorization) = (self.agent.clone(), format!("Bearer {token}"));
        let post = move || {
            let request = agent.post(&url).header("authorization", &authorization);
            request.send_json(&body)?.body_mut().read_json()
        };
        tokio::task::spawn_blocking(post)
            .await
            .expect("it does not panic")
    }
}

/// A token for a user.
pub(crate) fn token(user: &str, role: Option<Role>) -> String {
    let user: UserId = user.parse().expect("a valid id");
    let expires_in = "1d".parse().expect("a duration");
    mint(
        &JwtSecret::new(SECRET.to_owned()),
        &user,
        role,
        None,
        now(),
        expires_in,
    )
    .expect("HMAC does not fail")
}

/// Builds nothing: `make bench` has.
async fn wait_until_ready(service: &ServiceProcess) {
    let url = format!("{}/health/ready", service.url());
    let is_ready = async || {
        let url = url.clone();
        tokio::task::spawn_blocking(move || ureq::get(&url).call().is_ok())
            .await
            .unwrap_or(false)
    };
    messaging_test_support::eventually(
        std::time::Duration::from_secs(30),
        "the service is ready",
        is_ready,
    )
    .await;
}

/// What the machine says of its processor.
pub(crate) fn processor() -> String {
    let output = Command::new("sh")
        .args(["-c", "grep -m1 'model name' /proc/cpuinfo | cut -d: -f2"])
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
