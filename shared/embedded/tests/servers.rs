//! The servers of a data folder, started and ended in every way that a parent can end.

#[cfg(test)]
mod support;

use std::{net::TcpListener, path::Path, process::Command};

use messaging_embedded::{Program, free_port, mongod_arguments};
use nix::sys::signal::Signal;
use support::{Servers, eventually, probe, processes_of};

#[tokio::test]
async fn a_stop_ends_every_process_and_the_next_start_finds_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    assert_eq!(
        processes_of(folder.path()).len(),
        4,
        "two servers, a watchdog each"
    );
    probe::write_document(servers.mongod_port()).await;
    probe::create_stream(servers.nats_port()).await;

    assert_eq!(servers.end_by(Signal::SIGTERM).await, Some(0));
    assert_eq!(processes_of(folder.path()), []);

    let mut servers = Servers::start(folder.path()).await;
    assert_eq!(probe::count_documents(servers.mongod_port()).await, 1);
    assert!(probe::has_stream(servers.nats_port()).await);
    assert_eq!(servers.end_by(Signal::SIGINT).await, Some(0));
    assert_eq!(processes_of(folder.path()), []);
}

#[tokio::test]
async fn a_parent_that_is_killed_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    servers.end_by(Signal::SIGKILL).await;
    eventually("the watchdogs end the servers", || {
        processes_of(folder.path()).is_empty()
    })
    .await;
}

#[tokio::test]
async fn servers_whose_watchdogs_were_killed_too_are_ended_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    probe::write_document(servers.mongod_port()).await;
    let (watchdogs, orphans): (Vec<_>, Vec<_>) = processes_of(folder.path())
        .into_iter()
        .partition(|process| process.is_watchdog);
    // A parent that sees a watchdog end would stop the other server itself.
    servers.signal(Signal::SIGSTOP);
    for watchdog in &watchdogs {
        watchdog.kill();
    }
    servers.end_by(Signal::SIGKILL).await;
    eventually("the watchdogs are gone", || {
        processes_of(folder.path()) == orphans
    })
    .await;

    let mut servers = Servers::start(folder.path()).await;
    assert!(
        processes_of(folder.path())
            .iter()
            .all(|process| !orphans.contains(process))
    );
    assert_eq!(probe::count_documents(servers.mongod_port()).await, 1);
    servers.end_by(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_replica_set_whose_port_was_taken_moves_to_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    let first_port = servers.mongod_port();
    probe::write_document(first_port).await;
    servers.end_by(Signal::SIGTERM).await;

    // Mongod asks whoever is at its old address whether that is itself.
    let squatter = TcpListener::bind(("127.0.0.1", first_port)).unwrap();
    std::thread::spawn(move || squatter.incoming().for_each(drop));
    let mut servers = Servers::start(folder.path()).await;
    assert_ne!(servers.mongod_port(), first_port);
    assert_eq!(probe::count_documents(servers.mongod_port()).await, 1);
    servers.end_by(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_second_instance_on_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    let complaint = Servers::complaint(folder.path()).await;
    assert!(
        complaint.contains("another process is using the data folder"),
        "{complaint}"
    );
    assert_eq!(
        processes_of(folder.path()).len(),
        4,
        "the first instance is not disturbed"
    );
    servers.end_by(Signal::SIGTERM).await;
}

#[tokio::test]
async fn a_mongod_that_somebody_else_runs_on_the_folder_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mongo");
    std::fs::create_dir(&data).unwrap();
    let port = free_port().unwrap();
    let mut foreign = Command::new(Program::Mongod.find().unwrap())
        .args(mongod_arguments(port, &data))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("the foreign mongod listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;

    let complaint = Servers::complaint(folder.path()).await;
    assert!(
        complaint.contains("another process is using the data folder"),
        "{complaint}"
    );
    assert!(foreign.try_wait().unwrap().is_none(), "it still runs");
    foreign.kill().unwrap();
    foreign.wait().unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_one_clear_line() {
    let complaint = Servers::complaint(Path::new("/proc/no-such-folder")).await;
    assert!(
        complaint.contains("cannot write in the data folder /proc/no-such-folder"),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[tokio::test]
async fn a_server_that_dies_ends_the_parent_with_an_error_and_the_other_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(folder.path()).await;
    for process in processes_of(folder.path()) {
        if process.is_server(Program::NatsServer) {
            process.kill();
        }
    }
    assert_eq!(servers.ended().await, Some(1));
    assert_eq!(processes_of(folder.path()), []);
}
