//! What devices were told: within a span of being joined, each message once, in order, without a hole.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Evidence, Findings, Kind,
    fate::{Fates, is_first},
};
use crate::{
    history::{Event, Millis, Seen},
    plan::Device,
    rest::Message,
};

pub(super) fn judge(evidence: &Evidence, fates: &Fates, findings: &mut Findings) {
    let mut views: BTreeMap<&str, View<'_>> = evidence
        .plan
        .devices
        .iter()
        .map(|device| (device.id.as_str(), View::of(device, evidence)))
        .collect();
    for entry in &evidence.history {
        if let Some(view) = views.get_mut(entry.device.as_str()) {
            view.note(entry.t, &entry.event, fates, findings);
        }
    }
    for view in views.values_mut() {
        view.end(fates, findings);
    }
}

/// What one device saw.
struct View<'a> {
    device: &'a Device,
    logs: &'a BTreeMap<String, Vec<Message>>,
    spans: BTreeMap<String, Span>,
    is_connected: bool,
}

/// A time in which a device is joining or has joined a conversation.
#[derive(Default)]
struct Span {
    /// The `seq` that is due; none until it is told where it stands.
    next: Option<u64>,
    /// What came before that was told.
    early: Vec<u64>,
    /// What was due when a later one came, and has not come since.
    missing: BTreeSet<u64>,
    seen: BTreeSet<u64>,
    /// Since when it has joined or, if that was later, was recovered.
    joined_at: Option<Millis>,
    is_leaving: bool,
    /// It had been asked for and not answered when the connection was recovered: the services may have let it in by then.
    may_be_joined: bool,
    /// The ids of the messages whose changes it was told of.
    changes: BTreeSet<String>,
}

impl<'a> View<'a> {
    const fn of(device: &'a Device, evidence: &'a Evidence) -> Self {
        Self {
            device,
            logs: &evidence.logs,
            spans: BTreeMap::new(),
            is_connected: false,
        }
    }

    fn note(&mut self, t: Millis, event: &Event, fates: &Fates, findings: &mut Findings) {
        match event {
            Event::Connected { recovered } => {
                self.is_connected = true;
                if *recovered {
                    self.recovered(t);
                } else {
                    self.close_all(findings);
                }
            }
            Event::Disconnected { .. } => self.is_connected = false,
            Event::Joining {
                conversation,
                after,
            } => {
                // A span that was recovered goes on, although it is asked for again.
                let span = self.spans.entry(conversation.clone()).or_default();
                span.next = span.next.or(after.map(|after| after + 1));
                span.is_leaving = false;
            }
            Event::Joined {
                conversation,
                last,
                has_more,
                ..
            } => self.joined(t, conversation, *last, *has_more, findings),
            Event::NotJoined { conversation, .. } | Event::Left { conversation } => {
                self.close(conversation, findings);
            }
            Event::Leaving { conversation } => {
                if let Some(span) = self.spans.get_mut(conversation) {
                    span.is_leaving = true;
                }
            }
            Event::Message(seen) => self.message(seen, fates, findings),
            Event::Change(seen) => self.change(seen, fates, findings),
            _ => {}
        }
    }

    fn joined(
        &mut self,
        t: Millis,
        conversation: &str,
        last: u64,
        has_more: bool,
        findings: &mut Findings,
    ) {
        let place = self.place(conversation);
        let Some(span) = self.spans.get_mut(conversation) else {
            return;
        };
        span.joined_at.get_or_insert(t);
        match span.next {
            None => {
                // What was missed since comes first, and all of it.
                let missed = span.early.first().filter(|_| span.may_be_joined);
                span.next = Some(missed.map_or(last + 1, |first| (last + 1).min(*first)));
                for seq in std::mem::take(&mut span.early) {
                    span.take(seq, &place, findings);
                }
                let next = span.next.unwrap_or_default();
                span.missing.extend(next..=last);
                span.next = Some(next.max(last + 1));
            }
            Some(next) if next <= last => {
                // With more than fits the device is told to fetch the rest by REST.
                if !has_more {
                    span.missing.extend(next..=last);
                }
                span.next = Some(last + 1);
            }
            Some(_) => {}
        }
    }

    /// Nothing was missed but changes of what had been seen before, which are not told again.
    fn recovered(&mut self, t: Millis) {
        for span in self.spans.values_mut() {
            match &mut span.joined_at {
                Some(joined_at) => *joined_at = t,
                None => span.may_be_joined = true,
            }
        }
    }

