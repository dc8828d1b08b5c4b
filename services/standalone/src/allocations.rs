use std::alloc::System;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// `GET /allocations`: how often memory was taken since the start of the process, how many bytes, and how many are held.
pub(crate) fn router() -> Router {
    Router::new().route("/allocations", get(async || Json(count())))
}

fn count() -> Value {
    let stats = ALLOCATOR.stats();
    // A block that grows or shrinks counts as one more, and by what it grew.
    json!({
        "allocations": stats.allocations + stats.reallocations,
        "bytes": stats.bytes_allocated,
        "held": stats.bytes_allocated - stats.bytes_deallocated,
    })
}
