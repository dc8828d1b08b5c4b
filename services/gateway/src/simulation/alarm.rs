//! Whatever the gateways log as an error, such as a task that panicked, is a fault of the world in which it happens.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// Does something, and tells the first error that was logged meanwhile by this thread.
pub(super) fn watched<T>(act: impl FnOnce() -> T) -> (T, Option<String>) {
    let alarm = Alarm::default();
    let first = Arc::clone(&alarm.0);
    let done = with_default(alarm, act);
    let error = first.lock().take();
    (done, error)
}

#[derive(Default)]
struct Alarm(Arc<Mutex<Option<String>>>);

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("memory takes it");
    }
}

impl Subscriber for Alarm {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().get_or_insert(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
