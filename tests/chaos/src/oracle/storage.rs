//! What is stored: every acked message once, as it was acked, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Evidence, Findings, Kind,
    fate::{Fates, Sent, is_first},
};
use crate::{history::Event, rest::Message};

pub(super) fn judge(evidence: &Evidence, fates: &Fates, findings: &mut Findings) {
    for (conversation, log) in &evidence.logs {
        numbers(conversation, log, findings);
        names(conversation, log, findings);
        for message in log {
            origin(conversation, message, fates, findings);
        }
    }
    once(evidence, fates, findings);
    for (key, sent) in &fates.sent {
        acked(key, sent, evidence, fates, findings);
    }
    own_order(evidence, fates, findings);
}

/// 1, 2, 3 … without a hole.
fn numbers(conversation: &str, log: &[Message], findings: &mut Findings) {
    for (message, expected) in log.iter().zip(1..) {
        if message.seq != expected {
            let what = format!("{conversation} has {} where {expected} is due", message.seq);
            return findings.add(Kind::Hole, what);
        }
    }
}

/// A `clientMessageId` of a sender is there once.
fn names(conversation: &str, log: &[Message], findings: &mut Findings) {
    let mut known = BTreeMap::new();
    for message in log {
        let Some(name) = &message.client_message_id else {
            continue;
        };
        if let Some(before) = known.insert((&message.sender_id, name), message.seq) {
            let what = format!(
                "{conversation} has {name} of {} as {before} and as {}",
                message.sender_id, message.seq
            );
            findings.add(Kind::Doubled, what);
        }
    }
}

/// Somebody sent it, and it says what he sent.
fn origin(conversation: &str, message: &Message, fates: &Fates, findings: &mut Findings) {
    if is_first(message.seq, &message.content) {
        return;
    }
    let place = format!("{conversation}/{}", message.seq);
    let name = message.client_message_id.as_deref();
    let Some(sent) = fates.of(&message.id, &message.content, name) else {
        // A deletion leaves nothing by which an unnamed message of an unknown outcome could be known.
        if message.deleted_at.is_none() {
            findings.add(Kind::Strange, format!("nobody sent {place}"));
        }
        return;
    };
    let is_his = sent.conversation == conversation
        && sent.sender == message.sender_id
        && sent.client_message_id == message.client_message_id;
    let is_deleted = message.deleted_at.is_some();
    if !is_his || !fates.may_look(&message.id, sent, &message.content, is_deleted) {
        findings.add(Kind::Strange, format!("{place} is not what was sent"));
    }
    if let Some(change) = fates
        .changes
        .get(&message.id)
        .filter(|change| change.is_acked)
    {
        let is_done = match &change.content {
            None => is_deleted,
            Some(content) => *content == message.content && message.edited_at.is_some(),
        };
        if !is_done {
            findings.add(
                Kind::Lost,
                format!("the acked change of {place} is not stored"),
            );
        }
    }
}

/// What was sent is stored once at most, with a name or without.
fn once(evidence: &Evidence, fates: &Fates, findings: &mut Findings) {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (conversation, log) in &evidence.logs {
        for message in log {
            let key = message.content.split(' ').next().unwrap_or_default();
            if fates.sent.contains_key(key) {
                let place = format!("{conversation}/{}", message.seq);
                places.entry(key).or_default().push(place);
            }
        }
    }
    for (key, places) in places {
        let is_named = fates.sent[key].client_message_id.is_some();
        // Those with a name are found by it.
        if places.len() > 1 && !is_named {
            findings.add(
                Kind::Doubled,
                format!("{key} is stored as {}", places.join(" and ")),
            );
        }
    }
}

/// What was acked is where the ack says, and every ack says the same.
fn acked(key: &str, sent: &Sent, evidence: &Evidence, fates: &Fates, findings: &mut Findings) {
    let log = evidence.logs.get(&sent.conversation);
    let places: BTreeSet<u64> = sent.acks.iter().map(|ack| ack.seq).collect();
    if places.len() > 1 {
        findings.add(Kind::Doubled, format!("{key} is acked as {places:?}"));
    }
    for ack in &sent.acks {
        let stored = log.and_then(|log| log.iter().find(|message| message.seq == ack.seq));
        if stored.is_none_or(|stored| stored.id != ack.id) {
            let what = format!("{key} is acked as {} and not stored", ack.seq);
            findings.add(Kind::Lost, what);
        }
        let is_deleted = ack.content.is_empty();
        if !fates.may_look(&ack.id, sent, &ack.content, is_deleted) {
            findings.add(Kind::Strange, format!("{key} is acked with another text"));
        }
    }
}

/// What one connection sent in a conversation, each once and acked, is stored in that order.
fn own_order(evidence: &Evidence, fates: &Fates, findings: &mut Findings) {
    let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in &evidence.history {
        if let Event::Sending { key, .. } = &entry.event {
            *attempts.entry(key).or_default() += 1;
        }
    }
    let mut last: BTreeMap<(&str, u64, &str), (u64, &str)> = BTreeMap::new();
    for entry in &evidence.history {
        let Event::Sending {
            key,
            conversation,
            epoch: Some(epoch),
            ..
        } = &entry.event
        else {
            continue;
        };
        let acks = fates.sent.get(key).map_or(&[][..], |sent| &sent.acks);
        let ([ack], 1) = (acks, attempts[key.as_str()]) else {
            continue;
        };
        let lane = (entry.device.as_str(), *epoch, conversation.as_str());
        let (before, earlier) = last.get(&lane).copied().unwrap_or((0, ""));
        if ack.seq < before {
            let what = format!(
                "{key} was sent after {earlier} and is stored before it, in {conversation}"
            );
            findings.add(Kind::Swapped, what);
        } else {
            last.insert(lane, (ack.seq, key));
        }
    }
}
