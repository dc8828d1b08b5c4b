use std::sync::Arc;
use std::time::Duration;

use messaging_lifecycle::Tasks;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::Submission;
use super::batch::Batch;
use super::lane::{BatchLimit, Lanes};
use super::portion::{Event, InFlight, Portion};
use crate::StoreConfig;
use crate::store::Shared;

/// The one task that decides what goes into which batch.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    tasks: Tasks,
    submissions: mpsc::UnboundedReceiver<Submission>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Kept here as well, so that `events` never ends.
    event_sender: mpsc::UnboundedSender<Event>,
    lanes: Lanes,
    in_flight: usize,
    in_flight_max: usize,
    limit: BatchLimit,
}

/// Most bytes of one batch: well below the 48 MB of a command, and soon replicated.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// When asked to stop, the committer ends once nothing has come for so long.
const QUIET_BEFORE_END: Duration = Duration::from_millis(250);

impl Committer {
    pub(crate) fn new(
        config: &StoreConfig,
        shared: Arc<Shared>,
        tasks: Tasks,
        submissions: mpsc::UnboundedReceiver<Submission>,
    ) -> Self {
        let (event_sender, events) = mpsc::unbounded_channel();
        Self {
            shared,
            tasks,
            submissions,
            events,
            event_sender,
            lanes: Lanes::default(),
            in_flight: 0,
            in_flight_max: config.batches_in_flight_max,
            limit: BatchLimit {
                messages: config.batch_messages_max,
                bytes: BATCH_BYTES_MAX,
            },
        }
    }

    /// Runs until every handle of the store is gone, or the tasks are asked to stop; in both cases what waits is finished first.
    pub(crate) async fn run(mut self) {
        let stopping = self.tasks.stopping().clone();
        let mut has_handles = true;
        loop {
            self.launch();
            let is_idle = self.lanes.is_empty() && self.in_flight == 0;
            if is_idle && !has_handles {
                return;
            }
            let is_stopping = stopping.is_cancelled();
            let wake = self.lanes.next_wake();
            tokio::select! {
                submission = self.submissions.recv(), if has_handles => match submission {
                    Some(submission) => self.take_in(submission),
                    None => has_handles = false,
                },
                Some(event) = self.events.recv() => self.note(event),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.lanes.wake(Instant::now()),
                () = stopping.cancelled(), if !is_stopping => {}
                () = sleep(QUIET_BEFORE_END), if is_stopping && is_idle => return,
            }
        }
    }

    /// Takes in a submission and all that have come with it, for they are the batch.
    fn take_in(&mut self, submission: Submission) {
        self.lanes.push(submission);
        while let Ok(submission) = self.submissions.try_recv() {
            self.lanes.push(submission);
        }
    }

    fn note(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            match event {
                Event::Released(id, left, turn) => {
                    self.lanes.release(id, left, turn, Instant::now())
                }
                Event::BatchEnded => self.in_flight -= 1,
            }
            next = self.events.try_recv().ok();
        }
    }

    fn launch(&mut self) {
        while self.in_flight < self.in_flight_max && self.lanes.has_ready() {
            let taken = self.lanes.take(self.limit, Instant::now());
            if taken.is_empty() {
                continue;
            }
            let portions = taken
                .into_iter()
                .map(|(key, jobs)| Portion::new(key, jobs, self.event_sender.clone()))
                .collect();
            self.in_flight += 1;
            let in_flight = Arc::new(InFlight::new(
                Arc::clone(&self.shared),
                self.event_sender.clone(),
            ));
            let batch = Batch {
                shared: Arc::clone(&self.shared),
                tasks: self.tasks.clone(),
                in_flight,
            };
            self.tasks.spawn("store-batch", batch.run(portions));
        }
    }
}
