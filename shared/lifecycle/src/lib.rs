//! The life of a process: named tasks with a witness, the signals that end it, and the drain in between.

mod clock;
mod error_chain;
mod name;
mod signals;
mod tasks;

pub use clock::now;
pub use error_chain::chain;
pub use name::unique_name;
pub use signals::{Stop, stop_signal};
pub use tasks::{Tasks, Unfinished, stop_in_order};
