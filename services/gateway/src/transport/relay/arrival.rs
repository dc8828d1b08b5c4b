//! A session of another gateway that comes here, because its client's WebSocket has.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::Route;
use messaging_socketio::EnginePacket;
use messaging_socketio::engine::PROBE;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::departure::Handover;
use super::message::{Answer, Question, Verdict};
use crate::connection::{CloseReason, Link, Violation};
use crate::session::{Cut, EngineSession};
use crate::transport::engine::{decode, take_packet};
use crate::transport::{EngineServer, Message, Protocol, Receiver};

/// A WebSocket of a session that another gateway owns, until it has come here.
pub(in crate::transport) struct Arriving<P: Protocol> {
    server: Arc<EngineServer<P>>,
    owner: Route,
    question: Question,
    link: Arc<Link>,
    stage: watch::Sender<Stage>,
    receiver: OnceLock<Arc<P::Receiver>>,
    session: OnceLock<Arc<EngineSession<P::Receiver>>>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// The owner knows of the WebSocket.
    Begun,
    /// The client's probe has come, and the owner knows.
    Probed,
    /// The probe has its answer.
    Answered,
    /// The client has moved, and waits.
    Moving,
    /// The session is here.
    Arrived,
    /// It is nowhere any more.
    Failed,
}

/// What the owner of a session says to a WebSocket.
pub(in crate::transport) enum Admission<P: Protocol> {
    /// It may be tried.
    Begun(Arc<Arriving<P>>),
    /// Not this one; the session lives on.
    Refused,
    /// There is no such session.
    Gone,
}

const VIOLATION: CloseReason = CloseReason::ProtocolViolation(Violation::Protocol);

/// How long the owner may take for what it can do at once.
const AT_ONCE: Duration = Duration::ZERO;

impl<P: Protocol> Arriving<P> {
    /// Asks the owner of a session whether a WebSocket may be tried.
    pub(in crate::transport) async fn begin(
        server: &Arc<EngineServer<P>>,
        owner: Route,
        sid: &str,
    ) -> Admission<P> {
        let link = Link::new(server.config.link_limits(), Arc::clone(&server.metrics));
        let mut question = Question::new(sid);
        question.cut = Some(Cut::Move);
        let arriving = Self {
            server: Arc::clone(server),
            owner,
            question,
            link,
            stage: watch::Sender::new(Stage::Begun),
            receiver: OnceLock::new(),
            session: OnceLock::new(),
        };
        match arriving.ask("probe", AT_ONCE).await {
            Some(answer) if answer.verdict == Verdict::Done => Admission::Begun(Arc::new(arriving)),
            Some(answer) if answer.verdict == Verdict::Refused => {
                server.metrics.moved("refused");
                Admission::Refused
            }
            _ => Admission::Gone,
        }
    }

    pub(in crate::transport) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The session, if it has come.
    pub(in crate::transport) fn session(&self) -> Option<&Arc<EngineSession<P::Receiver>>> {
        self.session.get()
    }

    /// Waits until the client's probe has come, and the owner sends its polls home.
    pub(in crate::transport) async fn probed(&self) {
        self.wait_for(Stage::Probed).await;
    }

    /// The probe has its answer.
    pub(in crate::transport) fn answered(&self) {
        self.stage.send_replace(Stage::Answered);
    }

    /// Waits until the client has moved.
    pub(in crate::transport) async fn upgraded(&self) {
        self.wait_for(Stage::Moving).await;
    }

    /// Waits until this process ends.
    pub(in crate::transport) async fn stopping(&self) {
        self.server.tasks.stopping().cancelled().await;
    }

    /// The client has not moved: the session stays where it is.
    pub(in crate::transport) async fn give_up(&self) {
        if let Some(relay) = &self.server.relay {
            relay.tell(&self.owner, "unprobe", &self.question).await;
        }
    }

    /// Brings the session here, or ends it. It must run to its end.
    pub(in crate::transport) async fn arrive(&self) {
        let arrived = self.try_arrive().await;
        self.server
            .metrics
            .moved(if arrived.is_some() { "moved" } else { "failed" });
        match arrived {
            Some(session) => {
                self.server.sessions.insert(&session);
                if self.server.tasks.stopping().is_cancelled() {
                    // Whoever closed all sessions may have looked before this one was there.
                    self.link.close(CloseReason::Draining);
                }
                let _once = self.session.set(session);
                self.stage.send_replace(Stage::Arrived);
            }
            None => {
                self.link.close(CloseReason::Internal);
                self.stage.send_replace(Stage::Failed);
                if let Some(relay) = &self.server.relay {
                    relay.tell(&self.owner, "cut", &self.question).await;
                }
            }
        }
    }

