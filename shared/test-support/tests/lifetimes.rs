//! What is started ends: with its value, and with the test process.

use std::{fs, path::Path, time::Duration};

use messaging_test_support::{
    MongoCluster, MongoServer, NatsServer, ServiceProcess, Signal, eventually, unique_prefix,
};

use tokio::{io::AsyncReadExt, net::TcpStream};

const BOUND: Duration = Duration::from_secs(20);
const TO_KILL: &str = "TEST_PROCESS_TO_KILL";

async fn listens(url: &str) -> bool {
    let address = url.split("//").nth(1).expect("a URL");
    TcpStream::connect(address.split('/').next().expect("a host"))
        .await
        .is_ok()
}

async fn greets(url: &str) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(url.strip_prefix("nats://").expect("a URL"))
            .await
            .ok()?;
        stream.read_u8().await.ok()
    };
    matches!(
        tokio::time::timeout(Duration::from_millis(300), greeting).await,
        Ok(Some(b'I'))
    )
}

#[tokio::test]
async fn a_mongod_ends_with_its_value_and_one_is_shared() {
    let server = MongoServer::start().await;
    let uri = server.uri();
    assert!(listens(&uri).await);
    drop(server);
    assert!(!listens(&uri).await);

    assert_eq!(
        MongoServer::shared().await.uri(),
        MongoServer::shared().await.uri()
    );
}

#[tokio::test]
async fn a_mongod_starts_again_where_it_was() {
    let server = MongoServer::start().await;
    server.kill().await;
    assert!(!listens(&server.uri()).await);
    server.start_again().await;
    assert!(listens(&server.uri()).await);
}

#[tokio::test]
async fn a_nats_server_stops_and_starts_on_its_port() {
    let server = NatsServer::start().await;
    let url = server.url();
    server.stop().await;
    assert!(!listens(&url).await);
    server.start_again().await;
    assert!(greets(&url).await);
    server.restart_empty().await;
    assert!(greets(&url).await);

    server.pause().await;
    assert!(listens(&url).await, "the kernel still takes connections");
    assert!(!greets(&url).await, "nobody answers them");
    server.resume();
    eventually(BOUND, "it answers again", async || greets(&url).await).await;
}

#[tokio::test]
async fn a_cluster_elects_another_primary() {
    let cluster = MongoCluster::start(3).await;
    let first = cluster.primary().await;
    cluster.kill(first).await;
    let second = cluster.primary().await;
    assert_ne!(first, second);
    cluster.start_again(first).await;
    cluster.settled().await;

    cluster.pause(second).await;
    let third = cluster.primary().await;
    assert_ne!(second, third);
    cluster.resume(second);
    cluster.settled().await;

    assert_eq!(cluster.step_down().await, third);
    assert_ne!(cluster.primary().await, third);
    cluster.settled().await;
}

#[tokio::test]
async fn a_service_is_found_by_its_log_and_ends_with_its_exit_code() {
    let script = "echo \"{\\\"address\\\":\\\"127.0.0.1:7\\\"}\"; trap 'exit 3' TERM; while :; do sleep 0.05; done";
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("service");
    fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
    make_executable(&binary);

    let settings = [("SETTING", "1")];
    let mut service = ServiceProcess::start(&binary, settings).await;
    assert_eq!(service.address().port(), 7);
    assert_eq!(service.terminate().await, 3);

    let mut killed = ServiceProcess::start(&binary, settings).await;
    killed.kill().await;
    assert_eq!(killed.exited().await, 128 + Signal::SIGKILL as i32);
}

#[tokio::test]
async fn a_test_process_that_is_killed_leaves_no_server_and_no_folder() {
    const NAME: &str = "a_test_process_that_is_killed_leaves_no_server_and_no_folder";
    if is_the_process_to_kill() {
        let _servers = (MongoServer::shared().await, NatsServer::start().await);
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let settings = [("TMPDIR", folder.path().to_str().unwrap()), (TO_KILL, "1")];
    let mut other = ServiceProcess::spawn(&itself, &["--exact", NAME], settings);
    eventually(BOUND, "its servers run", async || {
        processes_of(folder.path()) == 2
    })
    .await;
    other.kill().await;
    eventually(BOUND, "its servers are gone", async || {
        processes_of(folder.path()) == 0
    })
    .await;
    eventually(BOUND, "its folders are gone", async || {
        fs::read_dir(folder.path()).unwrap().count() == 0
    })
    .await;
}

#[test]
fn prefixes_differ() {
    assert_ne!(unique_prefix(), unique_prefix());
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("own file");
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test tells its own child that it is one"
)]
fn is_the_process_to_kill() -> bool {
    std::env::var_os(TO_KILL).is_some()
}

/// How many servers run on a folder below this one, their guards not counted.
fn processes_of(folder: &Path) -> usize {
    let folder = folder.to_str().expect("a plain path");
    let entries = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| line.contains(folder) && !line.starts_with("/bin/sh"))
        .count()
}
