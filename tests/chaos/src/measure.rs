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

fn duration(millis: Millis) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
