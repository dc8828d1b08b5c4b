use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use messaging_domain::ConversationId;
use tokio::time::Instant;

use super::{Job, Submission};
use crate::ConversationKey;

/// What waits to be stored, by conversation, in the order in which it came.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<ConversationId, Lane>,
    /// The free lanes with something in them, the one that has waited longest first.
    ready: VecDeque<ConversationId>,
    /// The lanes that rest, by the end of their rest.
    resting: BTreeSet<(Instant, ConversationId)>,
}

/// One conversation's jobs. A lane exists while it has jobs or is busy.
struct Lane {
    key: ConversationKey,
    waiting: VecDeque<Job>,
    /// How often in a row it collided with something that could not be seen yet.
    stalls: u32,
}

/// What one batch may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimit {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// How a lane's turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// All is decided, or what is left can go on at once.
    Over,
    /// What is left waits for something to become visible.
    Stalled,
}

const REST_MIN: Duration = Duration::from_millis(5);
const REST_DOUBLINGS_MAX: u32 = 5;

impl Lanes {
    pub(super) fn push(&mut self, submission: Submission) {
        let Submission { key, job } = submission;
        let id = key.id();
        let ready = &mut self.ready;
        let lane = self.lanes.entry(id).or_insert_with(|| {
            ready.push_back(id);
            Lane {
                key,
                waiting: VecDeque::new(),
                stalls: 0,
            }
        });
        lane.waiting.push_back(job);
    }

    /// Takes what fits into one batch from the free lanes, which are then busy until each is released.
    ///
    /// Jobs that nobody waits for any longer are dropped; nothing of them was sent.
    pub(super) fn take(
        &mut self,
        limit: BatchLimit,
        now: Instant,
    ) -> Vec<(ConversationKey, VecDeque<Job>)> {
        let mut taken = Vec::new();
        let (mut messages, mut bytes) = (0, 0);
        while messages < limit.messages && bytes < limit.bytes {
            let Some(id) = self.ready.pop_front() else {
                break;
            };
            let Some(lane) = self.lanes.get_mut(&id) else {
                continue;
            };
            let mut jobs = VecDeque::new();
            while messages < limit.messages && bytes < limit.bytes {
                let Some(job) = lane.waiting.pop_front() else {
                    break;
                };
                if job.is_wanted(now) {
                    messages += 1;
                    bytes += job.slot.bytes();
                    jobs.push_back(job);
                }
            }
            if jobs.is_empty() {
                self.lanes.remove(&id);
            } else {
                taken.push((lane.key.clone(), jobs));
            }
        }
        taken
    }

    /// Frees a lane, with what was left undecided back at its front.
    pub(super) fn release(
        &mut self,
        id: ConversationId,
        left: VecDeque<Job>,
        turn: Turn,
        now: Instant,
    ) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        for job in left.into_iter().rev() {
            lane.waiting.push_front(job);
        }
        if lane.waiting.is_empty() {
            self.lanes.remove(&id);
            return;
        }
        match turn {
            Turn::Over => {
                lane.stalls = 0;
                self.ready.push_back(id);
            }
            Turn::Stalled => {
                let rest = REST_MIN * 2_u32.pow(lane.stalls.min(REST_DOUBLINGS_MAX));
                lane.stalls += 1;
                self.resting.insert((now + rest, id));
            }
        }
    }

    /// When the next rest ends.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.resting.first().map(|(end, _)| *end)
    }

    /// Ends the rests that are over.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some((end, id)) = self.resting.first().copied() {
            if end > now {
                break;
            }
            self.resting.pop_first();
            self.ready.push_back(id);
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}
