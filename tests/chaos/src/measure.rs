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
pub(crate) fn healing(plan: &Plan, history: &[Entry], ended: Millis) -> Duration {
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
    let steady: Vec<&str> = plan
        .devices
        .iter()
        .filter(|device| device.is_steady())
        .map(|device| device.id.as_str())
        .collect();
    let mut arrived: BTreeMap<(&str, &str), Millis> = BTreeMap::new();
    for entry in history {
        let (conversation, seq) = match &entry.event {
            Event::Message(seen) => (&seen.conversation, seen.seq),
            Event::Joined {
                conversation, last, ..
            } => (conversation, *last),
            _ => continue,
        };
        let is_there = heads
            .get(conversation.as_str())
            .is_some_and(|head| seq >= *head);
        if is_there && steady.contains(&entry.device.as_str()) {
            arrived
                .entry((&entry.device, conversation))
                .or_insert(entry.t);
        }
    }
    let last = arrived.into_values().max().unwrap_or(ended);
    duration(last - ended)
}

fn duration(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
