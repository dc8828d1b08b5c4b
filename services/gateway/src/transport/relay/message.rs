//! What gateways write to each other: a line of JSON, and bytes behind it.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::session::{Cut, random_id};

/// Counts up with each change that another release cannot read.
const VERSION: u32 = 1;

/// More than the first line of any message takes.
pub(super) const SLACK_BYTES: usize = 1_024;

/// What is asked of the owner of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question {
    version: u32,
    /// Which session it is about.
    pub(super) sid: Box<str>,
    /// The name of what the questions of one request have in common.
    pub(super) ticket: Box<str>,
    /// Whether the owner has said `again` to it.
    #[serde(default)]
    pub(super) continued: bool,
    /// Whether a poll is to end whether or not there is something to tell.
    #[serde(default)]
    pub(super) sent_home: bool,
    /// What broke off.
    #[serde(default)]
    pub(super) cut: Option<Cut>,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// It takes longer; the owner waits for the same question.
    Again,
    /// There is no such session, or it has ended.
    Gone,
    /// It ended the session.
    Malformed,
    /// It was too large, which ended the session.
    TooBig,
    /// Not now; the session lives on.
    Refused,
    /// It cannot be done, or it cannot be read.
    Failed,
}

/// An answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What became of it.
    pub(super) verdict: Verdict,
    /// What came of it.
    pub(super) body: Bytes,
}

impl Verdict {
    /// The word for it in metrics, as an answer to a question.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "answered",
            Self::Gone => "unknown",
            Self::Malformed => "malformed",
            Self::TooBig => "too_big",
            Self::Refused => "refused",
            Self::Again | Self::Failed => "failed",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AnswerHead {
    verdict: Verdict,
}

impl Question {
    /// A question about a session, with a ticket of its own.
    pub(super) fn new(sid: &str) -> Self {
        Self {
            version: VERSION,
            sid: sid.into(),
            ticket: random_id(),
            continued: false,
            sent_home: false,
            cut: None,
        }
    }

    pub(super) fn encode(&self, body: &[u8]) -> Bytes {
        encode(self, body)
    }

    /// `None` for what cannot be read, such as a question of another release.
    pub(super) fn decode(message: &Bytes) -> Option<(Self, Bytes)> {
        let (question, body): (Self, Bytes) = decode(message)?;
        (question.version == VERSION).then_some((question, body))
    }
}

impl Answer {
    pub(super) fn encode(&self) -> Bytes {
        let head = AnswerHead {
            verdict: self.verdict,
        };
        encode(&head, &self.body)
    }

    /// `None` for what cannot be read.
    pub(super) fn decode(message: Bytes) -> Option<Self> {
        let (head, body): (AnswerHead, Bytes) = decode(&message)?;
        Some(Self {
            verdict: head.verdict,
            body,
        })
    }
}

fn encode(head: &impl Serialize, body: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(body.len() + SLACK_BYTES / 4);
    serde_json::to_writer(&mut message, head).expect("its fields are plain and memory takes it");
    message.push(b'\n');
    message.extend_from_slice(body);
    message.into()
}

fn decode<T: DeserializeOwned>(message: &Bytes) -> Option<(T, Bytes)> {
    let end = message
        .iter()
        .take(SLACK_BYTES)
        .position(|byte| *byte == b'\n')?;
    let head = serde_json::from_slice(&message[..end]).ok()?;
    Some((head, message.slice(end + 1..)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_is_read_as_it_was_written() {
        let mut question = Question::new(&"x".repeat(30));
        question.cut = Some(Cut::TooBig);
        let message = question.encode(b"a\nb");
        assert!(message.len() < SLACK_BYTES);
        let (read, body) = Question::decode(&message).expect("readable");
        assert_eq!(
            (read.sid, read.cut, &*body),
            (question.sid, question.cut, &b"a\nb"[..])
        );
        let answer = Answer {
            verdict: Verdict::Again,
            body: Bytes::from_static(b"x"),
        };
        assert_eq!(Answer::decode(answer.encode()), Some(answer));
    }

    #[test]
    fn a_question_of_another_release_is_not_read() {
        let mut question = Question::new("x");
        question.version += 1;
        assert!(Question::decode(&question.encode(b"")).is_none());
        assert!(Answer::decode(Bytes::from_static(b"{\"verdict\":\"maybe\"}\n")).is_none());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(message in prop::collection::vec(any::<u8>(), 0..200)) {
            let message = Bytes::from(message);
            let _ = Question::decode(&message);
            let _ = Answer::decode(message);
        }
    }
}
