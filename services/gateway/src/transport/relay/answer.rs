use std::sync::Arc;

use bytes::Bytes;
use messaging_bus::PeerHandler;
use tokio_util::sync::CancellationToken;

use super::departure::Step;
use super::message::{Answer, Question, Verdict};
use super::slices::Work;
use super::{AREA, Relay, bare};
use crate::connection::CloseReason;
use crate::session::{EngineSession, RequestRefused};
use crate::transport::polling::{self, Served};
use crate::transport::{EngineServer, Protocol};

/// Answers what other gateways ask about the sessions of a server that has peers.
pub(in crate::transport) fn serve<P: Protocol>(server: &Arc<EngineServer<P>>) {
    let answering = Arc::new(Answering(Arc::clone(server)));
    let tasks = server.tasks.clone();
    server.tasks.spawn("session relay", async move {
        let server = Arc::clone(&answering.0);
        let Some(relay) = &server.relay else { return };
        if let Err(error) = relay.peers.serve(AREA, answering, &tasks).await {
            tracing::error!(%error, "other gateways cannot reach this one");
        }
    });
}

struct Answering<P: Protocol>(Arc<EngineServer<P>>);

impl<P: Protocol> PeerHandler for Answering<P> {
    async fn handle(&self, request: &str, payload: Bytes) -> Option<Bytes> {
        let Some((question, body)) = Question::decode(&payload) else {
            return Some(bare(Verdict::Failed).encode());
        };
        let relay = self.0.relay.as_ref()?;
        let step = async |step| relay.departures.step(&question, step).await;
        let answer = match request {
            "poll" => self.poll(relay, question).await,
            "post" => self.post(relay, question, body).await,
            "probe" => relay.departures.probe(&self.0, question),
            "probed" => step(Step::Probed).await,
            "freeze" => step(Step::Freeze).await,
            "take" => step(Step::Take).await,
            "unprobe" => {
                step(Step::Unprobe).await;
                return None;
            }
            "cut" => {
                self.cut(&question);
                step(Step::Unprobe).await;
                return None;
            }
            _ => bare(Verdict::Failed),
        };
        Some(answer.encode())
    }
}

impl<P: Protocol> Answering<P> {
    async fn poll(&self, relay: &Relay, question: Question) -> Answer {
        let sid = question.sid.clone();
        let bytes_max = self.0.config.frame_bytes_max.min(relay.body_bytes_max());
        let begin = |home: CancellationToken| -> Result<Work, Answer> {
            let session = self.0.sessions.find(&sid).ok_or(bare(Verdict::Gone))?;
            let request = session.begin_poll().map_err(refusal)?;
            let bodies_max = relay.body_bytes_max();
            Ok(Box::pin(async move {
                let served = polling::poll(&session, request, bytes_max, home.cancelled_owned());
                fitting(served.await, &session, bodies_max)
            }))
        };
        relay
            .slices
            .serve(question, self.0.config.peers, &self.0.tasks, begin)
            .await
    }

    async fn post(&self, relay: &Relay, question: Question, body: Bytes) -> Answer {
        let sid = question.sid.clone();
        let begin = |_home| -> Result<Work, Answer> {
            let session = self.0.sessions.find(&sid).ok_or(bare(Verdict::Gone))?;
            let request = session.begin_post().map_err(refusal)?;
            Ok(Box::pin(async move {
                let body = std::future::ready(Ok(body));
                polling::post(&session, request, body).await.into()
            }))
        };
        relay
            .slices
            .serve(question, self.0.config.peers, &self.0.tasks, begin)
            .await
    }

    fn cut(&self, question: &Question) {
        if let (Some(cut), Some(session)) = (question.cut, self.0.sessions.find(&question.sid)) {
            session.cut(cut);
        }
    }
}

fn refusal(refused: RequestRefused) -> Answer {
    Served::from(refused).into()
}

/// A payload that NATS would not take can reach the client no more: one entry may be larger than any limit.
fn fitting<R>(served: Served, session: &EngineSession<R>, bytes_max: usize) -> Answer {
    match served {
        Served::Text(text) if text.len() > bytes_max => {
            tracing::warn!(bytes = text.len(), "an event is too large to be relayed");
            session.link().close(CloseReason::Internal);
            bare(Verdict::Gone)
        }
        served => served.into(),
    }
}

impl From<Served> for Answer {
    fn from(served: Served) -> Self {
        match served {
            Served::Text(body) => Self {
                verdict: Verdict::Done,
                body,
            },
            Served::Gone => bare(Verdict::Gone),
            Served::Malformed => bare(Verdict::Malformed),
            Served::TooBig => bare(Verdict::TooBig),
        }
    }
}
