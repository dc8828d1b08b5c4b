use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use fastwebsockets::{Role, WebSocketError, after_handshake_split};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, sink};
use tokio::task::coop::consume_budget;

use super::assembler::{Assembler, Incoming};
use super::stream::Source;
use crate::connection::{Class, CloseReason, Link, Opcode, Violation, append_frame};
use crate::transport::Receiver;
use crate::transport::heartbeat::HeartbeatKind;

/// What a reader needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadRules {
    pub(super) message_bytes_max: usize,
    pub(super) life: HeartbeatKind,
}

/// Reads the messages of a stream of client frames until the peer closes, breaks the protocol or is gone; returns which.
///
/// It holds no more than one message of the given size and the frame headers and control frames around it, whatever the
/// peer sends; what it asks for in return, such as pongs, goes into the link.
pub async fn read_stream<R: Receiver>(
    stream: impl AsyncRead + Send + Unpin + 'static,
    link: &Link,
    receiver: &Arc<R>,
    message_bytes_max: usize,
) -> CloseReason {
    let rules = ReadRules {
        message_bytes_max,
        life: HeartbeatKind::WebSocket,
    };
    read(&mut Source::other(stream), link, receiver, rules).await
}

/// Reads messages until the peer closes, breaks the protocol or is gone; returns which.
///
/// What the receiver does not take any more is read and dropped until the peer's close frame comes.
/// Not cancel-safe: dropped before its end, it must not be called again for the same source.
pub(super) async fn read<R: Receiver>(
    source: &mut Source,
    link: &Link,
    receiver: &Arc<R>,
    rules: ReadRules,
) -> CloseReason {
    loop {
        // An idle peer costs no read buffer: it is made when something comes and dropped when all of it is read.
        if source.ready().await.is_err() {
            return CloseReason::TransportAborted;
        }
        if let Err(reason) = Box::pin(read_burst(source, link, receiver, rules)).await {
            return reason;
        }
    }
}

/// Reads until everything that came makes whole messages.
async fn read_burst<R: Receiver>(
    source: &mut Source,
    link: &Link,
    receiver: &Arc<R>,
    rules: ReadRules,
) -> Result<(), CloseReason> {
    let delivered = AtomicUsize::new(0);
    let counted = Counted {
        source,
        delivered: &delivered,
    };
    let (mut frames, _) = after_handshake_split(counted, sink(), Role::Server);
    // Pongs and closes are written by the writer, in order with everything else.
    frames.set_auto_close(false);
    frames.set_auto_pong(false);
    let mut assembler = Assembler::new(rules.message_bytes_max);
    let mut consumed = 0;
    loop {
        // A frame that cannot become part of a message is refused by its header. The library's limit is exclusive.
        frames.set_max_message_size(assembler.frame_bytes_max().saturating_add(1));
        let frame = frames
            .read_frame(&mut |_| std::future::ready(Ok::<_, Infallible>(())))
            .await;
        let frame = frame.map_err(|error| reason_of(&error))?;
        consumed += frame_bytes(frame.payload.len());
        if rules.life == HeartbeatKind::WebSocket {
            link.is_alive();
        }
        match assembler.take(frame)? {
            Some(Incoming::Message(message)) if receiver.takes(link) => {
                receiver.receive(message).await?
            }
            Some(Incoming::Ping(payload)) => {
                let mut pong = Vec::with_capacity(payload.len() + 2);
                append_frame(&mut pong, Opcode::Pong, &payload);
                // A peer that pings without reading gets fewer pongs, not more memory.
                link.push(pong.into(), Class::Droppable);
            }
            Some(Incoming::Close(code)) => return Err(CloseReason::ClientLeft(code)),
            Some(Incoming::Message(_) | Incoming::Pong) | None => {}
        }
        // Frames that have been read cost no look at the socket, where a task would make way for others: without this, a few
        // peers that send nothing but pings keep everyone else waiting.
        consume_budget().await;
        // A length written longer than need be makes `consumed` fall behind, which merely keeps the buffer.
        if assembler.is_between_messages() && consumed == delivered.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
}

/// What a masked frame takes on the wire, its length written as short as it must be.
const fn frame_bytes(payload: usize) -> usize {
    let length = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    2 + length + 4 + payload
}

const fn reason_of(error: &WebSocketError) -> CloseReason {
    match error {
        WebSocketError::UnexpectedEOF | WebSocketError::IoError(_) => CloseReason::TransportAborted,
        WebSocketError::FrameTooLarge => CloseReason::ProtocolViolation(Violation::TooBig),
        WebSocketError::InvalidUTF8 => CloseReason::ProtocolViolation(Violation::InvalidData),
        _ => CloseReason::ProtocolViolation(Violation::Protocol),
    }
}

/// Reads and drops whatever still comes, until the peer closes.
///
/// A socket that is closed with something unread resets the connection, and the peer may lose our close frame.
pub(super) async fn discard(source: &mut Source) {
    let mut buffer = [0; 1024];
    while source
        .read(&mut buffer)
        .await
        .is_ok_and(|length| length > 0)
    {}
}

/// Counts what was handed on.
struct Counted<'a> {
    source: &'a mut Source,
    delivered: &'a AtomicUsize,
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut *self.source).poll_read(cx, into);
        self.delivered
            .fetch_add(into.filled().len() - before, Ordering::Relaxed);
        read
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use prometheus::Registry;

    use super::*;
    use crate::connection::{LinkLimits, SocketMetrics};
    use crate::transport::Message;

    struct Nobody;

    impl Receiver for Nobody {
        async fn receive(self: &Arc<Self>, _message: Message) -> Result<(), CloseReason> {
            Ok(())
        }

        fn ended(self: &Arc<Self>, _reason: CloseReason) {}
    }

    #[tokio::test]
    async fn a_peer_that_sends_without_a_pause_keeps_nobody_waiting() {
        let metrics = SocketMetrics::register(&Registry::new()).expect("registered once");
        let limits = LinkLimits {
            outbox_bytes_max: 1_000,
        };
        let link = Link::new(limits, Arc::new(metrics));
        const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
        let (pings, nobody) = (Cursor::new(PING.repeat(10_000)), Arc::new(Nobody));
        let ended = tokio::select! {
            biased;
            _ = read_stream(pings, &link, &nobody, 1_000) => true,
            () = std::future::ready(()) => false,
        };
        assert!(!ended, "all of it was read before anyone else had a turn");
    }
}
