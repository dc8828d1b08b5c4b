//! What a process tells of itself: logs, traces, metrics.

mod config;
mod metrics;
mod trace;
mod tracing_setup;

pub use config::{LogFormat, TelemetryConfig};
pub use metrics::{LATENCY_SECONDS_BUCKETS, encode_metrics, process_registry};
pub use trace::{TRACEPARENT, TraceParent, is_tracing};
pub use tracing_setup::{Telemetry, TelemetryError};
