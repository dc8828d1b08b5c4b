use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
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
/// `probing` is what takes the messages: it advances the probe as the client's packets come.
pub(crate) async fn serve_probe<P: Receiver, R: Receiver>(
    upgrading: Upgrading,
    probe: Arc<Probe<R>>,
    probing: Arc<P>,
    settings: WebSocketSettings,
    within: Duration,
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
            moved = timeout(within, moved) => if !matches!(moved, Ok(Some(()))) { return },
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
    let mut writer = pin!(write(sink, link));
    let (mut read, mut written) = (false, None);
    // In this order, so that a simulation goes the same way each time, and what the peer says itself counts first.
    tokio::select! {
        biased;
        reason = &mut reader => {
            read = true;
            link.close(reason);
        }
        result = &mut writer => written = Some(result),
        () = keep(link, receiver, heartbeat) => {}
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
