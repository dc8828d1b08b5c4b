//! Traces: one for each thing that a client asks for, from the gateway or the API that hears it to the sockets that it ends in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header by which a trace goes on in another process: <https://www.w3.org/TR/trace-context/#traceparent-header>.
pub const TRACEPARENT: &str = "traceparent";

/// The target of all spans. They are of level `TRACE`, so that they cost nothing unless traces are exported: no log filter but
/// one that asks for them lets them through.
pub(crate) const TARGET: &str = "messaging_trace";

/// The most bytes of the header that are looked at. Version 00 has 55.
const HEADER_BYTES_MAX: usize = 128;

static IS_ON: AtomicBool = AtomicBool::new(false);

/// A span of the traces: a name, and fields as `tracing::span!` takes them. It never has what a user wrote, nor a token.
#[macro_export]
macro_rules! trace_span {
    ($name:literal $(, $($fields:tt)*)?) => {
        ::tracing::trace_span!(target: "messaging_trace", $name $(, $($fields)*)?)
    };
}

/// Whether traces are exported.
pub fn is_tracing() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

pub(crate) fn switch_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

/// Where a trace goes on: the value of a `traceparent` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(Box<str>);

impl TraceParent {
    /// That of the span which is entered, whether it is sampled or not: those who go on shall decide alike. Nothing outside of one.
    pub fn current() -> Option<Self> {
        if !is_tracing() {
            return None;
        }
        let mut headers = HashMap::new();
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
        headers
            .remove(TRACEPARENT)
            .map(|header| Self(header.into()))
    }

    /// One that another process of ours has sent. What cannot be read is found out by [`TraceParent::leads_to`].
    pub fn received(header: &str) -> Option<Self> {
        (is_tracing() && header.len() <= HEADER_BYTES_MAX).then(|| Self(header.into()))
    }

    /// As it is sent on.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a span, which nobody has entered yet, go on with the trace. One that cannot be read is left out.
    #[must_use]
    pub fn leads_to(&self, span: Span) -> Span {
        let headers = HashMap::from([(TRACEPARENT.to_owned(), String::from(self.as_str()))]);
        let context = TraceContextPropagator::new().extract(&headers);
        if let Err(error) = span.set_parent(context) {
            tracing::debug!(%error, "a span does not go on with its trace");
        }
        span
    }
}
