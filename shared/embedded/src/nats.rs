//! A nats-server with JetStream.

use std::{ffi::OsString, path::Path, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    child::ServerChild,
    error::{EmbeddedError, ServerExit},
    folder::DataFolder,
    program::Program,
};

const PROGRAM: Program = Program::NatsServer;
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// A running nats-server that accepts clients.
#[derive(Debug)]
pub struct EmbeddedNats {
    child: ServerChild,
    url: String,
}

impl EmbeddedNats {
    /// Starts nats-server with its streams in the folder, and waits until it accepts clients.
    pub async fn start(folder: &DataFolder) -> Result<Self, EmbeddedError> {
        let data = folder.data_of(PROGRAM)?;
        let arguments = |port| nats_server_arguments(port, &data);
        let ready = |port| async move {
            while !accepts_clients(port).await {
                sleep(POLL).await;
            }
            Ok(())
        };
        let child = ServerChild::start(PROGRAM, folder, None, arguments, ready).await?;
        let url = format!("nats://127.0.0.1:{}", child.port());
        Ok(Self { child, url })
    }

    /// The address for a client.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for nats-server to end without having been asked to. Cancel-safe.
    pub async fn exited(&mut self) -> ServerExit {
        self.child.exited().await
    }

    /// Ends nats-server, with SIGKILL if it takes too long, and waits for it.
    pub async fn stop(self) {
        self.child.stop().await;
    }
}

/// Whether a nats-server greets clients on this loopback port.
pub async fn accepts_clients(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.ok()?;
        Some(first)
    };
    matches!(timeout(GREETING_TIMEOUT, greeting).await, Ok(Some(first)) if &first == b"INFO")
}

/// The command line of a nats-server on a loopback port with its JetStream store in `data`.
pub fn nats_server_arguments(port: u16, data: &Path) -> Vec<OsString> {
    let port = port.to_string();
    let plain = ["-js", "-a", "127.0.0.1", "-p", &port, "-sd"];
    plain
        .iter()
        .map(OsString::from)
        .chain([data.as_os_str().to_owned()])
        .collect()
}
