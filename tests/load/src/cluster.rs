use std::net::SocketAddr;
use std::process::Command;

use messaging_auth::{JwtSecret, Role, mint};
use messaging_domain::UserId;
use messaging_lifecycle::now;
use messaging_test_support::{MongoServer, NatsServer, ServiceProcess, binary_path, unique_prefix};
use serde_json::json;

const SECRET: &str = "a secret for measurements, of at least 32 bytes";

/// The system under load. Everything ends with it.
pub(crate) struct Cluster {
    apis: Vec<ServiceProcess>,
    gateways: Vec<ServiceProcess>,
    _mongo: MongoServer,
    _nats: NatsServer,
}

impl Cluster {
    /// Two replicas of each service, without limits on rates: what is measured is the system.
    pub(crate) async fn start() -> Self {
        let unlimited = ["EVENTS_PER_SECOND", "REQUESTS_PER_SECOND"];
        let settings = unlimited.map(|name| (name, "0".to_owned()));
        Self::start_with(2, &settings).await
    }

    /// So many replicas of each service, with these settings besides those that they need.
    pub(crate) async fn start_with(replicas: usize, more: &[(&'static str, String)]) -> Self {
        let (mongo, nats) = (MongoServer::start().await, NatsServer::start().await);
        let prefix = unique_prefix();
        let settings = [
            ("MONGODB_URI", mongo.uri()),
            ("MONGODB_DATABASE", prefix.clone()),
            ("NATS_URL", nats.url()),
            ("NATS_SUBJECT_PREFIX", prefix),
            ("JWT_SECRET", SECRET.to_owned()),
            (
                "RUST_LOG",
                "warn,messaging_api=info,messaging_gateway=info".to_owned(),
            ),
        ];
        let settings: Vec<_> = settings.into_iter().chain(more.iter().cloned()).collect();
        let mut apis = Vec::new();
        let mut gateways = Vec::new();
        for _ in 0..replicas {
            apis.push(ServiceProcess::start(&binary_path("messaging-api"), settings.clone()).await);
            gateways.push(
                ServiceProcess::start(&binary_path("messaging-gateway"), settings.clone()).await,
            );
        }
        let cluster = Self {
            apis,
            gateways,
            _mongo: mongo,
            _nats: nats,
        };
        for service in cluster.apis.iter().chain(&cluster.gateways) {
            wait_until_ready(service).await;
        }
        cluster
    }

    /// The host and port of one of the gateways.
    pub(crate) fn gateway(&self, index: usize) -> String {
        self.gateways[index % self.gateways.len()]
            .address()
            .to_string()
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
        let url = format!("{}/api/contracts/{contract}", self.apis[0].url());
        let body = json!({ "clientId": client, "freelancerId": freelancer });
        let authorization = format!("Bearer {}", token("load", Some(Role::Service)));
        let put = move || {
            ureq::put(&url)
                .header("authorization", &authorization)
                .send_json(&body)
                .map(drop)
        };
        tokio::task::spawn_blocking(put)
            .await
            .expect("it does not panic")
            .expect("the contract is taken");
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
