//! Every query of every panel, asked of a real Prometheus that watches a cluster under load.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use messaging_test_support::{ServiceProcess, eventually};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::observability::{dashboards, panels, queries};
use crate::support::{Cluster, NO_RATES, Script};

const BOUND: Duration = Duration::from_secs(60);

/// How long users do something. The window of rates is shorter, and Prometheus looks each second.
const TRAFFIC_SECONDS: u32 = 40;
const RATE_WINDOW: &str = "20s";

/// A Prometheus that ends with its test.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Prometheus {
    async fn start(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("prometheus.yml"), config(cluster)).expect("a file in it");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let prometheus = Self {
            child: spawn(folder.path(), address),
            address,
            _folder: folder,
        };
        let knows_all = async || prometheus.ask("count(up == 1)").await.as_deref() == Some("4");
        eventually(BOUND, "all processes are watched", knows_all).await;
        prometheus
    }

    /// The value of the first series of an answer, and none if there is no series.
    async fn ask(&self, query: &str) -> Option<String> {
        let answer = self.query(query).await?;
        let first = answer.pointer("/data/result/0/value/1")?;
        first.as_str().map(str::to_owned)
    }

    /// The answer to a query; none while it does not answer.
    async fn query(&self, query: &str) -> Option<Value> {
        let body: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = format!("query={body}");
        let request = format!(
            "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        // It may come in chunks: what is around the JSON is of no interest.
        let json = answer.get(answer.find('{')?..=answer.rfind('}')?)?;
        let answer: Value = serde_json::from_str(json).ok()?;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        Some(answer)
    }
}

fn config(cluster: &Cluster) -> String {
    let targets = |services: &[ServiceProcess]| {
        let addresses = services.iter().map(|service| service.address().to_string());
        addresses.collect::<Vec<_>>().join("\", \"")
    };
    format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - {{job_name: messaging-api, static_configs: [{{targets: [\"{}\"]}}]}}\n\
         - {{job_name: messaging-gateway, static_configs: [{{targets: [\"{}\"]}}]}}\n",
        targets(&cluster.apis),
        targets(&cluster.gateways)
    )
}

fn spawn(folder: &Path, address: SocketAddr) -> Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "no setting: where the program is that this test is for"
    )]
    let program = std::env::var("PROMETHEUS").unwrap_or_else(|_| "prometheus".to_owned());
    Command::new(&program)
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: run `make alerts`"))
}

/// A query as Grafana would ask it with all jobs and instances chosen.
fn asked(query: &str) -> String {
    let query = query.replace("$__rate_interval", RATE_WINDOW);
    query
        .replace("$job", "messaging-.*")
        .replace("$instance", ".*")
}

#[tokio::test]
#[ignore = "needs a Prometheus: make alerts"]
async fn every_query_of_the_dashboards_has_an_answer_while_users_talk() {
    let cluster = Cluster::start(&NO_RATES).await;
    let prometheus = Prometheus::start(&cluster).await;
    Script::run(&format!("traffic {TRAFFIC_SECONDS}"), &cluster).await;
    let mut silent = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().expect("a title");
            for query in queries(panel) {
                let answer = prometheus.ask(&asked(query)).await;
                println!(
                    "| {name} | {title} | {} |",
                    answer.as_deref().unwrap_or("nothing")
                );
                // A quantile of nothing is no number, and no answer either.
                if answer.is_none_or(|answer| answer == "NaN") {
                    silent.push(format!("{name}: {title}: {query}"));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
