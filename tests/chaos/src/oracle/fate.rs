//! What was attempted and acked for each message, from the histories of all devices.

use std::collections::BTreeMap;

use super::Evidence;
use crate::{
    history::{Event, Millis},
    rest::FIRST,
};

/// A message that somebody sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) conversation: String,
    pub(super) sender: String,
    pub(super) content: String,
    pub(super) client_message_id: Option<String>,
    pub(super) acks: Vec<Ack>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) content: String,
}

/// A change that the sender of a message asked for; each message is changed once at most.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// When it was asked for.
    pub(super) t: Millis,
    /// None if it is a deletion.
    pub(super) content: Option<String>,
    pub(super) is_acked: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// By the first word of their contents, which no two have in common.
    pub(super) sent: BTreeMap<String, Sent>,
    /// By the id of the message.
    pub(super) changes: BTreeMap<String, Change>,
}

impl Fates {
    /// The message that a stored or seen one is, if anybody sent it.
    pub(super) fn of(&self, id: &str, content: &str, name: Option<&str>) -> Option<&Sent> {
        let key = content.split(' ').next().filter(|key| !key.is_empty());
        let by_key = key.or(name).and_then(|key| self.sent.get(key));
        // A deleted message without a name is known by its id alone.
        by_key.or_else(|| {
            let mut sent = self.sent.values();
            sent.find(|sent| sent.acks.iter().any(|ack| ack.id == id))
        })
    }

    /// Whether a message may look like this at any time.
    pub(super) fn may_look(&self, id: &str, sent: &Sent, content: &str, is_deleted: bool) -> bool {
        let change = self.changes.get(id);
        let edit = change.and_then(|change| change.content.as_deref());
        if is_deleted {
            return content.is_empty() && change.is_some_and(|change| change.content.is_none());
        }
        content == sent.content || Some(content) == edit
    }
}

pub(super) fn of(evidence: &Evidence) -> Fates {
    let users: BTreeMap<&str, &str> = evidence
        .plan
        .devices
        .iter()
        .map(|device| (device.id.as_str(), device.user.as_str()))
        .collect();
    let mut fates = Fates::default();
    for entry in &evidence.history {
        let user = users.get(entry.device.as_str()).copied();
        note(&mut fates, entry.t, user.unwrap_or_default(), &entry.event);
    }
    fates
}

fn note(fates: &mut Fates, t: Millis, user: &str, event: &Event) {
    match event {
        Event::Sending {
            key,
            conversation,
            content,
            client_message_id,
            ..
        } => {
            fates.sent.entry(key.clone()).or_insert_with(|| Sent {
                conversation: conversation.clone(),
                sender: user.to_owned(),
                content: content.trim().to_owned(),
                client_message_id: client_message_id.clone(),
                acks: Vec::new(),
            });
        }
        Event::Acked {
            key,
            seq,
            id,
            content,
            ..
        } => {
            if let Some(sent) = fates.sent.get_mut(key) {
                sent.acks.push(Ack {
                    seq: *seq,
                    id: id.clone(),
                    content: content.clone(),
                });
            }
        }
        Event::Changing { id, content, .. } => {
            let change = Change {
                t,
                content: content.clone(),
                is_acked: false,
            };
            fates.changes.insert(id.clone(), change);
        }
        Event::Changed { id, .. } => {
            if let Some(change) = fates.changes.get_mut(id) {
                change.is_acked = true;
            }
        }
        _ => {}
    }
}

/// Whether a message is the one by which the checker opened a conversation.
pub(super) fn is_first(seq: u64, content: &str) -> bool {
    seq == 1 && content == FIRST
}
