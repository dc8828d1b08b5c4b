use std::str::FromStr;
use std::sync::Arc;

use messaging_domain::{ConversationId, UserId};
use thiserror::Error;

use crate::Route;

/// What each subject and bucket of one system begins with, so that two systems can share a NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPrefix(Arc<str>);

/// A text that cannot begin both a subject and the name of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 32 characters of A-Z, a-z, 0-9, _ and -")]
pub struct SubjectPrefixError;

impl Default for SubjectPrefix {
    fn default() -> Self {
        Self("fh".into())
    }
}

impl FromStr for SubjectPrefix {
    type Err = SubjectPrefixError;

    fn from_str(text: &str) -> Result<Self, SubjectPrefixError> {
        let allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if allowed && (1..=32).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(SubjectPrefixError)
        }
    }
}

/// What a gateway listens to on behalf of its own clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What happens in a conversation.
    Conversation(ConversationId),
    /// What concerns a user wherever he is.
    User(UserId),
    /// What one gateway sends itself, to see whether it hears.
    Canary(Route),
}

/// The subjects of one system.
#[derive(Debug, Clone)]
pub struct Subjects {
    prefix: SubjectPrefix,
}

impl Subjects {
    /// The subjects under a prefix.
    pub const fn new(prefix: SubjectPrefix) -> Self {
        Self { prefix }
    }

    /// Where the events of a topic are published.
    pub fn topic(&self, topic: &Topic) -> String {
        match topic {
            Topic::Conversation(conversation) => format!("{}.conv.{conversation}", self.prefix.0),
            Topic::User(user) => format!("{}.user.{user}", self.prefix.0),
            Topic::Canary(gateway) => format!("{}.canary.{gateway}", self.prefix.0),
        }
    }

    /// The topic whose events are published there.
    pub(crate) fn topic_of(&self, subject: &str) -> Option<Topic> {
        let own = subject.strip_prefix(&*self.prefix.0)?.strip_prefix('.')?;
        match own.split_once('.')? {
            ("conv", conversation) => conversation.parse().ok().map(Topic::Conversation),
            ("user", user) => user.parse().ok().map(Topic::User),
            ("canary", gateway) => gateway.parse().ok().map(Topic::Canary),
            _ => None,
        }
    }

    /// Where a command is sent.
    pub fn command(&self, name: &str) -> String {
        format!("{}.cmd.{name}", self.prefix.0)
    }

    /// Where all commands are heard.
    pub fn all_commands(&self) -> String {
        format!("{}.cmd.*", self.prefix.0)
    }

    /// Where a command is sent to one API replica.
    pub(crate) fn command_at(&self, replica: &Route, name: &str) -> String {
        format!("{}.api.{replica}.{name}", self.prefix.0)
    }

    /// Where an API replica hears the commands that are sent to it alone.
    pub(crate) fn all_commands_at(&self, replica: &Route) -> String {
        format!("{}.api.{replica}.*", self.prefix.0)
    }

    /// Where one gateway asks another for something.
    pub(crate) fn peer(&self, route: &Route, (area, request): (&str, &str)) -> String {
        format!("{}.gw.{route}.{area}.{request}", self.prefix.0)
    }

    /// Where a gateway hears what others ask of it.
    pub(crate) fn all_of_peer(&self, route: &Route, area: &str) -> String {
        format!("{}.gw.{route}.{area}.*", self.prefix.0)
    }

    /// The bucket of the sessions that can be recovered.
    pub(crate) fn session_bucket(&self) -> String {
        format!("{}_sessions", self.prefix.0)
    }

    /// The bucket of revoked tokens.
    pub(crate) fn revocation_bucket(&self) -> String {
        format!("{}_revocations", self.prefix.0)
    }

    /// The bucket of presence and leases.
    pub fn presence_bucket(&self) -> String {
        format!("{}_presence", self.prefix.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_cannot_reach_into_another_systems_subjects() {
        assert!("fh-2_x".parse::<SubjectPrefix>().is_ok());
        for bad in ["", "a.b", "*", ">", "a b", "ä", &"x".repeat(33)] {
            assert_eq!(
                bad.parse::<SubjectPrefix>(),
                Err(SubjectPrefixError),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn topics_have_the_subjects_that_the_contract_of_the_bus_names() {
        let subjects = Subjects::new(SubjectPrefix::default());
        let conversation = Topic::Conversation(ConversationId::from_bytes([1; 12]));
        assert_eq!(
            subjects.topic(&conversation),
            "fh.conv.010101010101010101010101"
        );
        let user = Topic::User("u-1".parse().expect("valid"));
        assert_eq!(subjects.topic(&user), "fh.user.u-1");
        let canary = Topic::Canary("AAAA_-0000".parse().expect("valid"));
        assert_eq!(subjects.topic(&canary), "fh.canary.AAAA_-0000");
        for topic in [conversation, user, canary] {
            let subject = subjects.topic(&topic);
            assert_eq!(subjects.topic_of(&subject), Some(topic));
        }
        for other in ["", "fh", "fhx.user.u-1", "fh.user", "fh.conv.1", "fh.cmd.a"] {
            assert_eq!(subjects.topic_of(other), None, "{other}");
        }
        assert_eq!(subjects.command("send_message"), "fh.cmd.send_message");
    }
}
