use std::io;
use std::time::Duration;

use super::crowd::{Kind, Peer};
use super::raw::{FINAL, Raw, TEXT, frame};

/// How often a slow one sends a byte.
const DRIP_INTERVAL: Duration = Duration::from_millis(50);

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// Says as much as a peer of this kind says at once.
pub(super) async fn begin(peer: &Peer, raw: &mut Raw) -> io::Result<()> {
    match peer.kind {
        Kind::Silent => Ok(()),
        Kind::SlowHead => raw.write(b"GET /socket.io/ HTTP/1.1\r\nx: ").await,
        Kind::LongHead => {
            let head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(60 * 1024));
            raw.write(head.as_bytes()).await
        }
        Kind::SlowBody => {
            let sid = open_session(raw).await?;
            let head = format!(
                "POST {POLLING}&sid={sid} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n4",
                peer.frame_bytes_max
            );
            raw.write(head.as_bytes()).await
        }
        Kind::SlowCall => {
            let token = peer.seat.as_ref().map_or("", |seat| &seat.token);
            let head = format!(
                "POST /api/messages HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{{",
                peer.frame_bytes_max
            );
            raw.write(head.as_bytes()).await
        }
        Kind::PollingUnengaged => open_session(raw).await.map(drop),
        Kind::Refused => match raw.request("GET", "/ws", "").await?.status {
            426 => Ok(()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        },
        Kind::SocketUnengaged | Kind::UnreadPongs => raw.upgrade(WEBSOCKET, None).await,
        Kind::HalfFrame => {
            raw.upgrade(WEBSOCKET, None).await?;
            let half = vec![b'x'; peer.frame_bytes_max / 2];
            raw.write(&frame(FINAL | TEXT, peer.frame_bytes_max, &half))
                .await
        }
        _ => Ok(()),
    }
}

/// Goes on until the gateway hangs up.
pub(super) async fn go_on(peer: &Peer, raw: &mut Raw) {
    match peer.kind {
        Kind::SlowHead | Kind::SlowBody | Kind::SlowCall => drip(raw).await,
        Kind::UnreadAnswer => {
            let asked = b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n";
            while raw.write(asked).await.is_ok() {}
        }
        Kind::UnreadPongs => {
            const PING: u8 = 9;
            let pings = frame(FINAL | PING, 0, &[]).repeat(1_000);
            while raw.write(&pings).await.is_ok() {}
        }
        _ => raw.read_to_the_end().await,
    }
}

async fn drip(raw: &mut Raw) {
    let mut ticks = tokio::time::interval(DRIP_INTERVAL);
    while raw.write(b"x").await.is_ok() {
        ticks.tick().await;
    }
}

/// Opens a session by polling, and returns its id.
pub(super) async fn open_session(raw: &mut Raw) -> io::Result<String> {
    let answer = raw.request("GET", POLLING, "").await?;
    let open = answer.body.strip_prefix('0');
    let open = open.and_then(|open| serde_json::from_str::<serde_json::Value>(open).ok());
    let sid = open.and_then(|open| open["sid"].as_str().map(str::to_owned));
    sid.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
