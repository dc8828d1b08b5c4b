use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use messaging_lifecycle::Tasks;
use messaging_settings::Settings;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::paced::PacedStream;
use crate::places::Places;
use crate::unread::read_to_the_end;

/// How long a client may take to send the head of a request, and how long it may keep an idle connection: hyper has one timer for both.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long to wait after the system refused a connection, for want of files most likely.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// How many connections may wait to be accepted: a herd that comes back at once must not be refused.
const BACKLOG: u32 = 4_096;

/// Where a server listens and how much it takes on.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `BIND_ADDR`; default `0.0.0.0:8000`; port 0 picks a free one.
    pub bind_address: SocketAddr,
    /// `TCP_CONNECTIONS_PER_ADDRESS_MAX`: HTTP connections from one IP address, upgraded ones left out; default 0, no limit, as a load balancer is one address.
    pub connections_per_address_max: usize,
    /// `TCP_CONNECTIONS_MAX`: HTTP connections from all addresses together, upgraded ones left out; default 20000, 0 means no limit.
    pub connections_max: usize,
}

impl ServerConfig {
    /// Reads the settings and notes what is wrong with them.
    pub fn read(settings: &mut Settings) -> Self {
        Self {
            bind_address: settings.or("BIND_ADDR", SocketAddr::from(([0, 0, 0, 0], 8000))),
            connections_per_address_max: settings.or("TCP_CONNECTIONS_PER_ADDRESS_MAX", 0),
            connections_max: settings.or("TCP_CONNECTIONS_MAX", 20_000),
        }
    }
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    address: SocketAddr,
    config: ServerConfig,
}

impl BoundServer {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address is in use or not ours.
    pub fn bind(config: ServerConfig) -> io::Result<Self> {
        let socket = match config.bind_address {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4(),
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(config.bind_address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            config,
        })
    }

    /// The address that was bound, with its real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `closing` is cancelled, which stops accepting and lets each connection finish what it is doing.
    ///
    /// Connections are tasks among `tasks`; one that was upgraded is its upgrader's to end.
    pub fn serve(self, router: Router, tasks: &Tasks, closing: CancellationToken) {
        let connections = tasks.clone();
        tasks.spawn("accept", async move {
            let service = TowerToHyperService::new(router.layer(from_fn(read_to_the_end)));
            let places = Places::new(&self.config);
            loop {
                let accepted = tokio::select! {
                    accepted = self.listener.accept() => accepted,
                    () = closing.cancelled() => return,
                };
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                        continue;
                    }
                };
                let Some(place) = places.take(peer.ip()) else {
                    continue;
                };
                let connection = serve_connection(stream, service.clone(), closing.clone());
                connections.spawn("http connection", async move {
                    connection.await;
                    drop(place);
                });
            }
        });
    }
}

async fn serve_connection(
    stream: TcpStream,
    service: TowerToHyperService<Router>,
    closing: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(PacedStream::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection broke off");
    }
}
