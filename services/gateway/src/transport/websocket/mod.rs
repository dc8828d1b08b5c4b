//! WebSockets over fastwebsockets, which no other module names.
//!
//! What it does not do is done here: fragments counted together, masks demanded, control frames bounded, close
//! handshakes finished, and no buffer kept for a peer that is silent.

mod accept;
mod assembler;
mod reader;
mod serve;
mod stream;
mod writer;

pub use accept::{NotAnUpgrade, Upgrading, accept};
pub use reader::read_stream;
pub use serve::{WebSocketSettings, serve};

pub(crate) use accept::is_upgrade;
pub(super) use serve::serve_arrival;
pub(crate) use serve::{heartbeat_of, serve_probe};
