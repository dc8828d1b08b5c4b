use std::collections::HashMap;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, IntGauge, Opts, Registry, TextEncoder};

/// Buckets for the time of one hop or one command: from a tenth of the 1 ms that a local round trip takes to the deadlines of seconds.
pub const LATENCY_SECONDS_BUCKETS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// A registry for the metrics of one process, with `fh_build_info` in it, and what the operating system knows: `process_…`.
pub fn process_registry(service: &'static str, version: &'static str) -> Registry {
    let registry = Registry::new();
    let labels = HashMap::from([
        ("service".to_owned(), service.to_owned()),
        ("version".to_owned(), version.to_owned()),
    ]);
    let build_info = IntGauge::with_opts(
        Opts::new("fh_build_info", "Always 1; its labels say what runs.").const_labels(labels),
    )
    .expect("the name and labels are valid");
    build_info.set(1);
    registry
        .register(Box::new(build_info))
        .expect("the registry is empty");
    registry
        .register(Box::new(ProcessCollector::for_self()))
        .expect("nothing of that name is in it");
    registry
}

/// The metrics of a registry in the Prometheus text format, and its media type.
pub fn encode_metrics(registry: &Registry) -> (String, &'static str) {
    let mut text = Vec::new();
    let families = registry.gather();
    // Writing to memory fails only for a family without metrics, which gathering leaves out.
    if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
        tracing::error!(%error, "metrics cannot be encoded");
    }
    (
        String::from_utf8(text).unwrap_or_default(),
        prometheus::TEXT_FORMAT,
    )
}
