//! What a client hears in one session: each message once and in order, each event answered once and in order.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::client::{Known, Packet};
use super::world::CONVERSATIONS;

pub(super) struct Heard {
    pub(super) is_connected: bool,
    pub(super) joining: [bool; CONVERSATIONS.len()],
    pub(super) pinged_at: Instant,
    said: u64,
    /// What it has said and heard no answer to: since when, and which conversation it wants to join.
    unanswered: VecDeque<(Instant, Option<usize>)>,
    note: Option<u64>,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self {
            is_connected: false,
            joining: [false; CONVERSATIONS.len()],
            pinged_at: Instant::now(),
            said: 0,
            unanswered: VecDeque::new(),
            note: None,
        }
    }

    /// The number of the next event.
    pub(super) fn says(&mut self, joins: Option<usize>) -> u64 {
        self.said += 1;
        self.unanswered.push_back((Instant::now(), joins));
        self.said
    }

    pub(super) fn is_answered(&self) -> bool {
        self.is_connected && self.unanswered.is_empty()
    }

    pub(super) fn oldest_unanswered(&self) -> Option<Instant> {
        self.unanswered.front().map(|(at, _)| *at)
    }
}

impl Attempt {
    /// Takes a packet from the server.
    pub(super) fn hear(&self, packet: &str) {
        if self.over.is_cancelled() {
            return;
        }
        match packet {
            "2" => {
                self.heard.borrow_mut().pinged_at = Instant::now();
                self.queue(Packet::Text("3".to_owned()));
            }
            "6" => {}
            "1" => self.end("the server has closed it"),
            _ => {
                let read = self.take(packet);
                if read.is_none() {
                    self.fault(format!("cannot read {packet:?}"));
                }
            }
        }
    }

    fn fault(&self, what: String) {
        let number = self.number;
        self.client
            .world
            .fault(format!("the client {what} in session {number}"));
    }

    fn take(&self, packet: &str) -> Option<()> {
        if let Some(open) = packet.strip_prefix("40/messages,") {
            let open: Value = serde_json::from_str(open).ok()?;
            self.connected(open.get("pid").and_then(Value::as_str));
            return Some(());
        }
        if let Some(event) = packet.strip_prefix("42/messages,") {
            let event: Value = serde_json::from_str(event).ok()?;
            return match event.get(0)?.as_str()? {
                "new_message" => self.message(&event),
                "note" => self.note(event.get(1)?.as_u64()?),
                // The close comes right behind it.
                "server_draining" => Some(()),
                _ => None,
            };
        }
        let answer = packet.strip_prefix("43/messages,")?;
        let (number, json) = answer.split_at(answer.find('[')?);
        let json: Value = serde_json::from_str(json).ok()?;
        self.answered(number.parse().ok()?, json.get(0)?)
    }

    fn connected(&self, pid: Option<&str>) {
        let known = &mut *self.client.known.borrow_mut();
        let recovered = pid.is_some() && known.pid.as_deref() == pid;
        let had_one = known.pid.is_some();
        self.client
            .world
            .tell(|| format!("the client is connected, recovered: {recovered}"));
        self.client.world.count(|counts| {
            counts.recovered += u64::from(recovered);
            counts.began_anew += u64::from(had_one && !recovered);
        });
        if !recovered {
            known.places = Default::default();
        }
        known.pid = pid.map(str::to_owned);
        if std::mem::replace(&mut self.heard.borrow_mut().is_connected, true) {
            self.fault("is connected twice".to_owned());
        }
    }

    fn message(&self, event: &Value) -> Option<()> {
        let conversation = usize::try_from(event.get(1)?.get(0)?.as_u64()?).ok()?;
        let seq = event.get(1)?.get(1)?.as_u64()?;
        let Known { places, offset, .. } = &mut *self.client.known.borrow_mut();
        let place = places.get_mut(conversation)?;
        self.client
            .world
            .tell(|| format!("the client gets message {seq} of {conversation}"));
        if let Some(at) = place.at.filter(|at| at + 1 != seq) {
            self.fault(format!(
                "gets message {seq} of conversation {conversation} behind {at}"
            ));
        }
        place.first.get_or_insert(seq);
        place.at = Some(seq);
        if let Some(text) = event.get(2).and_then(Value::as_str) {
            *offset = Some(text.to_owned());
        }
        Some(())
    }

    fn note(&self, note: u64) -> Option<()> {
        let last = self.heard.borrow_mut().note.replace(note);
        if let Some(last) = last.filter(|last| last + 1 != note) {
            self.fault(format!("gets note {note} behind {last}"));
        }
        Some(())
    }

    fn answered(&self, number: u64, answer: &Value) -> Option<()> {
        let heard = &mut *self.heard.borrow_mut();
        let due = heard.said + 1 - heard.unanswered.len() as u64;
        if number != due {
            self.fault(format!("gets answer {number} where {due} is due"));
        }
        let (_, joins) = heard.unanswered.pop_front()?;
        let Some(conversation) = joins else {
            if *answer != Value::Bool(true) {
                self.fault(format!("hears that event {number} came in pieces"));
            }
            return Some(());
        };
        heard.joining[conversation] = false;
        let Some(since) = answer.as_u64() else {
            return answer.is_null().then_some(());
        };
        let place = &mut self.client.known.borrow_mut().places[conversation];
        place.is_joined = true;
        place.at.get_or_insert(since);
        if place.first.is_some_and(|first| first > since + 1) {
            self.fault(format!(
                "joined conversation {conversation} at {since} and got something later first"
            ));
        }
        Some(())
    }
}
