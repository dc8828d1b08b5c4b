//! What is said over a link: Socket.IO, or plain JSON frames.

mod plain;
mod socketio;

pub use plain::parse_frame;

pub(crate) use plain::Plain;
pub(crate) use socketio::SocketIo;
