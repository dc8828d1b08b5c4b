use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{Class, CloseReason};

/// What an entry takes in memory besides its bytes, roughly: the entries take no more than their bytes may. Without this, a
/// peer that pings and does not read would have fifty times that held for its pongs, of two bytes each.
const ENTRY_BYTES: usize = 128;

/// What waits to be sent to one peer, bounded by bytes and entries, and the end of it.
///
/// Bytes count until the transport has taken them. It is plain data: [`Link`](super::Link) puts a lock around it.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Entry>,
    queued_bytes: usize,
    droppable_bytes: usize,
    in_flight_bytes: usize,
    in_flight: usize,
    sent_bytes: u64,
    bytes_max: usize,
    closed: Option<CloseReason>,
    transport: Option<Waker>,
    keeper: Option<Waker>,
}

#[derive(Debug)]
struct Entry {
    frames: Bytes,
    class: Class,
}

/// Who waits for the outbox: whatever sends, or whatever watches over the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// It sends.
    Transport,
    /// It waits for the end.
    Keeper,
}

/// What a transport finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// To be sent; [`Link::sent`](super::Link::sent) is due for their bytes.
    Frames(Vec<Bytes>),
    /// There is no more, and never will be.
    Closed(CloseReason),
}

/// What became of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits; so many others had to go for it.
    Queued { dropped: usize },
    /// It was left out.
    Dropped,
    /// There was no room, which has closed the outbox; so many droppable ones went before.
    Overflow { dropped: usize },
    /// The outbox was closed already.
    Closed,
}

