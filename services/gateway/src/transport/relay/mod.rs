//! Sessions of other gateways: any request of a session may land on any gateway.
//!
//! A session's id begins with the route of its owner. Who gets a request for another's session asks the owner, in
//! slices, so that each of the two soon notices when the other one is gone. A session whose WebSocket comes to another
//! gateway goes there as a whole: the owner freezes it, the other one gets ready, takes it, and goes on.

mod answer;
mod arrival;
mod ask;
mod departure;
mod message;
mod slices;

use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{RequestError, Route};

pub(super) use answer::serve;
pub(super) use arrival::{Admission, Arriving};
pub(super) use ask::{poll, post};

use self::departure::Departures;
use self::message::{Answer, Question, SLACK_BYTES, Verdict};
use self::slices::Slices;
use crate::peers::Peers;
use crate::session::{is_id, random_id};

/// What gateways ask each other about transports.
const AREA: &str = "engine";

/// How much longer than the owner takes, at most, an answer of it is waited for.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// How long it may take to tell another gateway something that has no answer.
const TELL_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server knows of its peers.
pub(super) struct Relay {
    peers: Peers,
    slices: Slices,
    departures: Departures,
}

/// Whose a session is, by its id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of this gateway, if of any.
    Ours,
    /// Of the one that is reached by this route.
    Theirs(Route),
    /// It is no id that any gateway gives.
    Nobodys,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unanswered {
    /// There is no such gateway any more, or no way to it.
    Unserved,
    /// It may have been done or not.
    Timeout,
    /// It could not be sent, or the answer cannot be read.
    Failed,
}

impl Relay {
    pub(super) fn new(peers: Peers) -> Self {
        Self {
            peers,
            slices: Slices::default(),
            departures: Departures::default(),
        }
    }

    /// An id for a session of this gateway.
    pub(super) fn new_sid(&self) -> Box<str> {
        format!("{}{}", self.peers.route(), random_id()).into()
    }

    /// Whose the session of this id is.
    pub(super) fn whose(&self, sid: &str) -> Whose {
        let Some((route, id)) = sid.split_at_checked(Route::LENGTH) else {
            return Whose::Nobodys;
        };
        match route.parse() {
            Ok(route) if is_id(id) && route == *self.peers.route() => Whose::Ours,
            Ok(route) if is_id(id) => Whose::Theirs(route),
            _ => Whose::Nobodys,
        }
    }

    /// What is left of the requests that this gateway serves for others, and of the sessions on their way.
    #[cfg(test)]
    pub(super) fn leftovers(&self) -> [(&'static str, usize); 2] {
        [
            ("relayed requests", self.slices.count()),
            ("departures", self.departures.count()),
        ]
    }

    /// The most bytes that can go along with a question or an answer.
    fn body_bytes_max(&self) -> usize {
        self.peers.payload_bytes_max().saturating_sub(SLACK_BYTES)
    }

    async fn ask(
        &self,
        owner: &Route,
        request: &'static str,
        question: &Question,
        body: &[u8],
        within: Duration,
    ) -> Result<Answer, Unanswered> {
        let payload = question.encode(body);
        let asked = self
            .peers
            .ask(owner, (AREA, request), payload, within + ANSWER_MARGIN);
        match asked.await {
            Ok(answer) => Answer::decode(answer).ok_or(Unanswered::Failed),
            Err(RequestError::Unserved) => Err(Unanswered::Unserved),
            Err(RequestError::Timeout) => Err(Unanswered::Timeout),
            Err(RequestError::Refused(error)) => {
                tracing::warn!(%error, request, "another gateway was not asked");
                Err(Unanswered::Failed)
            }
        }
    }

    async fn tell(&self, owner: &Route, request: &'static str, question: &Question) {
        let told = self
            .peers
            .tell(owner, (AREA, request), question.encode(&[]));
        // If it is not told it will notice by itself, later.
        let _late = tokio::time::timeout(TELL_TIMEOUT, told).await;
    }
}

impl Unanswered {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unserved => "unserved",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
        }
    }
}

/// An answer with nothing but its verdict.
const fn bare(verdict: Verdict) -> Answer {
    Answer {
        verdict,
        body: Bytes::new(),
    }
}
