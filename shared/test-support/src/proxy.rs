use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A TCP proxy in front of a server, by which the link of one client alone can be cut and mended.
///
/// While it is cut, streams end at once and new ones are closed as soon as they are accepted.
pub struct TcpProxy {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
    /// Ended when it is dropped.
    _accepting: JoinSet<()>,
}

impl TcpProxy {
    /// Starts one on a free loopback port.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (is_cut, state) = watch::channel(false);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, upstream, state));
        Self {
            address,
            is_cut,
            _accepting: accepting,
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every stream, and lets none through from now on.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Lets streams through again.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, is_cut: watch::Receiver<bool>) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("the listener lives");
                streams.spawn(relay(client, upstream, is_cut.clone()));
            }
            Some(_) = streams.join_next() => {}
        }
    }
}

async fn relay(mut client: TcpStream, upstream: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    let relay = async {
        // An upstream that is down ends the stream, as it would without the proxy.
        if let Ok(mut server) = TcpStream::connect(upstream).await {
            let _ended = copy_bidirectional(&mut client, &mut server).await;
        }
    };
    tokio::select! {
        biased;
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
        () = relay => {}
    }
}
