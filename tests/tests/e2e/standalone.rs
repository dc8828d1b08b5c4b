use std::{fs, path::Path, time::Duration};

use messaging_test_support::{ServiceProcess, binary_path, eventually, eventually_some};

use crate::support::Script;

const BOUND: Duration = Duration::from_secs(20);

/// The last line of what a demo prints when it is ready.
const LAST_LINE: &str = "Stop: Ctrl-C";

/// Starts a demo and waits until it has printed how to try it; returns that, too.
pub(crate) async fn start(data: &Path) -> (ServiceProcess, String) {
    let standalone =
        ServiceProcess::start(&binary_path("messaging-standalone"), settings(data)).await;
    let welcome = eventually_some(BOUND, "the demo is ready", async || {
        let lines = standalone.log_lines();
        let start = lines
            .iter()
            .position(|line| line.starts_with("FreelanceHub Messaging is ready"))?;
        let end = lines.iter().position(|line| line.ends_with(LAST_LINE))?;
        Some(lines[start..=end].join("\n"))
    })
    .await;
    (standalone, welcome)
}

fn settings(data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("DEMO", "1".to_owned()),
        ("DATA_DIR", data.display().to_string()),
    ]
}

/// Does what a demo says that can be done.
pub(crate) async fn follow(welcome: &str, which: &str) {
    let script = Script::start(&format!("standalone {which}"), [("WELCOME", welcome)]);
    let ended = script
        .play(async |question| panic!("nobody is there to {question}"))
        .await;
    ended.unwrap_or_else(|output| panic!("{output}\n{welcome}"));
}

/// The processes that were started on a folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("a plain path");
    let entries = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(folder)).collect()
}

#[tokio::test]
async fn what_a_demo_prints_works_and_nothing_is_left_of_it_but_the_data() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");

    let (mut standalone, welcome) = start(&data).await;
    follow(&welcome, "first").await;
    assert!(
        processes_of(&data).len() >= 2,
        "mongod and nats-server run on the folder"
    );
    assert_eq!(standalone.terminate().await, 0);
    assert_eq!(processes_of(&data), [""; 0], "after SIGTERM");

    let (mut standalone, welcome) = start(&data).await;
    follow(&welcome, "again").await;
    standalone.kill().await;
    eventually(BOUND, "no child is left after a kill", async || {
        processes_of(&data).is_empty()
    })
    .await;

    let (mut standalone, welcome) = start(&data).await;
    follow(&welcome, "again").await;
    assert_eq!(standalone.terminate().await, 0);
}

#[tokio::test]
async fn a_demo_that_cannot_start_says_why_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let (mut running, _) = start(&data).await;

    let port = running.address().to_string();
    let mut same_port = settings(&folder.path().join("other"));
    same_port.push(("BIND_ADDR", port.clone()));
    let same_port = complaint(same_port).await;
    assert!(same_port.contains(&port), "{same_port}");
    let same_folder = complaint(settings(&data)).await;
    assert!(
        same_folder.contains(&data.display().to_string()),
        "{same_folder}"
    );
    assert_eq!(running.terminate().await, 0);
}

/// The line with which a demo ends that cannot start.
async fn complaint(settings: Vec<(&str, String)>) -> String {
    let mut process = ServiceProcess::spawn(&binary_path("messaging-standalone"), &[], settings);
    assert_ne!(process.exited().await, 0);
    let lines = process.log_lines();
    let complaints: Vec<_> = lines.iter().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(complaints.len(), 1, "{lines:#?}");
    complaints[0].clone()
}
