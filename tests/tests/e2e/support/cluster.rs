use std::time::Duration;

use messaging_test_support::{
    MongoServer, NatsServer, ServiceProcess, binary_path, eventually, unique_prefix,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::tokens::SECRET;

const READY_BOUND: Duration = Duration::from_secs(30);
const ANSWER_BOUND: Duration = Duration::from_secs(5);

/// Settings for scenarios that send more than a well-behaved user would.
pub(crate) const NO_RATES: [(&str, &str); 2] =
    [("EVENTS_PER_SECOND", "0"), ("REQUESTS_PER_SECOND", "0")];

/// Two API replicas and two gateways on a database and subjects of their own.
pub(crate) struct Cluster {
    pub(crate) apis: Vec<ServiceProcess>,
    pub(crate) gateways: Vec<ServiceProcess>,
    /// What its last gateway was started with.
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// Starts the processes on the servers that all tests share, and waits until they are ready.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let (mongo, nats) = tokio::join!(MongoServer::shared(), NatsServer::shared());
        Self::start_on(&mongo.uri(), &nats.url(), settings).await
    }

    /// As [`start`](Self::start), on servers of the caller's.
    pub(crate) async fn start_on(
        mongodb_uri: &str,
        nats_url: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let cluster = Self::launch(mongodb_uri, [nats_url; 4], settings).await;
        cluster.ready().await;
        cluster
    }

    /// Waits until every process says that it is ready.
    pub(crate) async fn ready(&self) {
        for service in self.apis.iter().chain(&self.gateways) {
            ready(service).await;
        }
    }

    /// As [`start_on`](Self::start_on), without waiting until they are ready. Each process, the APIs first, reaches NATS by
    /// an address of its own.
    pub(crate) async fn launch(
        mongodb_uri: &str,
        nats_urls: [&str; 4],
        settings: &[(&str, &str)],
    ) -> Self {
        let prefix = unique_prefix();
        let common = [
            ("JWT_SECRET", SECRET),
            ("MONGODB_URI", mongodb_uri),
            ("MONGODB_DATABASE", &prefix),
            ("NATS_SUBJECT_PREFIX", &prefix),
        ];
        let settings: Vec<_> = common.into_iter().chain(settings.iter().copied()).collect();
        let (api, gateway) = (
            binary_path("messaging-api"),
            binary_path("messaging-gateway"),
        );
        let start = |binary, nats_url| {
            let mut settings = settings.clone();
            settings.push(("NATS_URL", nats_url));
            ServiceProcess::start(binary, settings)
        };
        let (a, b, c, d) = tokio::join!(
            start(&api, nats_urls[0]),
            start(&api, nats_urls[1]),
            start(&gateway, nats_urls[2]),
            start(&gateway, nats_urls[3]),
        );
        let nats_url = ("NATS_URL", nats_urls[3]);
        let settings = settings.iter().chain([&nats_url]);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            apis: vec![a, b],
            gateways: vec![c, d],
            settings: settings.map(owned).collect(),
        }
    }

    /// Starts gateways until there are so many, and waits until they are ready.
    pub(crate) async fn have_gateways(&mut self, count: usize) {
        while self.gateways.len() < count {
            let binary = binary_path("messaging-gateway");
            let gateway = ServiceProcess::start(&binary, self.settings.clone()).await;
            ready(&gateway).await;
            self.gateways.push(gateway);
        }
    }

    /// The variables by which a scenario finds the processes.
    pub(crate) fn addresses(&self) -> [(&'static str, String); 2] {
        let urls = |services: &[ServiceProcess]| {
            services
                .iter()
                .map(ServiceProcess::url)
                .collect::<Vec<_>>()
                .join(",")
        };
        [
            ("API_URLS", urls(&self.apis)),
            ("GATEWAY_URLS", urls(&self.gateways)),
        ]
    }

    /// What the processes had to complain of, for the message of a test that fails.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let services = self.apis.iter().chain(&self.gateways);
        let lines = services.flat_map(|service| service.log_lines());
        lines.filter(|line| !line.contains("\"INFO\"")).collect()
    }
}

/// The sum of all series of a metric that have these labels among theirs, by what a service tells; 0 if there are none.
pub(crate) async fn metric(service: &ServiceProcess, name: &str, labels: &[(&str, &str)]) -> f64 {
    let text = get(service, "/metrics").await.expect("an answer");
    sum_of(&text, name, labels)
}

/// The same of an answer that is there already, for those who compare metrics of one moment.
pub(crate) fn sum_of(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let of_series = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (of, has) = series.split_once('{').unwrap_or((series, ""));
        let mut labels = labels.iter();
        let all = labels.all(|(label, value)| has.contains(&format!("{label}=\"{value}\"")));
        (of == name && all).then(|| value.parse::<f64>().ok())?
    };
    text.lines().filter_map(of_series).sum()
}

/// Waits until a service says that it is ready.
pub(crate) async fn ready(service: &ServiceProcess) {
    let what = format!("{} is ready", service.url());
    eventually(READY_BOUND, &what, async || {
        health(service, "ready").await == Some(200)
    })
    .await;
}

/// The status with which a service answers `/health/live` or `/health/ready`; none when it does not answer.
pub(crate) async fn health(service: &ServiceProcess, question: &str) -> Option<u16> {
    let answer = get(service, &format!("/health/{question}")).await?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// A request without a body.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: String,
    /// More headers, each with the end of its line.
    pub(crate) headers: &'static str,
}

/// The status and the body of an answer; none when there is none in time. An upgrade is not gone on with.
pub(crate) async fn send(service: &ServiceProcess, request: &Request) -> Option<(u16, String)> {
    let Request {
        method,
        path,
        token,
        headers,
    } = request;
    let last = if headers.is_empty() {
        "connection: close\r\n"
    } else {
        headers
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{last}\r\n"
    );
    let answer = tokio::time::timeout(ANSWER_BOUND, exchange(service, &head));
    let text = answer.await.ok().flatten()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}

/// The whole answer to a GET; none when there is none in time.
pub(crate) async fn get(service: &ServiceProcess, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answer = tokio::time::timeout(ANSWER_BOUND, exchange(service, &request));
    answer.await.ok().flatten()
}

/// Sends a request and reads until the end; to an upgrade the head of the answer.
async fn exchange(service: &ServiceProcess, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(service.address()).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let asks_to_upgrade = request.contains("upgrade: websocket");
    let (mut answer, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        let length = stream.read(&mut part).await.ok()?;
        answer.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&answer);
        if length == 0 || (asks_to_upgrade && text.contains("\r\n\r\n")) {
            return Some(text.into_owned());
        }
    }
}