    fn message(&mut self, seen: &Seen, fates: &Fates, findings: &mut Findings) {
        let place = self.place(&seen.conversation);
        self.compare(seen, fates, findings);
        // What is seen for the first time after a change needs no other word of it.
        if seen.is_edited || seen.is_deleted {
            self.told_of_change(seen);
        }
        match self.spans.get_mut(&seen.conversation) {
            None => findings.add(
                Kind::Strange,
                format!("{place} saw {} and had not joined", seen.seq),
            ),
            Some(span) if span.next.is_none() => span.early.push(seen.seq),
            Some(span) => span.take(seen.seq, &place, findings),
        }
    }

    fn change(&mut self, seen: &Seen, fates: &Fates, findings: &mut Findings) {
        self.compare(seen, fates, findings);
        self.told_of_change(seen);
    }

    fn told_of_change(&mut self, seen: &Seen) {
        if let Some(span) = self.spans.get_mut(&seen.conversation) {
            span.changes.insert(seen.id.clone());
        }
    }

    /// Whether what it saw is what is stored.
    fn compare(&self, seen: &Seen, fates: &Fates, findings: &mut Findings) {
        let place = self.place(&seen.conversation);
        let log = self.logs.get(&seen.conversation);
        let stored = log.and_then(|log| log.iter().find(|message| message.seq == seen.seq));
        let is_same = stored.is_some_and(|stored| {
            stored.id == seen.id
                && stored.sender_id == seen.sender
                && stored.client_message_id == seen.client_message_id
        });
        let name = seen.client_message_id.as_deref();
        let may_look = is_first(seen.seq, &seen.content)
            || fates
                .of(&seen.id, &seen.content, name)
                .is_some_and(|sent| fates.may_look(&seen.id, sent, &seen.content, seen.is_deleted))
            // A deletion of a message of an unknown outcome: the log has nothing else, either.
            || (seen.is_deleted && seen.content.is_empty());
        if !is_same || !may_look {
            let what = format!("{place} saw {} otherwise than it is stored", seen.seq);
            findings.add(Kind::Strange, what);
        }
    }

    fn close(&mut self, conversation: &str, findings: &mut Findings) {
        let place = self.place(conversation);
        if let Some(span) = self.spans.remove(conversation) {
            span.close(&place, findings);
        }
    }

    fn close_all(&mut self, findings: &mut Findings) {
        for (conversation, span) in std::mem::take(&mut self.spans) {
            span.close(&self.place(&conversation), findings);
        }
    }

    /// Who is joined at the end must have seen everything.
    fn end(&mut self, fates: &Fates, findings: &mut Findings) {
        for (conversation, mut span) in std::mem::take(&mut self.spans) {
            let place = self.place(&conversation);
            let is_there = self.is_connected && span.joined_at.is_some() && !span.is_leaving;
            if let (true, Some(next), Some(log)) =
                (is_there, span.next, self.logs.get(&conversation))
            {
                let head = log.last().map_or(0, |message| message.seq);
                span.missing.extend(next..=head);
                span.changes_missed(log, fates, &place, findings);
            }
            span.close(&place, findings);
        }
    }

    fn place(&self, conversation: &str) -> String {
        format!("{} in {conversation}", self.device.id)
    }
}

impl Span {
    fn take(&mut self, seq: u64, place: &str, findings: &mut Findings) {
        let next = self.next.unwrap_or(seq);
        if !self.seen.insert(seq) {
            findings.add(Kind::Doubled, format!("{place} saw {seq} twice"));
        } else if self.missing.remove(&seq) || seq < next {
            let what = format!("{place} saw {seq} when {next} was due");
            findings.add(Kind::Swapped, what);
        } else {
            self.missing.extend(next..seq);
            self.next = Some(seq + 1);
        }
    }

    fn close(&self, place: &str, findings: &mut Findings) {
        for seq in &self.missing {
            findings.add(Kind::Lost, format!("{place} never saw {seq}"));
        }
    }

    /// A connection that is there since before a change was asked for has been told of it.
    fn changes_missed(&self, log: &[Message], fates: &Fates, place: &str, findings: &mut Findings) {
        for message in log {
            let Some(change) = fates.changes.get(&message.id) else {
                continue;
            };
            let was_there = self.joined_at.is_some_and(|joined_at| joined_at < change.t);
            if was_there && change.is_acked && !self.changes.contains(&message.id) {
                let what = format!("{place} was not told of the change of {}", message.seq);
                findings.add(Kind::ChangeMissed, what);
            }
        }
    }
}
