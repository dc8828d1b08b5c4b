use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::unconstrained;
use tokio::time::timeout;

use super::accept::Upgrading;
use super::reader::{ReadRules, discard, read};
use super::stream::{Sink, Source};
use super::writer::write;
use crate::connection::{CloseReason, Link, text_frame};
use crate::session::Probe;
use crate::transport::heartbeat::{Heartbeat, HeartbeatKind, keep};
use crate::transport::receiver::Ending;
use crate::transport::relay::Arriving;
use crate::transport::{Protocol, Receiver, TransportConfig};

/// How long the last words, and the peer's answer to them, may take.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(3);
/// How long we wait for a peer to hang up after both have said that they will.
const HANG_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// How a WebSocket is served.
#[derive(Debug, Clone, Copy)]
pub struct WebSocketSettings {
    message_bytes_max: usize,
    heartbeat: Heartbeat,
}

impl WebSocketSettings {
    /// For a WebSocket on its own: ping frames, and any frame is a sign of life.
    pub fn plain(config: &TransportConfig) -> Self {
        Self {
            message_bytes_max: config.frame_bytes_max,
            heartbeat: Heartbeat {
                engaged_within: None,
                ..heartbeat_of(config, HeartbeatKind::WebSocket)
            },
        }
    }

    /// For one under an Engine.IO session.
    pub(crate) const fn engine(config: &TransportConfig) -> Self {
        Self {
            message_bytes_max: config.frame_bytes_max,
            heartbeat: heartbeat_of(config, HeartbeatKind::EngineIo),
        }
    }

    const fn read_rules(&self) -> ReadRules {
        ReadRules {
            message_bytes_max: self.message_bytes_max,
            life: self.heartbeat.kind,
        }
    }
}

pub(crate) const fn heartbeat_of(config: &TransportConfig, kind: HeartbeatKind) -> Heartbeat {
    Heartbeat {
        interval: config.ping_interval,
        timeout: config.ping_timeout,
        engaged_within: Some(config.connect_timeout),
        kind,
    }
}

/// Serves a link over a WebSocket until both have ended. The receiver hears of the end in any case, once.
pub async fn serve<R: Receiver>(
    upgrading: Upgrading,
    link: Arc<Link>,
    receiver: Arc<R>,
    settings: WebSocketSettings,
) {
    let ending = Ending::new(Arc::clone(&receiver), Arc::clone(&link));
    let Some((mut source, mut sink)) = upgrading.finish().await else {
        return;
    };
    let end = {
        let reader = pin!(read(&mut source, &link, &receiver, settings.read_rules()));
        run(
            reader,
            &mut sink,
            &link,
            &*receiver,
            &settings.heartbeat,
            ending,
        )
        .await
    };
    // Rarely in use, so not a part of every idle connection.
    Box::pin(hang_up(end, source, sink)).await;
}

/// Tries out a WebSocket for a session that is served by polling, and serves the session once it has moved.
///
/// `probing` is what takes the messages: it advances the probe as the client's packets come. Once `overdue` ends, a session that
/// has not moved yet stays where it is.
pub(crate) async fn serve_probe<P: Receiver, R: Receiver>(
    upgrading: Upgrading,
    probe: Arc<Probe<R>>,
    probing: Arc<P>,
    settings: WebSocketSettings,
    overdue: impl Future<Output = ()> + Send,
) {
    let Some((mut source, mut sink)) = upgrading.finish().await else {
        return;
    };
    let session = Arc::clone(probe.session());
    let link = Arc::clone(session.link());
    let end = {
        let mut reader = pin!(read(&mut source, &link, &probing, settings.read_rules()));
        let moved = async {
            probe.wait_probed().await;
            sink.write_all(&text_frame(b"3probe")).await.ok()?;
            probe.answered();
            session.upgraded().await;
            Some(())
        };
        // Whichever way this fails, the session stays where it is.
        tokio::select! {
            biased;
            moved = moved => if moved.is_none() { return },
            () = overdue => return,
            reason = &mut reader => {
                if probe.is_complete() {
                    // It has moved and gone at once.
                    link.close(reason);
                    drop(Ending::new(Arc::clone(session.receiver()), Arc::clone(&link)));
                }
                return;
            }
        }
        let ending = Ending::new(Arc::clone(session.receiver()), Arc::clone(&link));
        run(
            reader,
            &mut sink,
            &link,
            &**session.receiver(),
            &settings.heartbeat,
            ending,
        )
        .await
    };
    // Rarely in use, so not a part of every idle connection.
    Box::pin(hang_up(end, source, sink)).await;
}

