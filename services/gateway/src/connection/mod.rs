//! One connection of a client: what waits to be sent, what waits to be done, and how it ends.
//!
//! Nothing here knows a socket, HTTP or a broker.

mod ack;
mod close_reason;
mod delivery;
mod event_frame;
mod frame;
mod handle;
mod link;
mod metrics;
mod outbox;
mod recoverable;
mod trail;
mod worker;

pub use ack::AckId;
pub use close_reason::{CloseReason, Violation};
pub use event_frame::{Class, EventFrame};
pub use frame::{binary_frame, text_frame};
pub use handle::{Connection, Dialect};
pub use link::{Link, LinkLimits};
pub use metrics::{Carrier, SocketMetrics};

pub(crate) use ack::plain_id;
pub(crate) use delivery::Delivery;
pub(crate) use frame::{Opcode, ServerFrames, append_frame};
pub(crate) use outbox::{Taken, Waiter};
pub(crate) use recoverable::Recoverable;
pub(crate) use trail::{Places, Trail};
pub(crate) use worker::{HandedOver, Host, InboxLimits, Worker, answer_to};
