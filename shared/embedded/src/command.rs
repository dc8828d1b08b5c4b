//! One administrative command to a mongod, by OP_MSG over a connection of its own.

use std::{io, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::bson::{Document, Value};

const OP_MSG: i32 = 2013;
const HEADER_BYTES: usize = 16;
/// Flags and the kind of the one section come before the document.
const PREFIX_BYTES: usize = 5;
const REPLY_BYTES_MAX: usize = 1 << 20;
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a command has no good answer.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Nothing listens there (yet), or the connection broke.
    #[error("mongod does not answer")]
    Connection(#[source] io::Error),
    /// The answer did not come in time.
    #[error("mongod did not answer within {} s", COMMAND_TIMEOUT.as_secs())]
    TimedOut,
    /// The answer is no OP_MSG with a document in it.
    #[error("mongod answered with something else than a document")]
    Malformed,
    /// The server refused the command.
    #[error("mongod refused the command: {message} (code {code})")]
    Refused {
        /// The server's error code.
        code: i64,
        /// The server's words.
        message: String,
    },
}

/// Runs `command` against the `admin` database of the mongod on this loopback port.
pub(crate) async fn run(port: u16, command: Document) -> Result<Document, CommandError> {
    let command = command.with("$db", Value::String("admin".into()));
    let reply = timeout(COMMAND_TIMEOUT, exchange(port, &command))
        .await
        .map_err(|_elapsed| CommandError::TimedOut)?
        .map_err(CommandError::Connection)?;
    let document = reply
        .as_deref()
        .and_then(Document::decode)
        .ok_or(CommandError::Malformed)?;
    if document.number("ok") == Some(1) {
        return Ok(document);
    }
    Err(CommandError::Refused {
        code: document.number("code").unwrap_or_default(),
        message: document
            .text("errmsg")
            .unwrap_or("no reason given")
            .to_owned(),
    })
}

/// Sends one message and reads one; `None` when the length is out of bounds.
async fn exchange(port: u16, command: &Document) -> io::Result<Option<Vec<u8>>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&message(command)).await?;

    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let [a, b, c, d, ..] = header;
    let length = usize::try_from(i32::from_le_bytes([a, b, c, d])).unwrap_or_default();
    if !(HEADER_BYTES + PREFIX_BYTES..=REPLY_BYTES_MAX).contains(&length) {
        return Ok(None);
    }
    let mut body = vec![0; length - HEADER_BYTES];
    stream.read_exact(&mut body).await?;
    Ok(Some(body.split_off(PREFIX_BYTES)))
}

fn message(command: &Document) -> Vec<u8> {
    let document = command.encode();
    let length = HEADER_BYTES + PREFIX_BYTES + document.len();
    let mut bytes = Vec::with_capacity(length);
    for field in [
        i32::try_from(length).expect("commands are short"),
        1,
        0,
        OP_MSG,
    ] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend([0; PREFIX_BYTES]);
    bytes.extend(document);
    bytes
}
