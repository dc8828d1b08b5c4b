use bytes::{Buf, Bytes, BytesMut};
use messaging_bus::protocol::{LINE_BYTES_MAX, Parser, ProtocolError, ServerOp};

use crate::bounded::bounded;
use crate::chunks::Chunks;

/// The most bytes of a message, headers included.
const PAYLOAD_BYTES_MAX: usize = 1_024;

/// What may wait for its end: a line, and a message with the end of its own.
const WAITING_BYTES_MAX: usize = LINE_BYTES_MAX + PAYLOAD_BYTES_MAX + 2;

/// What a nats-server says, in pieces as the first three bytes say: however it is cut, it says the same.
pub fn nats_protocol(input: &[u8]) {
    let Some((lengths, said)) = input.split_first_chunk::<3>() else {
        return;
    };
    let lengths = lengths.map(|length| usize::from(length) + 1);
    bounded(0, || Parser::new(PAYLOAD_BYTES_MAX).parse(said).is_ok());
    let said = Bytes::copy_from_slice(said);
    let cut = read(Chunks::new(said.clone(), &lengths));
    let whole = read(Chunks::new(said, &[usize::MAX]));
    assert_eq!(cut, whole);
}

/// How many operations came, a digest of them, and how it ended.
fn read(came: Chunks) -> (usize, u64, Option<ProtocolError>) {
    let (mut count, mut digest) = (0, 0);
    let (mut parser, mut waiting) = (Parser::new(PAYLOAD_BYTES_MAX), BytesMut::new());
    for piece in came {
        waiting.extend_from_slice(&piece);
        loop {
            match parser.parse(&waiting) {
                Ok(Some((op, taken))) => {
                    assert!(taken > 0 && taken <= waiting.len(), "{op:?} took {taken}");
                    count += 1;
                    digest = note(digest, &op);
                    waiting.advance(taken);
                }
                Ok(None) => break,
                Err(error) => return (count, digest, Some(error)),
            }
        }
        assert!(waiting.len() <= WAITING_BYTES_MAX, "{}", waiting.len());
    }
    (count, digest, None)
}

/// FNV-1a, over what an operation is and holds.
fn note(digest: u64, op: &ServerOp<'_>) -> u64 {
    let (kind, parts): (u8, [&[u8]; 2]) = match op {
        ServerOp::Info(info) => (0, [info, b""]),
        ServerOp::Message {
            subject, payload, ..
        } => {
            assert!(payload.len() <= PAYLOAD_BYTES_MAX);
            assert!(!subject.is_empty() && !subject.iter().any(u8::is_ascii_whitespace));
            (1, [subject, payload])
        }
        ServerOp::Ping => (2, [b"", b""]),
        ServerOp::Pong => (3, [b"", b""]),
        ServerOp::Ok => (4, [b"", b""]),
        ServerOp::Error(error) => (5, [error, b""]),
    };
    let bytes = [kind].into_iter().chain(parts.concat());
    bytes.fold(digest ^ 0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