/// Tries out a WebSocket for a session that another gateway serves, and serves the session once it has come here.
///
/// Nothing is written before the answer to the client's probe, and nothing behind it before the session is here.
pub(in crate::transport) async fn serve_arrival<P: Protocol>(
    upgrading: Upgrading,
    arriving: Arc<Arriving<P>>,
    settings: WebSocketSettings,
    within: Duration,
) {
    let Some((mut source, mut sink)) = upgrading.finish().await else {
        return arriving.give_up().await;
    };
    let link = Arc::clone(arriving.link());
    let end = {
        let mut reader = pin!(read(&mut source, &link, &arriving, settings.read_rules()));
        let upgraded = async {
            arriving.probed().await;
            sink.write_all(&text_frame(b"3probe")).await.ok()?;
            arriving.answered();
            arriving.upgraded().await;
            Some(())
        };
        // Whichever way this fails, the session stays where it is.
        let upgraded = tokio::select! {
            biased;
            upgraded = timeout(within, upgraded) => matches!(upgraded, Ok(Some(()))),
            _ = &mut reader => false,
            () = arriving.stopping() => false,
        };
        if !upgraded {
            return arriving.give_up().await;
        }
        let ending = Ending::new(Arc::clone(&arriving), Arc::clone(&link));
        // Meanwhile the reader waits.
        arriving.arrive().await;
        run(
            reader,
            &mut sink,
            &link,
            &*arriving,
            &settings.heartbeat,
            ending,
        )
        .await
    };
    // Rarely in use, so not a part of every idle connection.
    Box::pin(hang_up(end, source, sink)).await;
}

/// How far the close handshake got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The last words were written.
    Said,
    /// The peer is gone, or takes nothing.
    Gone,
}

/// Reads, writes and watches until the link is closed, then finishes the close handshake.
async fn run<R: Receiver>(
    mut reader: Pin<&mut impl Future<Output = CloseReason>>,
    sink: &mut Sink,
    link: &Link,
    receiver: &R,
    heartbeat: &Heartbeat,
    ending: Ending<R>,
) -> End {
    // A task that has had its turn gets nothing done, timers included, until it makes way for others. A peer that sends without a
    // pause has its reader use up each turn, but must not be able to keep us from writing to it and watching over it.
    let mut writer = pin!(unconstrained(write(sink, link)));
    let mut keeper = pin!(unconstrained(keep(link, receiver, heartbeat)));
    let (mut read, mut written) = (false, None);
    // In this order, so that a simulation goes the same way each time, and what the peer says itself counts first.
    tokio::select! {
        biased;
        reason = &mut reader => {
            read = true;
            link.close(reason);
        }
        result = &mut writer => written = Some(result),
        () = &mut keeper => {}
    }
    // Says that the link is closed if nobody has, and tells the receiver, which lets go of a waiting reader.
    drop(ending);
    let finish = Box::pin(async {
        let result = match written {
            Some(result) => result,
            None => writer.await,
        };
        if result.is_ok() && !read {
            reader.await;
        }
        result
    });
    match timeout(CLOSING_TIMEOUT, finish).await {
        Ok(Ok(())) => End::Said,
        Ok(Err(_)) => End::Gone,
        // The peer has not answered; our words may have left all the same.
        Err(_) => End::Gone,
    }
}

async fn hang_up(end: End, mut source: Source, mut sink: Sink) {
    if end == End::Said && sink.shutdown().await.is_ok() {
        let _late = timeout(HANG_UP_TIMEOUT, discard(&mut source)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::task::{Context, Poll};

    use prometheus::Registry;
    use tokio::io::{AsyncRead, ReadBuf};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::connection::{LinkLimits, SocketMetrics};
    use crate::transport::Message;

    const BOUND: Duration = Duration::from_secs(10);

    /// Ping frames without an end, as soon as they are asked for; how many bytes of one were read.
    struct Pings(usize);

    impl AsyncRead for Pings {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
            let rest = &PING[self.0..];
            let length = rest.len().min(into.remaining());
            into.put_slice(&rest[..length]);
            self.0 = (self.0 + length) % PING.len();
            Poll::Ready(Ok(()))
        }
    }

    /// One that never joins anything.
    struct Idler;

    impl Receiver for Idler {
        async fn receive(self: &Arc<Self>, _message: Message) -> Result<(), CloseReason> {
            Ok(())
        }

        fn ended(self: &Arc<Self>, _reason: CloseReason) {}

        fn engaged(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn a_peer_that_sends_without_a_pause_is_watched_like_any_other() {
        let metrics = SocketMetrics::register(&Registry::new()).expect("registered once");
        let limits = LinkLimits {
            outbox_bytes_max: 1_000,
        };
        let link = Link::new(limits, Arc::new(metrics));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let _peer = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("it has connected");
        let (_, mut sink) = Source::tcp(stream, bytes::Bytes::new());
        let heartbeat = Heartbeat {
            interval: BOUND,
            timeout: BOUND,
            engaged_within: Some(Duration::from_millis(50)),
            kind: HeartbeatKind::EngineIo,
        };
        let idler = Arc::new(Idler);
        let mut source = Source::other(Pings(0));
        let rules = ReadRules {
            message_bytes_max: 1_000,
            life: heartbeat.kind,
        };
        let reader = pin!(read(&mut source, &link, &idler, rules));
        let ending = Ending::new(Arc::clone(&idler), Arc::clone(&link));
        let served = run(reader, &mut sink, &link, &*idler, &heartbeat, ending);
        let end = timeout(BOUND, served).await;
        assert!(end.is_ok(), "it is served for ever");
        assert_eq!(link.closed(), Some(CloseReason::NotConnected));
    }
}
