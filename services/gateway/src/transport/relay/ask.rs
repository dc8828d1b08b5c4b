use std::sync::Arc;

use axum::extract::Request;
use bytes::Bytes;
use messaging_bus::Route;

use super::Unanswered;
use super::message::{Answer, Question, Verdict};
use crate::connection::{CloseReason, Violation};
use crate::session::Cut;
use crate::transport::polling::{Served, read_body};
use crate::transport::{EngineServer, Protocol};

/// Has the owner of a session answer a poll.
pub(in crate::transport) async fn poll<P: Protocol>(
    server: &Arc<EngineServer<P>>,
    owner: Route,
    sid: &str,
) -> Served {
    let asking = Asking::begin(server, owner, "poll", sid, Cut::Poll);
    asking.ask(Bytes::new()).await
}

/// Reads what a POST brings and hands it to the owner of the session.
pub(in crate::transport) async fn post<P: Protocol>(
    server: &Arc<EngineServer<P>>,
    owner: Route,
    sid: &str,
    request: Request,
) -> Served {
    let mut asking = Asking::begin(server, owner, "post", sid, Cut::Post);
    let body = match read_body(request, &server.config).await {
        Ok(body) if body.len() > asking.body_bytes_max() => {
            Err(CloseReason::ProtocolViolation(Violation::TooBig))
        }
        other => other,
    };
    match body {
        Ok(body) => asking.ask(body).await,
        Err(CloseReason::ProtocolViolation(Violation::TooBig)) => {
            asking.outcome = "too_big";
            asking.question.cut = Some(Cut::TooBig);
            Served::TooBig
        }
        Err(_) => Served::Malformed,
    }
}

/// A request that another gateway is asked to serve; dropped without an answer, that one is told so.
struct Asking<P: Protocol> {
    server: Arc<EngineServer<P>>,
    owner: Route,
    request: &'static str,
    question: Question,
    outcome: &'static str,
    is_over: bool,
}

impl<P: Protocol> Asking<P> {
    fn begin(
        server: &Arc<EngineServer<P>>,
        owner: Route,
        request: &'static str,
        sid: &str,
        cut: Cut,
    ) -> Self {
        let mut question = Question::new(sid);
        question.cut = Some(cut);
        Self {
            server: Arc::clone(server),
            owner,
            request,
            question,
            outcome: "aborted",
            is_over: false,
        }
    }

    fn body_bytes_max(&self) -> usize {
        self.server
            .relay
            .as_ref()
            .map_or(0, super::Relay::body_bytes_max)
    }

    async fn ask(mut self, mut body: Bytes) -> Served {
        let server = Arc::clone(&self.server);
        let Some(relay) = &server.relay else {
            return Served::Gone;
        };
        let within = server.config.peers.slice;
        loop {
            let asked = relay.ask(&self.owner, self.request, &self.question, &body, within);
            match asked.await {
                Ok(Answer {
                    verdict: Verdict::Again,
                    ..
                }) => {
                    body = Bytes::new();
                    self.question.continued = true;
                    // Nobody waits for this process, so no client is to wait here; a poll is welcome elsewhere.
                    self.question.sent_home = server.tasks.stopping().is_cancelled();
                }
                Ok(answer) => return self.answered(answer),
                Err(unanswered) => {
                    self.outcome = unanswered.as_str();
                    self.is_over = unanswered == Unanswered::Unserved;
                    return Served::Gone;
                }
            }
        }
    }

    fn answered(mut self, answer: Answer) -> Served {
        self.is_over = true;
        self.outcome = answer.verdict.as_str();
        match answer.verdict {
            Verdict::Done => Served::Text(answer.body),
            Verdict::Malformed => Served::Malformed,
            Verdict::TooBig => Served::TooBig,
            _ => Served::Gone,
        }
    }
}

impl<P: Protocol> Drop for Asking<P> {
    fn drop(&mut self) {
        let server = Arc::clone(&self.server);
        server.metrics.relayed(self.request, self.outcome);
        if self.is_over {
            return;
        }
        let (owner, question) = (
            self.owner,
            std::mem::replace(&mut self.question, Question::new("")),
        );
        let tasks = server.tasks.clone();
        tasks.spawn("relay cut", async move {
            if let Some(relay) = &server.relay {
                relay.tell(&owner, "cut", &question).await;
            }
        });
    }
}
