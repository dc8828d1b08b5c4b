//! What a nats-server says to a client that only listens, and what that client says.
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use bytes::BytesMut;
use thiserror::Error;

/// The longest line, in bytes: INFO names all servers of a cluster.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerOp<'a> {
    /// Who it is, as JSON: at first, and when the cluster changes.
    Info(&'a [u8]),
    /// A message for one of our subscriptions.
    Message {
        /// Where it was published.
        subject: &'a [u8],
        /// Its headers with their first line, `NATS/1.0`; none is empty.
        headers: &'a [u8],
        /// What was published.
        payload: &'a [u8],
    },
    /// It wants to hear that we are there.
    Ping,
    /// It has taken in all that we had said before our PING.
    Pong,
    /// It has taken something in.
    Ok,
    /// It refuses something, or hangs up.
    Error(&'a [u8]),
}

/// The server speaks another protocol, or about something larger than agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A line without an end, or with too much before it.
    #[error("a line has more than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// No operation of a server.
    #[error("a line cannot be read")]
    Unreadable,
    /// Its INFO said how much.
    #[error("a message has more bytes than the server said it would take")]
    TooLarge,
}

/// Reads operations off the front of what comes, in whatever pieces.
#[derive(Debug)]
pub struct Parser {
    payload_bytes_max: usize,
    /// How far there is no end of a line, so that one which comes byte by byte is not searched from its start each time.
    searched: usize,
}

impl Parser {
    /// For messages of so many bytes, headers included.
    pub const fn new(payload_bytes_max: usize) -> Self {
        Self {
            payload_bytes_max,
            searched: 0,
        }
    }

    /// The whole operation that what came begins with, and how many bytes it took, which are to be left out the next time. Nothing,
    /// while more has to come behind it.
    ///
    /// # Errors
    /// [`ProtocolError`], after which what follows means nothing.
    pub fn parse<'a>(
        &mut self,
        came: &'a [u8],
    ) -> Result<Option<(ServerOp<'a>, usize)>, ProtocolError> {
        let rest = came.get(self.searched..).unwrap_or_default();
        let found = memchr::memchr(b'\n', rest);
        self.searched += found.unwrap_or(rest.len());
        if self.searched > LINE_BYTES_MAX {
            return Err(ProtocolError::LineTooLong);
        }
        if found.is_none() {
            return Ok(None);
        }
        let parsed = operation(came, self.searched, self.payload_bytes_max)?;
        if parsed.is_some() {
            self.searched = 0;
        }
        Ok(parsed)
    }
}

/// The operation whose first line ends there.
fn operation(
    came: &[u8],
    end: usize,
    payload_bytes_max: usize,
) -> Result<Option<(ServerOp<'_>, usize)>, ProtocolError> {
    let (line, taken) = (came[..end].trim_ascii_end(), end + 1);
    let (name, rest) = match line.iter().position(u8::is_ascii_whitespace) {
        Some(space) => (&line[..space], line[space..].trim_ascii_start()),
        None => (line, &line[line.len()..]),
    };
    let op = match name {
        b"MSG" => return message(came, taken, rest, payload_bytes_max, false),
        b"HMSG" => return message(came, taken, rest, payload_bytes_max, true),
        b"PING" => ServerOp::Ping,
        b"PONG" => ServerOp::Pong,
        b"INFO" => ServerOp::Info(rest),
        b"+OK" => ServerOp::Ok,
        b"-ERR" => ServerOp::Error(rest),
        _ => return Err(ProtocolError::Unreadable),
    };
    Ok(Some((op, taken)))
}

/// `MSG subject sid [reply-to] bytes`, or `HMSG subject sid [reply-to] header-bytes bytes`, and then the bytes.
fn message<'a>(
    came: &'a [u8],
    line_bytes: usize,
    line: &'a [u8],
    payload_bytes_max: usize,
    has_headers: bool,
) -> Result<Option<(ServerOp<'a>, usize)>, ProtocolError> {
    const LINE_END: &[u8] = b"\r\n";
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let subject = fields.next().ok_or(ProtocolError::Unreadable)?;
    let mut from_the_end = fields.rev();
    let bytes = number(from_the_end.next())?;
    let header_bytes = match has_headers {
        true => number(from_the_end.next())?,
        false => 0,
    };
    // What is left is the subscription's id, and perhaps a subject for answers.
    if !(1..=2).contains(&from_the_end.count()) || header_bytes > bytes {
        return Err(ProtocolError::Unreadable);
    }
    if bytes > payload_bytes_max {
        return Err(ProtocolError::TooLarge);
    }
    let Some(rest) = came
        .get(line_bytes..)
        .filter(|rest| rest.len() >= bytes + LINE_END.len())
    else {
        return Ok(None);
    };
    if &rest[bytes..bytes + LINE_END.len()] != LINE_END {
        return Err(ProtocolError::Unreadable);
    }
    let (headers, payload) = rest[..bytes].split_at(header_bytes);
    let op = ServerOp::Message {
        subject,
        headers,
        payload,
    };
    Ok(Some((op, line_bytes + bytes + LINE_END.len())))
}

fn number(field: Option<&[u8]>) -> Result<usize, ProtocolError> {
    let text = field.and_then(|field| std::str::from_utf8(field).ok());
    text.and_then(|text| text.parse().ok())
        .ok_or(ProtocolError::Unreadable)
}

