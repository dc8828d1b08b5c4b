use std::io;

use super::crowd::{Kind, Peer, Seat};
use super::raw::{FINAL, Raw, TEXT, frame};
use super::slow::join_plain;

const CONTINUATION: u8 = 0;
const PING: u8 = 9;

/// Connects and joins as anyone does.
pub(super) async fn begin(seat: &Seat, raw: &mut Raw) -> io::Result<()> {
    join_plain(seat, raw).await
}

/// Sends as fast as it can, and reads nothing, until the gateway hangs up.
pub(super) async fn go_on(peer: &Peer, raw: &mut Raw) {
    const AT_A_TIME: usize = 1_000;
    let again = match peer.kind {
        Kind::FloodOfEvents => event(peer).repeat(AT_A_TIME),
        Kind::FloodOfPings => frame(FINAL | PING, 0, &[]).repeat(AT_A_TIME),
        Kind::FloodOfOversize => {
            let header = frame(FINAL | TEXT, 64 * peer.frame_bytes_max, &[]);
            [header, vec![b'x'; peer.frame_bytes_max]].concat()
        }
        _ => {
            if raw.write(&frame(TEXT, 1, b"x")).await.is_err() {
                return;
            }
            frame(CONTINUATION, 1, b"x").repeat(AT_A_TIME)
        }
    };
    while raw.write(&again).await.is_ok() {}
}

fn event(peer: &Peer) -> Vec<u8> {
    let conversation = peer.seat.as_ref().map_or("", |seat| &seat.conversation);
    let text = format!(
        r#"{{"id":1,"event":"typing","data":{{"conversationId":"{conversation}","isTyping":true}}}}"#
    );
    frame(FINAL | TEXT, text.len(), text.as_bytes())
}
