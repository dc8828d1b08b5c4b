//! A session that goes to another gateway, where its client's WebSocket has come.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::message::{Answer, Question, Verdict};
use super::{ANSWER_MARGIN, Relay, bare};
use crate::connection::{Class, CloseReason, Link, Opcode, ServerFrames, append_frame};
use crate::session::{EngineSession, Probe};
use crate::transport::{EngineServer, Protocol, Receiver};

/// Counts up with each change that another release cannot read.
const VERSION: u32 = 1;

/// What the other gateway does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The client's probe has come to it.
    Probed,
    /// The client has moved to it.
    Freeze,
    /// It is ready.
    Take,
    /// The client has not moved.
    Unprobe,
}

/// The sessions that are about to go elsewhere, by the tickets of their moves. There is one move of a session at a time.
#[derive(Default)]
pub(super) struct Departures(Arc<Mutex<HashMap<Box<str>, mpsc::Sender<Asked>>>>);

struct Asked {
    step: Step,
    answer: oneshot::Sender<Answer>,
}

/// A session on its way.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handover {
    version: u32,
    /// When the next ping is due.
    pub(super) next_ping_in_ms: Option<u64>,
    /// What waits to be sent.
    outbox: Vec<Entry>,
    /// Whatever the protocol has to say.
    pub(super) receiver: Box<RawValue>,
}

/// An entry of an outbox: the texts of its frames.
#[derive(Serialize, Deserialize)]
struct Entry {
    droppable: bool,
    texts: Vec<String>,
}

impl Departures {
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Begins to try out another gateway's WebSocket.
    pub(super) fn probe<P: Protocol>(
        &self,
        server: &Arc<EngineServer<P>>,
        question: Question,
    ) -> Answer {
        let Some(session) = server.sessions.find(&question.sid) else {
            return bare(Verdict::Gone);
        };
        session.link().check_pulse();
        if session.is_over() {
            return bare(Verdict::Gone);
        }
        // What has ended says its last words here.
        if !P::MOVES || session.link().closed().is_some() {
            return bare(Verdict::Refused);
        }
        let Ok(probe) = session.begin_probe() else {
            return bare(Verdict::Refused);
        };
        let (steps, asked) = mpsc::channel(1);
        self.0.lock().insert(question.ticket.clone(), steps);
        let listed = Listed(Arc::clone(&self.0), question.ticket);
        let departing = Arc::clone(server);
        server.tasks.spawn("session departure", async move {
            depart(departing, probe, asked).await;
            drop(listed);
        });
        bare(Verdict::Done)
    }

    /// Does the next step of a move.
    pub(super) async fn step(&self, question: &Question, step: Step) -> Answer {
        let (answer, answered) = oneshot::channel();
        let sent = match self.0.lock().get(&question.ticket) {
            Some(steps) => steps.try_send(Asked { step, answer }).is_ok(),
            None => false,
        };
        if !sent {
            return bare(Verdict::Gone);
        }
        answered.await.unwrap_or(bare(Verdict::Failed))
    }
}

async fn depart<P: Protocol>(
    server: Arc<EngineServer<P>>,
    probe: Probe<P::Receiver>,
    mut asked: mpsc::Receiver<Asked>,
) {
    let Some(relay) = &server.relay else { return };
    let (session, tasks) = (Arc::clone(probe.session()), &server.tasks);
    let moved = async {
        let answer = next(&mut asked, Step::Probed, tasks).await?;
        if !probe.probed() {
            return None;
        }
        let _gone = answer.send(bare(Verdict::Done));
        let answer = next(&mut asked, Step::Freeze, tasks).await?;
        probe.leave().then_some(answer)
    };
    // Whichever way this fails, the session stays here.
    let Ok(Some(answer)) = timeout(server.config.upgrade_timeout + ANSWER_MARGIN, moved).await
    else {
        return;
    };
    let leaving = Leaving(&session);
    let times = server.config.peers;
    let rest = async {
        session.quiet().await;
        session.receiver().freeze().await
    };
    let described = timeout(times.rest, rest).await.ok().flatten();
    let described = described.map(|described| described.get().to_owned().into());
    let Some(answered) = leaving.answer(relay, described) else {
        return;
    };
    let _gone = answer.send(answered);
    let Ok(Some(answer)) = timeout(times.take, next(&mut asked, Step::Take, tasks)).await else {
        return;
    };
    let handover = leaving.hand_over().await;
    if let Some(answered) = leaving.answer(relay, handover) {
        session.link().close(CloseReason::Moved);
        let _gone = answer.send(answered);
    }
}

