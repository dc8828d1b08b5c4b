//! Hostile input: for each decoder of what strangers send, and of what NATS does, what must hold whatever comes.
//!
//! Each function takes any bytes, hands them to the decoder as the services do, and panics when a rule is broken: a decoder
//! returns, by a value or an error of its own; what it accepts reads back; and what it takes of memory meanwhile is bounded. The
//! fuzzers of `tests/fuzz` feed them, and a test replays the inputs that were worth keeping.

mod bounded;
mod chunks;
mod cursor;
mod engineio_payload;
mod multipart_upload;
mod nats_protocol;
mod plain_event;
mod range_header;
mod socketio_packet;
mod text;
mod token;
mod websocket_frames;
mod wire_requests;

pub use cursor::cursor;
pub use engineio_payload::engineio_payload;
pub use multipart_upload::multipart_upload;
pub use nats_protocol::nats_protocol;
pub use plain_event::plain_event;
pub use range_header::range_header;
pub use socketio_packet::socketio_packet;
pub use text::text;
pub use token::token;
pub use websocket_frames::websocket_frames;
pub use wire_requests::wire_requests;

/// A decoder under test.
pub type Target = fn(&[u8]);

/// Each of them, by the name of its fuzzer and of the folder with its inputs.
pub const TARGETS: [(&str, Target); 11] = [
    ("cursor", cursor),
    ("engineio_payload", engineio_payload),
    ("multipart_upload", multipart_upload),
    ("nats_protocol", nats_protocol),
    ("plain_event", plain_event),
    ("range_header", range_header),
    ("socketio_packet", socketio_packet),
    ("text", text),
    ("token", token),
    ("websocket_frames", websocket_frames),
    ("wire_requests", wire_requests),
];
