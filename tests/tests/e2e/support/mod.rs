//! The processes of a test, and the scenario that runs against them.

mod cluster;
mod script;
mod tokens;

pub(crate) use cluster::{Cluster, NO_RATES, Request, get, health, metric, ready, send, sum_of};
pub(crate) use script::Script;
pub(crate) use tokens::{SECRET, tokens};
