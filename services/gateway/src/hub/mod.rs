//! Who has joined what on this gateway, and what becomes of an event that arrives.
//!
//! A room stands for a conversation that at least one local connection has joined or is joining. Its [`Gate`] lets messages
//! through in the order of `seq` only, and each member has a position, so that a member who joined late or early gets exactly
//! the messages after it: none twice, none left out. What is missing is fetched by the [`Refill`](crate::refill) from the log.

mod changes;
mod gate;
mod left;
mod member;
mod notified;
mod reads;
mod room;
mod rooms;
#[cfg(test)]
mod simulation;
mod typing;
mod users;

pub(crate) use gate::Gate;
pub(crate) use member::{Item, Joining, Member};
pub(crate) use rooms::{JoinStep, Rooms};
pub(crate) use users::Users;
