//! How long it took, from the histories.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    history::{Entry, Event, Millis},
    plan::Plan,
};

/// The longest time without any delivery anywhere while senders were sending.
pub(crate) fn silence(history: &[Entry]) -> Duration {
    let sends = history
        .iter()
        .filter(|entry| matches!(entry.event, Event::Sending { .. }))
        .map(|entry| entry.t);
    let (Some(first), Some(last)) = (sends.clone().min(), sends.max()) else {
        return Duration::ZERO;
    };
    let mut times: Vec<Millis> = history
        .iter()
        .filter(|entry| matches!(entry.event, Event::Message(_)))
        .map(|entry| entry.t)
        .filter(|t| (first..=last).contains(t))
        .chain([first, last])
        .collect();
    times.sort_unstable();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    duration(gaps.max().unwrap_or(0))
}

/// From the end of the fault until everything that was acked by then had reached every device that was there all the time.
///
/// None if it never did.
pub(crate) fn healing(plan: &Plan, history: &[Entry], ended: Millis) -> Option<Duration> {
    let mut heads: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in history.iter().filter(|entry| entry.t <= ended) {
        if let Event::Acked {
            conversation, seq, ..
        } = &entry.event
        {
            let head = heads.entry(conversation).or_default();
            *head = (*head).max(*seq);
        }
    }
    let mut arrived: BTreeMap<(&str, &str), Millis> = BTreeMap::new();
    for entry in history {
        let (conversation, seq) = match &entry.event {
            Event::Message(seen) => (seen.conversation.as_str(), seen.seq),
            Event::Joined {
                conversation, last, ..
            } => (conversation.as_str(), *last),
            _ => continue,
        };
        if heads.get(conversation).is_some_and(|head| seq >= *head) {
            arrived
                .entry((&entry.device, conversation))
                .or_insert(entry.t);
        }
    }
    let mut last = ended;
    for device in plan.devices.iter().filter(|device| device.is_steady()) {
        for place in &device.conversations {
            if heads.contains_key(place.id.as_str()) {
                let place = (device.id.as_str(), place.id.as_str());
                last = last.max(*arrived.get(&place)?);
            }
        }
    }
    Some(duration(last - ended))
}

/// How clients came to be connected, and the load that they made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Connecting {
    /// Devices.
    pub(crate) clients: usize,
    /// From the first attempt to send a message to the last.
    pub(crate) sending: Duration,
    /// Attempts to connect that failed: of all clients, and the most of one.
    pub(crate) failed: usize,
    pub(crate) failed_most: usize,
    /// Clients with more than one of them.
    pub(crate) clients_above_one: usize,
}

pub(crate) fn connecting(plan: &Plan, history: &[Entry]) -> Connecting {
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sends: Option<(Millis, Millis)> = None;
    for entry in history {
        match &entry.event {
            Event::ConnectError { .. } => *failed.entry(&entry.device).or_default() += 1,
            Event::Sending { .. } => {
                let (first, last) = sends.unwrap_or((entry.t, entry.t));
                sends = Some((first.min(entry.t), last.max(entry.t)));
            }
            _ => {}
        }
    }
    Connecting {
        clients: plan.devices.len(),
        sending: sends.map_or(Duration::ZERO, |(first, last)| duration(last - first)),
        failed: failed.values().sum(),
        failed_most: failed.values().copied().max().unwrap_or(0),
        clients_above_one: failed.values().filter(|count| **count > 1).count(),
    }
}

fn duration(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        history::Seen,
        plan::{Device, Place, Transport},
    };

    fn plan() -> Plan {
        let device = |id: &str, flaps| Device {
            id: id.to_owned(),
            user: id.to_owned(),
            token: String::new(),
            seed: 0,
            kind: Transport::Plain,
            conversations: vec![Place {
                id: "c".to_owned(),
                is_late: false,
            }],
            sends: None,
            reads: false,
            changes: false,
            rejoins: false,
            flaps,
            ends_offline: false,
        };
        Plan {
            devices: vec![device("a", false), device("b", false), device("f", true)],
            ..Plan::default()
        }
    }

    fn entry(t: Millis, device: &str, event: Event) -> Entry {
        let device = device.to_owned();
        Entry { t, device, event }
    }

    fn sending(t: Millis) -> Entry {
        let event = Event::Sending {
            key: "k".to_owned(),
            conversation: "c".to_owned(),
            content: "k".to_owned(),
            client_message_id: None,
            attempt: 1,
            epoch: None,
        };
        entry(t, "a", event)
    }

    fn acked(t: Millis, seq: u64) -> Entry {
        let event = Event::Acked {
            key: "k".to_owned(),
            conversation: "c".to_owned(),
            seq,
            id: "m".to_owned(),
            content: "k".to_owned(),
            duplicate: false,
        };
        entry(t, "a", event)
    }

    fn seen(t: Millis, device: &str, seq: u64) -> Entry {
        let seen = Seen {
            conversation: "c".to_owned(),
            seq,
            id: "m".to_owned(),
            sender: "a".to_owned(),
            content: "k".to_owned(),
            client_message_id: None,
            is_edited: false,
            is_deleted: false,
        };
        entry(t, device, Event::Message(seen))
    }

    #[test]
    fn silence_is_the_longest_time_without_a_delivery_between_the_first_send_and_the_last() {
        let check = |history: &[Entry], millis| {
            assert_eq!(silence(history), Duration::from_millis(millis));
        };
        check(&[], 0);
        check(&[sending(0), sending(100)], 100);
        check(&[sending(0), seen(30, "b", 1), sending(100)], 70);
        check(
            &[sending(0), seen(30, "b", 1), sending(40), seen(900, "b", 2)],
            30,
        );
    }

    #[test]
    fn failed_attempts_are_counted_for_each_client() {
        let failed = |t, device: &str| {
            let reason = "websocket error".to_owned();
            entry(t, device, Event::ConnectError { reason })
        };
        let history = [
            failed(1, "a"),
            sending(100),
            failed(160, "b"),
            failed(180, "a"),
            sending(2_100),
        ];
        let expected = Connecting {
            clients: 3,
            sending: Duration::from_secs(2),
            failed: 3,
            failed_most: 2,
            clients_above_one: 1,
        };
        assert_eq!(connecting(&plan(), &history), expected);
        let nothing = Connecting {
            clients: 3,
            ..Connecting::default()
        };
        assert_eq!(connecting(&plan(), &[]), nothing);
    }

    #[test]
    fn it_is_healed_when_what_was_acked_by_then_is_with_all_who_stayed() {
        let check = |history: &[Entry], millis: Option<u64>| {
            let expected = millis.map(Duration::from_millis);
            assert_eq!(healing(&plan(), history, 100), expected);
        };
        let before = [acked(10, 1), seen(20, "a", 1), seen(90, "b", 1)];
        check(&before, Some(0));
        check(
            &[acked(10, 1), seen(20, "a", 1), seen(150, "b", 1)],
            Some(50),
        );
        check(&[acked(10, 1), seen(20, "a", 1)], None);
        check(&[acked(110, 1), seen(120, "a", 1)], Some(0));
    }
}
