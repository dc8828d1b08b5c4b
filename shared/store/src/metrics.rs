use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};

/// What the write path counts.
pub(crate) struct Metrics {
    pub(crate) batch_messages: Histogram,
    pub(crate) insert_seconds: Histogram,
    pub(crate) queue_messages: IntGauge,
    pub(crate) queue_bytes: IntGauge,
    pub(crate) overloaded: IntCounter,
    pub(crate) batches_in_flight: IntGauge,
    collisions: IntCounterVec,
    pub(crate) unknown_outcomes: IntCounter,
    pub(crate) summary_failures: IntCounter,
    pub(crate) hook_timeouts: IntCounter,
    pub(crate) repair_queue: IntGauge,
    pub(crate) files: FileMetrics,
    repairs: IntCounterVec,
}

/// What a message of a batch collided with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collision {
    /// Another replica gave the same `seq`.
    Seq,
    /// The sender sent the same message before.
    ClientMessageId,
    /// Something that is not majority-committed yet.
    Pending,
}

/// How the repair of a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// The summary agrees with the log, and what was found was published.
    Done,
    /// MongoDB did not answer; it is tried again.
    Failed,
    /// Given up: too many to do, or tried too often.
    Dropped,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let collisions = Opts::new(
            "fh_store_collisions_total",
            "Inserts that a unique index stopped, by what they collided with.",
        );
        let repairs = Opts::new(
            "fh_store_repairs_total",
            "Attempts to bring a conversation's summary up to its log, by how they ended.",
        );
        // From one message, the idle case, to the largest batch that is configured by default.
        let batch_sizes = vec![
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_000.0,
        ];
        // From half a millisecond, a local node's commit, to the deadline of a call.
        let insert_times = exponential_buckets(0.0005, 2.0, 14)?;
        Ok(Self {
            batch_messages: histogram(
                registry,
                "fh_store_batch_messages",
                "Messages per insert.",
                batch_sizes,
            )?,
            insert_seconds: histogram(
                registry,
                "fh_store_insert_duration_seconds",
                "Time until an insert of a batch was majority-committed or failed.",
                insert_times,
            )?,
            queue_messages: gauge(
                registry,
                "fh_store_queue_messages",
                "Messages that wait to be stored or are on their way.",
            )?,
            queue_bytes: gauge(
                registry,
                "fh_store_queue_bytes",
                "Bytes of the messages that wait to be stored or are on their way.",
            )?,
            overloaded: counter(
                registry,
                "fh_store_overloaded_total",
                "Messages refused because the queue was full.",
            )?,
            batches_in_flight: gauge(
                registry,
                "fh_store_batches_in_flight",
                "Batches on their way to MongoDB.",
            )?,
            collisions: keep(registry, IntCounterVec::new(collisions, &["kind"])?)?,
            unknown_outcomes: counter(
                registry,
                "fh_store_unknown_outcomes_total",
                "Messages of which it is not known whether they were stored.",
            )?,
            summary_failures: counter(
                registry,
                "fh_store_unsummarized_batches_total",
                "Batches that were stored but whose summaries could not be written at once.",
            )?,
            hook_timeouts: counter(
                registry,
                "fh_store_publish_timeouts_total",
                "Batches whose publication was not over in time.",
            )?,
            repair_queue: gauge(
                registry,
                "fh_store_repair_conversations",
                "Conversations that wait for repair.",
            )?,
            files: FileMetrics::register(registry)?,
            repairs: keep(registry, IntCounterVec::new(repairs, &["result"])?)?,
        })
    }

    pub(crate) fn collision(&self, kind: Collision) {
        let kind = match kind {
            Collision::Seq => "seq",
            Collision::ClientMessageId => "client_message_id",
            Collision::Pending => "pending",
        };
        self.collisions.with_label_values(&[kind]).inc();
    }

    pub(crate) fn repair(&self, result: Repair) {
        let result = match result {
            Repair::Done => "done",
            Repair::Failed => "failed",
            Repair::Dropped => "dropped",
        };
        self.repairs.with_label_values(&[result]).inc();
    }
}

/// What is counted of uploaded files.
pub(crate) struct FileMetrics {
    pub(crate) swept: IntCounter,
    pub(crate) uploaded_bytes: IntCounter,
}

impl FileMetrics {
    fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            swept: counter(
                registry,
                "fh_store_attachments_swept_total",
                "Files removed because no message holds them.",
            )?,
            uploaded_bytes: counter(
                registry,
                "fh_store_attachment_bytes_total",
                "Bytes of the files that were uploaded whole.",
            )?,
        })
    }
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: Vec<f64>,
) -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new(name, help).buckets(buckets);
    keep(registry, Histogram::with_opts(options)?)
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    keep(registry, IntCounter::new(name, help)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    keep(registry, IntGauge::new(name, help)?)
}

fn keep<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
