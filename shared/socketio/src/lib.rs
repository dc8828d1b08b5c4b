//! Engine.IO 4 and Socket.IO 5 as text and bytes: decoding, encoding, limits. No I/O, no clock, no state.
//!
//! What a peer sends is an error at worst, never a panic, and nothing is allocated beyond a small multiple of its size.

mod base64;
pub mod engine;
pub mod json;
pub mod packet;

pub use engine::{EngineError, EnginePacket, Handshake, PayloadWriter, decode_payload};
pub use packet::{Body, Event, Packet, PacketError};
