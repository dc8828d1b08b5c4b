//! What is computed from the log: summaries, unread counts, the order of lists; and who is there.

use std::collections::BTreeMap;

use super::{Evidence, Findings, Kind};
use crate::{
    history::Event,
    rest::{Conversation, Message},
};

/// How far a user may have read a conversation.
#[derive(Default, Clone, Copy)]
struct Marks {
    acked: u64,
    attempted: u64,
}

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let marks = marks(evidence);
    for user in evidence.plan.users() {
        let list = evidence.lists.get(&user).map_or(&[][..], Vec::as_slice);
        complete(evidence, &user, list, findings);
        in_order(evidence, &user, list, findings);
        for conversation in list {
            if let Some(log) = evidence.logs.get(&conversation.id) {
                head(&user, conversation, log, findings);
                unread(&user, conversation, log, &marks, findings);
            }
        }
        let is_online = evidence.plan.is_online_at_the_end(&user);
        if evidence.presence.get(&user) != Some(&is_online) {
            let told = evidence.presence.get(&user);
            let what = format!("{user} is online: {is_online}, and is told of as {told:?}");
            findings.add(Kind::Presence, what);
        }
    }
    for entry in &evidence.history {
        match &entry.event {
            Event::Refused { what, code } => {
                let what = format!("{what} of {} was refused: {code}", entry.device);
                findings.add(Kind::Stuck, what);
            }
            Event::GaveUp { key } => {
                findings.add(Kind::Stuck, format!("{key} was never acked"));
            }
            _ => {}
        }
    }
}

fn marks(evidence: &Evidence) -> BTreeMap<(String, String), Marks> {
    let devices = evidence.plan.devices.iter();
    let users: BTreeMap<&str, &str> = devices
        .map(|device| (device.id.as_str(), device.user.as_str()))
        .collect();
    let mut marks: BTreeMap<(String, String), Marks> = BTreeMap::new();
    for entry in &evidence.history {
        let (conversation, mark) = match &entry.event {
            Event::Reading {
                conversation,
                up_to,
            } => (
                conversation,
                Marks {
                    acked: 0,
                    attempted: *up_to,
                },
            ),
            Event::Read {
                conversation,
                read_seq,
            } => (
                conversation,
                Marks {
                    acked: *read_seq,
                    attempted: 0,
                },
            ),
            _ => continue,
        };
        let user = users
            .get(entry.device.as_str())
            .copied()
            .unwrap_or_default();
        let known = marks
            .entry((user.to_owned(), conversation.clone()))
            .or_default();
        known.acked = known.acked.max(mark.acked);
        known.attempted = known.attempted.max(mark.attempted);
    }
    marks
}

fn complete(evidence: &Evidence, user: &str, list: &[Conversation], findings: &mut Findings) {
    let mut listed: Vec<&str> = list
        .iter()
        .map(|conversation| conversation.id.as_str())
        .collect();
    let conversations = evidence.plan.conversations.iter();
    let mut his: Vec<&str> = conversations
        .filter(|conversation| conversation.users.iter().any(|party| party == user))
        .map(|conversation| conversation.id.as_str())
        .collect();
    listed.sort_unstable();
    his.sort_unstable();
    if listed != his {
        let what = format!("{user} has the conversations {his:?} and is given {listed:?}");
        findings.add(Kind::Summary, what);
    }
}

/// Latest activity first.
fn in_order(evidence: &Evidence, user: &str, list: &[Conversation], findings: &mut Findings) {
    let latest = |conversation: &Conversation| {
        let log = evidence.logs.get(&conversation.id)?;
        log.last().map(|message| message.created_at.clone())
    };
    let times: Vec<Option<String>> = list.iter().map(latest).collect();
    if !times.is_sorted_by(|newer, older| newer >= older) {
        findings.add(
            Kind::Summary,
            format!("the list of {user} is not in order: {times:?}"),
        );
    }
}

/// The summary is that of the log.
fn head(user: &str, conversation: &Conversation, log: &[Message], findings: &mut Findings) {
    let last = log.last();
    let head = last.map_or(0, |message| message.seq);
    if conversation.last_seq != head || conversation.last_message.as_ref() != last {
        let what = format!(
            "{user} is told that {} ends at {}, and it ends at {head}, or otherwise than it is told",
            conversation.id, conversation.last_seq
        );
        findings.add(Kind::Summary, what);
    }
}

/// Each read mark is one that was set, and what is unread is what the log has beyond it.
fn unread(
    user: &str,
    conversation: &Conversation,
    log: &[Message],
    marks: &BTreeMap<(String, String), Marks>,
    findings: &mut Findings,
) {
    for party in &conversation.participants {
        let place = format!(
            "{} for {} as {user} sees it",
            conversation.id, party.user_id
        );
        let key = (party.user_id.clone(), conversation.id.clone());
        let Marks { acked, attempted } = marks.get(&key).copied().unwrap_or_default();
        if party.read_seq < acked || party.read_seq > attempted.max(acked) {
            let what = format!(
                "the read mark of {place} is {}, acked was {acked}, asked for {attempted}",
                party.read_seq
            );
            findings.add(Kind::Summary, what);
        }
        let by_others = log
            .iter()
            .filter(|message| message.sender_id != party.user_id && message.seq > party.read_seq);
        let count = by_others.count() as u64;
        let is_own = party.user_id == user;
        if party.unread_count != count || (is_own && conversation.unread_count != count) {
            let told = party.unread_count;
            findings.add(
                Kind::Summary,
                format!("{told} are told of as unread in {place}, it is {count}"),
            );
        }
    }
}
