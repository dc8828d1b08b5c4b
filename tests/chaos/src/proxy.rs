//! TCP proxies whose streams can be cut and delayed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::pool::Pool;

const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks of one direction that are on their way; what comes on top waits.
const CHUNKS_MAX: usize = 256;
/// How long a client may take for the first message, by which it is told who it is.
const INTRODUCTION_BOUND: Duration = Duration::from_secs(2);
/// The longest first message that is looked at.
const INTRODUCTION_BYTES: usize = 4 * 1024;

/// A link between two parts of the system, over any number of proxies and streams. A clone is another handle.
#[derive(Clone, Default)]
pub(crate) struct Link {
    state: watch::Sender<LinkState>,
}

#[derive(Clone, Copy, Default)]
struct LinkState {
    is_cut: bool,
    delay: Duration,
}

impl Link {
    /// Ends every stream, and lets none through from now on.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.is_cut = true);
    }

    /// Lets streams through again, without a delay.
    pub(crate) fn mend(&self) {
        self.state.send_replace(LinkState::default());
    }

    /// Holds everything up for so long, in both directions.
    pub(crate) fn delay(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay = delay);
    }
}

/// Which link a stream belongs to.
pub(crate) enum Belongs {
    /// All to one.
    To(Link),
    /// Each to the one whose name is in the first message of its client; those without a name to none.
    ByName(Vec<(String, Link)>),
}

impl Belongs {
    async fn link_of(&self, client: &TcpStream) -> Link {
        match self {
            Self::To(link) => link.clone(),
            Self::ByName(links) => {
                let first = introduction(client).await;
                let names = |name: &str| contains(&first, name.as_bytes());
                let found = links.iter().find(|(name, _)| names(name));
                found.map(|(_, link)| link.clone()).unwrap_or_default()
            }
        }
    }
}

/// A listener on a loopback port that passes streams on; they end when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(pool: Pool, belongs: Belongs) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, pool, Arc::new(belongs)));
        Self {
            address,
            _accepting: accepting,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, pool: Pool, belongs: Arc<Belongs>) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("the listener lives");
                streams.spawn(serve(client, pool.clone(), Arc::clone(&belongs)));
            }
            Some(_) = streams.join_next() => {}
        }
    }
}

async fn serve(client: TcpStream, pool: Pool, belongs: Arc<Belongs>) {
    let link = belongs.link_of(&client).await;
    let mut state = link.state.subscribe();
    let delays = link.state.subscribe();
    tokio::select! {
        biased;
        _ = state.wait_for(|state| state.is_cut) => {}
        () = relay(client, &pool, &delays) => {}
    }
}

/// Passes on what comes from either side; an upstream that is down ends the stream, as it would without the proxy.
async fn relay(client: TcpStream, pool: &Pool, state: &watch::Receiver<LinkState>) {
    let Some(server) = pool.connect().await else {
        return;
    };
    // There is nobody to tell of a peer that is gone.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::join!(
        pass(client_reads, server_writes, state),
        pass(server_reads, client_writes, state),
    );
}

/// Passes one direction on, each chunk as late as the link says when it comes.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &watch::Receiver<LinkState>,
) {
    let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_MAX);
    let reading = async move {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut buffer).await.unwrap_or(0);
            let due = Instant::now() + state.borrow().delay;
            if count == 0 || sender.send((due, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, chunk)) = chunks.recv().await {
            sleep_until(due).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        // The other side may have closed already.
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

/// The first message of a client of MongoDB, or as much of it as came; it stays in the stream.
async fn introduction(client: &TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; INTRODUCTION_BYTES];
    let mut count = 0;
    let whole = async {
        loop {
            let seen = client.peek(&mut bytes).await.unwrap_or(0);
            let length = bytes
                .first_chunk()
                .map(|length| u32::from_le_bytes(*length));
            let is_whole = seen >= 4 && length.is_some_and(|length| seen >= length as usize);
            if seen == 0 || is_whole || seen == INTRODUCTION_BYTES || seen == count {
                count = seen;
                return;
            }
            count = seen;
        }
    };
    let _late = timeout(INTRODUCTION_BOUND, whole).await;
    bytes.truncate(count);
    bytes
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
