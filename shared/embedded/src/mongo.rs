//! A mongod as a replica set of one.

use std::{ffi::OsString, fs, path::Path, time::Duration};

use crate::{
    child::ServerChild,
    error::{EmbeddedError, ServerExit},
    folder::{DataFolder, not_writable},
    program::Program,
    replica_set::ReplicaSet,
};

const PROGRAM: Program = Program::Mongod;
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// The server's own default; a set of one elects itself at once.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// A running mongod whose replica set has a writable primary: itself.
#[derive(Debug)]
pub struct EmbeddedMongo {
    child: ServerChild,
    uri: String,
}

impl EmbeddedMongo {
    /// Starts mongod on the folder's data, initiates the replica set if that is new, and waits
    /// until it can be written.
    pub async fn start(folder: &DataFolder) -> Result<Self, EmbeddedError> {
        let data = folder.data_of(PROGRAM)?;
        let port_file = folder.port_file_of(PROGRAM);
        // The replica set remembers its port; keeping it saves a reconfiguration.
        let preferred = fs::read_to_string(&port_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let log = folder.log_of(PROGRAM);
        let arguments = |port| {
            let mut arguments = mongod_arguments(port, &data);
            arguments.extend(["--oplogSize", "512"].map(OsString::from));
            arguments
        };
        let ready = |port| {
            let set = replica_set(port);
            let log = log.clone();
            async move {
                let formed = async {
                    set.form(READY_TIMEOUT).await?;
                    set.primary(READY_TIMEOUT).await
                };
                formed
                    .await
                    .map_err(|source| EmbeddedError::ReplicaSet { log, source })?;
                Ok(())
            }
        };
        let child = ServerChild::start(PROGRAM, folder, preferred, arguments, ready).await?;
        fs::write(&port_file, child.port().to_string()).map_err(not_writable(folder.path()))?;
        let uri = replica_set(child.port()).uri();
        Ok(Self { child, uri })
    }

    /// The address for a driver.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Waits for mongod to end without having been asked to. Cancel-safe.
    pub async fn exited(&mut self) -> ServerExit {
        self.child.exited().await
    }

    /// Ends mongod, with SIGKILL if it takes too long, and waits for it.
    pub async fn stop(self) {
        self.child.stop().await;
    }
}

fn replica_set(port: u16) -> ReplicaSet {
    ReplicaSet::new(vec![port], ELECTION_TIMEOUT)
}

/// The command line of a small mongod on a loopback port, a member of replica set `rs0`.
pub fn mongod_arguments(port: u16, data: &Path) -> Vec<OsString> {
    let port = port.to_string();
    let plain = [
        "--replSet",
        "rs0",
        "--bind_ip",
        "127.0.0.1",
        "--port",
        &port,
        "--nounixsocket",
        "--quiet",
        "--wiredTigerCacheSizeGB",
        "0.5",
        // There is nobody to hand over to, so a stop need not wait for anybody.
        "--setParameter",
        "shutdownTimeoutMillisForSignaledShutdown=0",
        "--setParameter",
        "diagnosticDataCollectionEnabled=false",
        "--dbpath",
    ];
    plain
        .iter()
        .map(OsString::from)
        .chain([data.as_os_str().to_owned()])
        .collect()
}