/// The value of a header of a message, by its exact name.
pub(super) fn header<'a>(headers: &'a [u8], name: &str) -> Option<&'a str> {
    let mut lines = headers.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))?;
    std::str::from_utf8(value.trim_ascii()).ok()
}

/// Adds a subscription.
pub(super) fn append_sub(out: &mut BytesMut, subject: &str, sid: u64) {
    out.extend_from_slice(format!("SUB {subject} {sid}\r\n").as_bytes());
}

/// Adds the end of a subscription.
pub(super) fn append_unsub(out: &mut BytesMut, sid: u64) {
    out.extend_from_slice(format!("UNSUB {sid}\r\n").as_bytes());
}

pub(super) const PING: &[u8] = b"PING\r\n";
pub(super) const PONG: &[u8] = b"PONG\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1_000;

    fn parse(came: &[u8]) -> Result<Option<(ServerOp<'_>, usize)>, ProtocolError> {
        Parser::new(MAX).parse(came)
    }

    fn one(came: &str) -> Option<(ServerOp<'_>, usize)> {
        parse(came.as_bytes()).expect("it can be read")
    }

    #[test]
    fn operations_are_taken_one_by_one_and_only_whole() {
        assert_eq!(one("PING\r\nPONG\r\n"), Some((ServerOp::Ping, 6)));
        assert_eq!(one("PON"), None);
        let info = "INFO {\"server_id\":\"N\"} \r\n";
        let op = ServerOp::Info(b"{\"server_id\":\"N\"}");
        assert_eq!(one(info), Some((op, info.len())));
        let error = "-ERR 'Stale Connection'\r\n";
        let op = ServerOp::Error(b"'Stale Connection'");
        assert_eq!(one(error), Some((op, error.len())));
        assert_eq!(one("+OK\r\n"), Some((ServerOp::Ok, 5)));
    }

    #[test]
    fn a_message_has_its_subject_its_headers_and_its_payload() {
        let is = |came: &str, headers: &str, payload: &str| {
            let op = ServerOp::Message {
                subject: b"fh.user.a",
                headers: headers.as_bytes(),
                payload: payload.as_bytes(),
            };
            assert_eq!(one(came), Some((op, came.len())), "{came:?}");
            assert_eq!(one(&came[..came.len() - 1]), None);
        };
        is("MSG fh.user.a 7 5\r\nhel\nl\r\n", "", "hel\nl");
        is("MSG fh.user.a 7 _INBOX.x 0\r\n\r\n", "", "");
        let headers = "NATS/1.0\r\n\r\n";
        let came = "HMSG fh.user.a 7 12 14\r\nNATS/1.0\r\n\r\nhi\r\n";
        is(came, headers, "hi");
        let came = "HMSG fh.user.a 7 r 12 12\r\nNATS/1.0\r\n\r\n\r\n";
        is(came, headers, "");
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let headers = b"NATS/1.0\r\ntrace: b\r\ntraceparent:00-a-b-01\r\nother: c\r\n\r\n";
        assert_eq!(header(headers, "traceparent"), Some("00-a-b-01"));
        assert_eq!(header(headers, "other"), Some("c"));
        assert_eq!(header(headers, "NATS/1.0"), None);
        assert_eq!(header(b"", "trace"), None);
        assert_eq!(header(b"trace: \xff\r\n", "trace"), None);
    }

    #[test]
    fn what_no_server_says_is_refused() {
        for bad in [
            "\r\n",
            "HELLO\r\n",
            "MSG a 1\r\n",
            "MSG a 1 x\r\n",
            "MSG a 1 r s 0\r\n\r\n",
            "MSG a 1 2\r\nabc\r\n",
            "HMSG a 1 3 2\r\nab\r\n",
        ] {
            let refused = parse(bad.as_bytes());
            assert_eq!(refused, Err(ProtocolError::Unreadable), "{bad:?}");
        }
        let large = parse(b"MSG a 1 1001\r\n");
        assert_eq!(large, Err(ProtocolError::TooLarge));
        let long = parse(&[b'x'; LINE_BYTES_MAX + 1]);
        assert_eq!(long, Err(ProtocolError::LineTooLong));
    }

    #[test]
    fn what_comes_byte_by_byte_is_read_once_it_is_whole() {
        let came = b"INFO {}\r\nMSG a 1 2\r\nab\r\nPONG\r\n";
        let mut parser = Parser::new(MAX);
        let (mut start, mut ops) = (0, Vec::new());
        for end in 1..=came.len() {
            if let Some((op, taken)) = parser.parse(&came[start..end]).expect("it can be read") {
                assert_eq!(start + taken, end);
                ops.push(op);
                start = end;
            }
        }
        let message = ServerOp::Message {
            subject: b"a",
            headers: b"",
            payload: b"ab",
        };
        assert_eq!(ops, [ServerOp::Info(b"{}"), message, ServerOp::Pong]);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic_or_take_more_than_there_is(
            name in "MSG |HMSG |PING|PONG|INFO |-ERR |",
            came in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let came = [name.as_bytes(), &came].concat();
            if let Ok(Some((_, taken))) = parse(&came) {
                prop_assert!(taken > 0 && taken <= came.len());
            }
        }
    }
}
