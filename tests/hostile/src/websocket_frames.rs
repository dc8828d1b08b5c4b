use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use messaging_gateway::connection::{CloseReason, Link, LinkLimits, SocketMetrics, Violation};
use messaging_gateway::transport::websocket::read_stream;
use messaging_gateway::transport::{Message, Receiver};
use prometheus::Registry;

use crate::bounded::bounded;
use crate::chunks::Chunks;

/// The most bytes of a message.
const MESSAGE_BYTES_MAX: usize = 16 * 1_024;

/// The most bytes of messages that the receiver keeps at a time, as a dialect keeps the attachments of a packet.
const KEPT_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// The most bytes of pongs that wait.
const OUTBOX_BYTES_MAX: usize = 4 * 1_024;

/// What a connection may hold, whatever comes: a message that grows, which takes up to twice its size, what the receiver and the
/// outbox keep, and the buffers around them.
const HELD_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX + KEPT_BYTES_MAX + OUTBOX_BYTES_MAX + BUFFERS;
const BUFFERS: usize = 32 * 1_024;

/// The bytes of a WebSocket behind its handshake, in pieces as the first three bytes say: however it is cut, it says the same.
pub fn websocket_frames(input: &[u8]) {
    let Some((lengths, frames)) = input.split_first_chunk::<3>() else {
        return;
    };
    let lengths = lengths.map(|length| usize::from(length) + 1);
    let frames = Bytes::copy_from_slice(frames);
    let cut = bounded(HELD_BYTES_MAX, || read(frames.clone(), &lengths));
    let whole = bounded(HELD_BYTES_MAX, || read(frames, &[usize::MAX]));
    assert_eq!(cut, whole);
}

/// What a peer said, and how it ended.
fn read(frames: Bytes, lengths: &[usize]) -> (CloseReason, Said) {
    static METRICS: LazyLock<Arc<SocketMetrics>> = LazyLock::new(|| {
        Arc::new(SocketMetrics::register(&Registry::new()).expect("registered once"))
    });
    let limits = LinkLimits {
        outbox_bytes_max: OUTBOX_BYTES_MAX,
    };
    let link = Link::new(limits, Arc::clone(&METRICS));
    let peer = Arc::new(Peer::default());
    let reason = read_stream(
        Chunks::new(frames, lengths),
        &link,
        &peer,
        MESSAGE_BYTES_MAX,
    )
    .now_or_never()
    .expect("there is nothing to wait for");
    assert!(
        matches!(
            reason,
            CloseReason::TransportAborted
                | CloseReason::ClientLeft(_)
                | CloseReason::ProtocolViolation(
                    Violation::Protocol | Violation::InvalidData | Violation::TooBig
                )
        ),
        "{reason:?}"
    );
    let said = std::mem::take(&mut *peer.0.lock().expect("no panic"));
    (reason, said)
}

#[derive(Default)]
struct Peer(Mutex<Said>);

/// The last messages, as many as are kept, and how many there were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    messages: usize,
    kept: Vec<Bytes>,
    kept_bytes: usize,
}

impl Receiver for Peer {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        const KEPT_MAX: usize = 32;
        let mut said = self.0.lock().expect("no panic");
        said.messages += 1;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => {
                assert!(text.len() <= MESSAGE_BYTES_MAX && std::str::from_utf8(&text).is_ok());
                return Ok(());
            }
        };
        assert!(bytes.len() <= MESSAGE_BYTES_MAX);
        if said.kept.len() == KEPT_MAX || said.kept_bytes + bytes.len() > KEPT_BYTES_MAX {
            said.kept.clear();
            said.kept_bytes = 0;
        }
        said.kept_bytes += bytes.len();
        said.kept.push(bytes);
        Ok(())
    }

    fn ended(self: &Arc<Self>, _reason: CloseReason) {}
}