    async fn try_arrive(&self) -> Option<Arc<EngineSession<P::Receiver>>> {
        let described = self.done("freeze", self.server.config.peers.rest).await?;
        let described: Box<RawValue> = serde_json::from_slice(&described).ok()?;
        let receiver = self.server.protocol.prepare(&self.link, &described).await?;
        // From here on whoever ends the link tells the receiver.
        let _once = self.receiver.set(Arc::clone(&receiver));
        let handover = self.done("take", self.server.config.peers.take).await?;
        let handover = Handover::decode(&handover)?;
        if let Some(rest) = handover.next_ping_in_ms {
            let latest = self.server.config.ping_interval;
            self.link
                .expect_ping_in(Duration::from_millis(rest).min(latest));
        }
        handover.fill(&self.link);
        if !receiver.take_over(&handover.receiver).await {
            return None;
        }
        let sid = self.question.sid.clone();
        Some(EngineSession::websocket(
            sid,
            Arc::clone(&self.link),
            receiver,
        ))
    }

    /// What the owner answers when it has done something.
    async fn done(&self, request: &'static str, within: Duration) -> Option<Bytes> {
        let answer = self.ask(request, within).await?;
        (answer.verdict == Verdict::Done).then_some(answer.body)
    }

    async fn ask(&self, request: &'static str, within: Duration) -> Option<Answer> {
        let relay = self.server.relay.as_ref()?;
        let asked = relay.ask(&self.owner, request, &self.question, &[], within);
        let answer = asked.await;
        let outcome = match &answer {
            Ok(answer) => answer.verdict.as_str(),
            Err(unanswered) => unanswered.as_str(),
        };
        self.server.metrics.relayed(request, outcome);
        answer.ok()
    }

    async fn wait_for(&self, stage: Stage) {
        let mut stages = self.stage.subscribe();
        // The sender lives as long as this does.
        let _known = stages.wait_for(|reached| *reached >= stage).await;
    }

    fn is_at(&self, stage: Stage) -> bool {
        *self.stage.borrow() == stage
    }

    async fn take_probe(&self) -> Result<(), CloseReason> {
        if !self.is_at(Stage::Begun) {
            return Err(VIOLATION);
        }
        if self.done("probed", AT_ONCE).await.is_none() {
            return Err(CloseReason::Internal);
        }
        self.stage.send_replace(Stage::Probed);
        Ok(())
    }

    /// Whatever comes behind the client's word waits until the session is here.
    async fn take_upgrade(&self) -> Result<(), CloseReason> {
        if self.is_at(Stage::Begun) {
            return Err(VIOLATION);
        }
        self.wait_for(Stage::Answered).await;
        self.stage.send_if_modified(|stage| {
            let moves = *stage == Stage::Answered;
            if moves {
                *stage = Stage::Moving;
            }
            moves
        });
        self.wait_for(Stage::Arrived).await;
        if self.is_at(Stage::Failed) {
            return Err(CloseReason::Internal);
        }
        Ok(())
    }
}

impl<P: Protocol> Receiver for Arriving<P> {
    async fn receive(self: &Arc<Self>, message: Message) -> Result<(), CloseReason> {
        match (self.session.get(), message) {
            (Some(session), Message::Text(text)) => {
                take_packet(session, decode(&text)?, &text).await
            }
            (Some(session), binary) => session.receiver().receive(binary).await,
            (None, Message::Text(text)) => match decode(&text)? {
                EnginePacket::Ping(PROBE) => self.take_probe().await,
                EnginePacket::Upgrade => self.take_upgrade().await,
                _ => Err(VIOLATION),
            },
            (None, Message::Binary(_)) => Err(VIOLATION),
        }
    }

    fn ended(self: &Arc<Self>, reason: CloseReason) {
        self.stage.send_replace(Stage::Failed);
        if let Some(receiver) = self.receiver.get() {
            receiver.ended(reason);
        }
    }

    fn engaged(&self) -> bool {
        self.receiver
            .get()
            .is_none_or(|receiver| receiver.engaged())
    }
}