impl Outbox {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            queued_bytes: 0,
            droppable_bytes: 0,
            in_flight_bytes: 0,
            in_flight: 0,
            sent_bytes: 0,
            bytes_max,
            closed: None,
            transport: None,
            keeper: None,
        }
    }

    /// Adds an entry. Droppable ones make way for a durable one, the oldest first.
    ///
    /// Whatever its size, an entry fits into an empty outbox.
    pub(super) fn push(&mut self, frames: Bytes, class: Class) -> Pushed {
        if self.closed.is_some() {
            return Pushed::Closed;
        }
        let mut dropped = 0;
        if !self.fits(frames.len()) {
            if class == Class::Droppable {
                return Pushed::Dropped;
            }
            dropped = self.make_way(frames.len());
            if !self.fits(frames.len()) {
                self.close(CloseReason::TooSlow);
                return Pushed::Overflow { dropped };
            }
        }
        self.queued_bytes += frames.len();
        if class == Class::Droppable {
            self.droppable_bytes += frames.len();
        }
        self.queue.push_back(Entry { frames, class });
        wake(&mut self.transport);
        Pushed::Queued { dropped }
    }

    /// Takes what waits, up to so many bytes but at least one entry.
    pub(super) fn poll_take(&mut self, cx: &Context<'_>, bytes_max: usize) -> Poll<Taken> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = self.queue.front() {
            if !frames.is_empty() && bytes + entry.frames.len() > bytes_max {
                break;
            }
            bytes += entry.frames.len();
            if entry.class == Class::Droppable {
                self.droppable_bytes -= entry.frames.len();
            }
            frames.extend(self.queue.pop_front().map(|entry| entry.frames));
        }
        if self.queue.is_empty() {
            // An idle connection keeps no memory for what it was once sent.
            self.queue = VecDeque::new();
        }
        if !frames.is_empty() {
            self.queued_bytes -= bytes;
            self.in_flight_bytes += bytes;
            self.in_flight += frames.len();
            return Poll::Ready(Taken::Frames(frames));
        }
        match self.closed {
            Some(reason) => Poll::Ready(Taken::Closed(reason)),
            None => {
                self.register(Waiter::Transport, cx);
                Poll::Pending
            }
        }
    }

    /// Takes all that waits, to be sent by somebody else.
    pub(super) fn drain(&mut self) -> Vec<(Bytes, Class)> {
        self.queued_bytes = 0;
        self.droppable_bytes = 0;
        let queue = std::mem::take(&mut self.queue);
        queue
            .into_iter()
            .map(|entry| (entry.frames, entry.class))
            .collect()
    }

    /// So many bytes that were taken have left, of so many entries.
    pub(super) fn sent(&mut self, bytes: usize, entries: usize) {
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
        self.in_flight = self.in_flight.saturating_sub(entries);
        self.sent_bytes += bytes as u64;
    }

    /// Ends it; the first reason counts. True if this was the first.
    pub(super) fn close(&mut self, reason: CloseReason) -> bool {
        if self.closed.is_some() {
            return false;
        }
        self.closed = Some(reason);
        if !reason.sends_the_rest() {
            self.queue = VecDeque::new();
            self.queued_bytes = 0;
            self.droppable_bytes = 0;
        }
        wake(&mut self.transport);
        wake(&mut self.keeper);
        true
    }

    pub(super) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) const fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Whether less than half of the room is taken.
    pub(super) const fn has_room(&self) -> bool {
        self.unsent_bytes() < self.bytes_max.div_ceil(2)
    }

    /// What has not left yet.
    pub(super) const fn unsent_bytes(&self) -> usize {
        self.queued_bytes + self.in_flight_bytes
    }

    /// All that has left since the beginning.
    pub(super) const fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Remembers whom to wake. One of each kind waits at a time; the last one counts.
    pub(super) fn register(&mut self, waiter: Waiter, cx: &Context<'_>) {
        let slot = match waiter {
            Waiter::Transport => &mut self.transport,
            Waiter::Keeper => &mut self.keeper,
        };
        match slot {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *slot = Some(cx.waker().clone()),
        }
    }

    /// Wakes whoever waits, to look at something else that changed.
    pub(super) fn wake(&mut self) {
        wake(&mut self.transport);
        wake(&mut self.keeper);
    }

    fn fits(&self, bytes: usize) -> bool {
        self.entries() == 0
            || (self.unsent_bytes() + bytes <= self.bytes_max && self.excess_entries() == 0)
    }

    /// How many entries are too many for one more.
    fn excess_entries(&self) -> usize {
        let entries_max = self.bytes_max.div_ceil(ENTRY_BYTES);
        (self.entries() + 1).saturating_sub(entries_max)
    }

    fn entries(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    fn make_way(&mut self, bytes: usize) -> usize {
        // Only if it helps: a connection that is closed anyway need not be searched.
        let rest = self.unsent_bytes() - self.droppable_bytes;
        if self.droppable_bytes == 0 || (rest > 0 && rest + bytes > self.bytes_max) {
            return 0;
        }
        let mut excess = (self.unsent_bytes() + bytes).saturating_sub(self.bytes_max);
        let mut excess_entries = self.excess_entries();
        let (mut dropped, mut dropped_bytes) = (0, 0);
        self.queue.retain(|entry| {
            if (excess == 0 && excess_entries == 0) || entry.class == Class::Durable {
                return true;
            }
            excess = excess.saturating_sub(entry.frames.len());
            excess_entries = excess_entries.saturating_sub(1);
            dropped += 1;
            dropped_bytes += entry.frames.len();
            false
        });
        self.queued_bytes -= dropped_bytes;
        self.droppable_bytes -= dropped_bytes;
        dropped
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Room for eight entries.
    const BYTES_MAX: usize = 1_000;

    fn frames(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    fn take(outbox: &mut Outbox) -> Poll<Taken> {
        outbox.poll_take(&Context::from_waker(Waker::noop()), 10_000)
    }

    #[test]
    fn the_oldest_droppable_entries_make_way_for_a_durable_one() {
        let mut outbox = Outbox::new(BYTES_MAX);
        for length in [300, 310, 320] {
            assert_eq!(
                outbox.push(frames(length), Class::Droppable),
                Pushed::Queued { dropped: 0 }
            );
        }
        assert_eq!(outbox.push(frames(300), Class::Droppable), Pushed::Dropped);
        assert_eq!(
            outbox.push(frames(500), Class::Durable),
            Pushed::Queued { dropped: 2 }
        );
        assert_eq!(
            take(&mut outbox),
            Poll::Ready(Taken::Frames(vec![frames(320), frames(500)]))
        );
    }

    #[test]
    fn a_durable_entry_without_room_closes_as_too_slow() {
        let mut outbox = Outbox::new(BYTES_MAX);
        assert_eq!(
            outbox.push(frames(600), Class::Durable),
            Pushed::Queued { dropped: 0 }
        );
        assert_eq!(
            outbox.push(frames(600), Class::Durable),
            Pushed::Overflow { dropped: 0 }
        );
        assert_eq!(outbox.push(frames(10), Class::Durable), Pushed::Closed);
        assert_eq!(
            take(&mut outbox),
            Poll::Ready(Taken::Closed(CloseReason::TooSlow))
        );
    }

    #[test]
    fn entries_count_however_small_they_are() {
        let mut outbox = Outbox::new(BYTES_MAX);
        let small = |outbox: &mut Outbox, class| outbox.push(frames(2), class);
        for _ in 0..7 {
            small(&mut outbox, Class::Droppable);
        }
        assert_eq!(
            small(&mut outbox, Class::Durable),
            Pushed::Queued { dropped: 0 }
        );
        assert_eq!(small(&mut outbox, Class::Droppable), Pushed::Dropped);
        assert_eq!(
            small(&mut outbox, Class::Durable),
            Pushed::Queued { dropped: 1 }
        );
        assert!(matches!(take(&mut outbox), Poll::Ready(Taken::Frames(taken)) if taken.len() == 8));
        // What is in flight counts, too.
        assert_eq!(
            small(&mut outbox, Class::Durable),
            Pushed::Overflow { dropped: 0 }
        );
    }

    #[test]
    fn what_is_in_flight_counts_until_it_is_sent() {
        let mut outbox = Outbox::new(BYTES_MAX);
        outbox.push(frames(800), Class::Durable);
        assert_eq!(
            take(&mut outbox),
            Poll::Ready(Taken::Frames(vec![frames(800)]))
        );
        assert!(!outbox.has_room());
        assert_eq!(outbox.push(frames(300), Class::Droppable), Pushed::Dropped);
        outbox.sent(800, 1);
        assert!(outbox.has_room());
        assert_eq!(
            outbox.push(frames(3000), Class::Durable),
            Pushed::Queued { dropped: 0 }
        );
    }

    #[test]
    fn the_rest_is_sent_before_an_orderly_end() {
        let mut outbox = Outbox::new(BYTES_MAX);
        outbox.push(frames(10), Class::Durable);
        assert!(outbox.close(CloseReason::Draining));
        assert!(!outbox.close(CloseReason::TooSlow));
        assert_eq!(
            take(&mut outbox),
            Poll::Ready(Taken::Frames(vec![frames(10)]))
        );
        assert_eq!(
            take(&mut outbox),
            Poll::Ready(Taken::Closed(CloseReason::Draining))
        );
    }

    proptest! {
        #[test]
        fn the_counts_are_those_of_the_entries(steps in prop::collection::vec((0_usize..600, 0..4), 1..60)) {
            let mut outbox = Outbox::new(BYTES_MAX);
            for (length, step) in steps {
                match step {
                    3 => drop(outbox.drain()),
                    0 => drop(outbox.push(frames(length), Class::Durable)),
                    1 => drop(outbox.push(frames(length), Class::Droppable)),
                    _ => {
                        if let Poll::Ready(Taken::Frames(taken)) = take(&mut outbox) {
                            outbox.sent(taken.iter().map(Bytes::len).sum(), taken.len());
                        }
                    }
                }
                let queued: usize = outbox.queue.iter().map(|entry| entry.frames.len()).sum();
                let droppable: usize = outbox.queue.iter().filter(|entry| entry.class == Class::Droppable).map(|entry| entry.frames.len()).sum();
                prop_assert_eq!((outbox.queued_bytes, outbox.droppable_bytes), (queued, droppable));
                prop_assert!(outbox.unsent_bytes() <= BYTES_MAX);
                prop_assert!(outbox.entries() <= BYTES_MAX.div_ceil(ENTRY_BYTES));
            }
        }
    }
}
