use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::bare;
use super::message::{Answer, Question, Verdict};
use crate::transport::PeerTimes;

/// What another gateway waits for, one slice of time after the other. Dropped before its end, the client has gone.
pub(super) type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The requests that this gateway works on for others, by their tickets.
///
/// There are no more than one poll and one POST for each session.
#[derive(Default)]
pub(super) struct Slices(Arc<Mutex<HashMap<Box<str>, Running>>>);

struct Running {
    slices: mpsc::Sender<oneshot::Sender<Answer>>,
    home: CancellationToken,
}

impl Slices {
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Begins what the first question asks for, or goes on with it, for as long as a slice is.
    pub(super) async fn serve(
        &self,
        question: Question,
        times: PeerTimes,
        tasks: &Tasks,
        begin: impl FnOnce(CancellationToken) -> Result<Work, Answer>,
    ) -> Answer {
        let (answer, answered) = oneshot::channel();
        if question.continued {
            let running = self.0.lock();
            let Some(running) = running.get(&question.ticket) else {
                return bare(Verdict::Gone);
            };
            if question.sent_home {
                running.home.cancel();
            }
            // It is full only if somebody asks twice at a time, who is then left without an answer.
            let _full = running.slices.try_send(answer);
        } else {
            let home = CancellationToken::new();
            let work = match begin(home.clone()) {
                Ok(work) => work,
                Err(refused) => return refused,
            };
            let (slices, waiting) = mpsc::channel(1);
            let _room = slices.try_send(answer);
            let ticket = question.ticket;
            self.0
                .lock()
                .insert(ticket.clone(), Running { slices, home });
            let listed = Listed(Arc::clone(&self.0), ticket);
            tasks.spawn("relayed request", run(work, waiting, times, listed));
        }
        answered.await.unwrap_or(bare(Verdict::Gone))
    }
}

/// Works on a request while somebody waits for it; who does not ask again in time is gone.
async fn run(
    mut work: Work,
    mut waiting: mpsc::Receiver<oneshot::Sender<Answer>>,
    times: PeerTimes,
    _listed: Listed,
) {
    while let Ok(Some(asked)) = timeout(times.gap, waiting.recv()).await {
        let Ok(answer) = timeout(times.slice, &mut work).await else {
            let _gone = asked.send(bare(Verdict::Again));
            continue;
        };
        let _gone = asked.send(answer);
        return;
    }
}

/// An entry of the list that goes with its task.
struct Listed(Arc<Mutex<HashMap<Box<str>, Running>>>, Box<str>);

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}