/// The next step, if it is the one that is due; the other gateway has an answer even if it is not.
async fn next(
    asked: &mut mpsc::Receiver<Asked>,
    due: Step,
    tasks: &Tasks,
) -> Option<oneshot::Sender<Answer>> {
    let asked = tokio::select! {
        biased;
        asked = asked.recv() => asked?,
        () = tasks.stopping().cancelled() => return None,
    };
    (asked.step == due).then_some(asked.answer)
}

/// A session that no client can come back to here; dropped, it ends.
struct Leaving<'a, R>(&'a Arc<EngineSession<R>>);

impl<R: Receiver> Leaving<'_, R> {
    /// An answer that the other gateway can get; without it, the session ends.
    fn answer(&self, relay: &Relay, body: Option<Bytes>) -> Option<Answer> {
        let link = self.0.link();
        let body = body.filter(|body| body.len() <= relay.body_bytes_max());
        if body.is_none() {
            link.close(CloseReason::Internal);
        }
        let body = body.filter(|_| link.closed().is_none())?;
        Some(Answer {
            verdict: Verdict::Done,
            body,
        })
    }

    async fn hand_over(&self) -> Option<Bytes> {
        let (link, receiver) = (self.0.link(), self.0.receiver());
        if link.closed().is_some() {
            return None;
        }
        let receiver = receiver.hand_over().await?;
        let handover = Handover {
            version: VERSION,
            next_ping_in_ms: link
                .next_ping_in()
                .map(|rest| rest.as_millis().try_into().unwrap_or(u64::MAX)),
            outbox: entries(link)?,
            receiver,
        };
        Some(serde_json::to_vec(&handover).ok()?.into())
    }
}

impl<R> Drop for Leaving<'_, R> {
    fn drop(&mut self) {
        self.0.link().close(CloseReason::TransportAborted);
    }
}

/// All that waits in an outbox; `None` if something is in it that does not move, such as binary frames.
fn entries(link: &Link) -> Option<Vec<Entry>> {
    let entry = |(frames, class): (Bytes, Class)| {
        let text = |(opcode, payload): (Opcode, Bytes)| match opcode {
            Opcode::Text => String::from_utf8(payload.into()).ok(),
            _ => None,
        };
        Some(Entry {
            droppable: class == Class::Droppable,
            texts: ServerFrames(frames).map(text).collect::<Option<_>>()?,
        })
    };
    link.drain().into_iter().map(entry).collect()
}

impl Handover {
    /// `None` for what cannot be read, such as that of another release.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let handover: Self = serde_json::from_slice(body).ok()?;
        // Nothing that is sent is empty.
        let is_sound = handover.outbox.iter().all(|entry| !entry.texts.is_empty());
        (handover.version == VERSION && is_sound).then_some(handover)
    }

    /// Puts what waited there into the outbox here.
    pub(super) fn fill(&self, link: &Link) {
        for entry in &self.outbox {
            let mut frames = Vec::new();
            for text in &entry.texts {
                append_frame(&mut frames, Opcode::Text, text.as_bytes());
            }
            let class = if entry.droppable {
                Class::Droppable
            } else {
                Class::Durable
            };
            link.push(frames.into(), class);
        }
    }
}

/// An entry of the list that goes with its task.
struct Listed(Arc<Mutex<HashMap<Box<str>, mpsc::Sender<Asked>>>>, Box<str>);

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}
