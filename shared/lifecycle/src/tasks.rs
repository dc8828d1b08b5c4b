use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one service: each is started here, has a name, hears of the end, and is waited for.
///
/// A clone is another handle on the same tasks. The process has no other place where a task is started.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

/// Tasks that had not ended when the time to stop was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished(pub usize);

impl Tasks {
    /// No task yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task; a panic in it is logged with its name and ends that task alone.
    ///
    /// The task must end by itself soon after [`Tasks::stopping`] is cancelled.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let witnessed = AssertUnwindSafe(task).catch_unwind().map(move |ended| {
            if ended.is_err() {
                tracing::error!(task.name = name, "a task panicked");
            }
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where tasks are started"
        )]
        let _detached = tokio::spawn(self.tracker.track_future(witnessed));
    }

    /// Starts a task that is dropped where it waits as soon as the tasks are asked to end.
    pub fn spawn_until_stopped<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stopping = self.stopping.clone();
        self.spawn(name, async move {
            tokio::select! {
                biased;
                () = task => {}
                () = stopping.cancelled() => {}
            }
        });
    }

    /// Cancelled when the tasks are asked to end.
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// How many tasks run.
    pub fn count(&self) -> usize {
        self.tracker.len()
    }

    /// Asks each task to end and waits for it, at most for so long.
    ///
    /// # Errors
    /// [`Unfinished`] with the number of tasks still running; they are left to the end of the runtime.
    pub async fn stop(&self, within: Duration) -> Result<(), Unfinished> {
        self.stopping.cancel();
        self.tracker.close();
        match tokio::time::timeout(within, self.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Unfinished(self.tracker.len())),
        }
    }
}

/// Stops sets of tasks one after the other, each within so long, and logs those that do not end.
///
/// What comes first may still use what comes later.
pub async fn stop_in_order(
    sets: impl IntoIterator<Item = (&'static str, Tasks)>,
    within: Duration,
) {
    for (name, tasks) in sets {
        if let Err(Unfinished(count)) = tasks.stop(within).await {
            tracing::warn!(
                tasks = name,
                unfinished = count,
                "tasks did not end in time"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_asks_the_tasks_to_end_and_waits_for_them() {
        let tasks = Tasks::new();
        let stopping = tasks.stopping().clone();
        tasks.spawn("obedient", async move { stopping.cancelled().await });
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_task_that_need_not_finish_ends_where_it_waits() {
        let tasks = Tasks::new();
        tasks.spawn_until_stopped("endless", std::future::pending());
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_told_of_by_number() {
        let tasks = Tasks::new();
        tasks.spawn("deaf", std::future::pending());
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, Err(Unfinished(1)));
    }

    #[tokio::test]
    async fn a_panic_ends_its_task_alone() {
        let tasks = Tasks::new();
        tasks.spawn("clumsy", async { panic!("on purpose") });
        let stopping = tasks.stopping().clone();
        tasks.spawn("steady", async move { stopping.cancelled().await });
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, Ok(()));
    }
}
