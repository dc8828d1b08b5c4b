use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use messaging_bus::{Intake, Topic};
use messaging_wire::Fault;
use tokio::sync::Mutex;

/// Locks that the topics are spread over.
const SHARD_COUNT: usize = 64;

/// How long to wait for a subscription to be taken in, while NATS is away.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many local connections care about each topic: the first one subscribes, the last one unsubscribes.
pub(crate) struct Interest {
    intake: Intake,
    shards: Box<[Mutex<HashMap<Topic, u32>>]>,
    hasher: RandomState,
}

impl Interest {
    pub(crate) fn new(intake: Intake) -> Self {
        Self {
            intake,
            shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one more. When it returns, NATS gets to know of the subscription before any request that follows.
    ///
    /// # Errors
    /// `unavailable`; nothing is counted then.
    pub(crate) async fn acquire(&self, topic: Topic) -> Result<(), Fault> {
        // The lock is held while subscribing, so that a second one who cares does not go on before the first has subscribed.
        let mut counts = self.shard(&topic).lock().await;
        if let Some(count) = counts.get_mut(&topic) {
            *count += 1;
            return Ok(());
        }
        match tokio::time::timeout(SUBSCRIBE_TIMEOUT, self.intake.subscribe(&topic)).await {
            Ok(Ok(())) => {
                counts.insert(topic, 1);
                Ok(())
            }
            // The process stops, or NATS is away.
            Ok(Err(_)) | Err(_) => Err(Fault::unavailable()),
        }
    }

    /// Counts one less.
    pub(crate) async fn release(&self, topic: &Topic) {
        let mut counts = self.shard(topic).lock().await;
        let Some(count) = counts.get_mut(topic) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            counts.remove(topic);
            self.intake.unsubscribe(topic).await;
        }
    }

    /// How many topics are subscribed to.
    pub(crate) fn topic_count(&self) -> usize {
        self.intake.topic_count()
    }

    fn shard(&self, topic: &Topic) -> &Mutex<HashMap<Topic, u32>> {
        &self.shards[self.hasher.hash_one(topic) as usize % SHARD_COUNT]
    }
}
