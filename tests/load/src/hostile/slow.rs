use std::io;
use std::time::Duration;

use super::crowd::{Kind, Seat};
use super::half_open::open_session;
use super::raw::Raw;

/// How long one reads nothing: longer than it takes to fill all that is between a sender and it.
const DEAF: Duration = Duration::from_secs(25);

/// Connects and joins, and hears that it has.
pub(super) async fn begin(kind: Kind, seat: &Seat, raw: &mut Raw) -> io::Result<()> {
    match kind {
        Kind::SlowPlain => join_plain(seat, raw).await,
        Kind::SlowPolling => join_by_polling(seat, raw).await,
        _ => join_by_socket(seat, raw).await,
    }
}

/// Reads nothing for a while, and then what there is, up to the end that the gateway has made meanwhile.
pub(super) async fn go_on(raw: &mut Raw) {
    tokio::time::sleep(DEAF).await;
    raw.read_to_the_end().await;
}

pub(super) async fn join_plain(seat: &Seat, raw: &mut Raw) -> io::Result<()> {
    raw.upgrade("/ws", Some(&seat.token)).await?;
    let Seat { conversation, .. } = seat;
    raw.text(&format!(
        r#"{{"id":1,"event":"join_conversation","data":{{"conversationId":"{conversation}"}}}}"#
    ))
    .await?;
    raw.wait_for(r#"{"ack":1,"data":{"ok":true"#).await
}

async fn join_by_socket(seat: &Seat, raw: &mut Raw) -> io::Result<()> {
    raw.upgrade("/socket.io/?EIO=4&transport=websocket", None)
        .await?;
    raw.text(&connect(seat)).await?;
    raw.wait_for("connected").await?;
    raw.text(&join(seat)).await?;
    raw.wait_for(r#"43/messages,1[{"ok":true"#).await
}

async fn join_by_polling(seat: &Seat, raw: &mut Raw) -> io::Result<()> {
    let sid = open_session(raw).await?;
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    raw.request("POST", &path, &connect(seat)).await?;
    poll_for(&path, "connected", raw).await?;
    raw.request("POST", &path, &join(seat)).await?;
    poll_for(&path, r#"43/messages,1[{"ok":true"#, raw).await?;
    let poll = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    raw.write(poll.as_bytes()).await
}

async fn poll_for(path: &str, text: &str, raw: &mut Raw) -> io::Result<()> {
    loop {
        let answer = raw.request("GET", path, "").await?;
        if answer.status != 200 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if answer.body.contains(text) {
            return Ok(());
        }
    }
}

fn connect(seat: &Seat) -> String {
    format!(r#"40/messages,{{"token":"{}"}}"#, seat.token)
}

fn join(seat: &Seat) -> String {
    let Seat { conversation, .. } = seat;
    format!(r#"42/messages,1["join_conversation",{{"conversationId":"{conversation}"}}]"#)
}
