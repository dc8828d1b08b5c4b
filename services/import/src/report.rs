use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::config::Config;
use crate::counts::Counts;
use crate::progress::per_second;

/// What a run did, as it is printed at its end.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    from: String,
    to: String,
    dry_run: bool,
    /// Whether anything was written, or would be.
    changed: bool,
    #[serde(flatten, serialize_with = "shared")]
    pub(crate) counts: Arc<Counts>,
    seconds: f64,
    messages_per_second: u64,
}

impl Report {
    pub(crate) fn new(config: &Config, counts: Arc<Counts>, elapsed: Duration) -> Self {
        Self {
            from: config.from_database.clone(),
            to: config.to_database.clone(),
            dry_run: config.dry_run,
            changed: counts.has_changes(),
            seconds: (elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
            messages_per_second: per_second(counts.messages.read.value(), elapsed),
            counts,
        }
    }

    /// Says in the log what the person at the terminal should know.
    pub(crate) fn tell(&self) {
        let (rejected, late) = (self.counts.rejected_total(), self.counts.late());
        if late > 0 {
            tracing::warn!(
                messages = late,
                "messages stand behind later ones, which were in the new conversation already"
            );
        }
        if rejected > 0 {
            tracing::warn!(
                documents = rejected,
                "documents were left out; see the file of rejects"
            );
        }
        match (self.changed, self.dry_run) {
            (true, false) => tracing::info!("the import is done"),
            (true, true) => tracing::info!("this was a dry run: an import has something to write"),
            (false, _) => tracing::info!("nothing is new: the new database has it all"),
        }
    }
}

fn shared<S: serde::Serializer>(counts: &Arc<Counts>, serializer: S) -> Result<S::Ok, S::Error> {
    counts.serialize(serializer)
}
