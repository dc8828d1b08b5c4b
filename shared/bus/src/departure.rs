use std::time::Duration;

use async_nats::{Subscriber, UnsubscribeError};
use bytes::Bytes;
use tokio::time::Instant;

use crate::Bus;

/// How long the departure may take; without a connection it cannot be completed.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Commands that may be on their way when the departure begins. What comes beyond that is lost, and times out at its sender.
const ON_THEIR_WAY_MAX: u64 = 1_000;

/// How often fillers are sent, and the fewest at a time.
const FILL_INTERVAL: Duration = Duration::from_millis(10);
const FILLERS_MIN: u64 = 64;

/// A command that nobody answers.
pub(crate) const FILLER: &str = "leaving";

/// The departure of a replica from a subscription, such that each command that NATS gave to it is taken.
///
/// The client's own `drain` forgets a subscription before NATS has heard of it, and with it the commands that come in between.
/// So NATS is told to end the subscription after a number of commands that both sides count, which is more than can be on their
/// way; the rest of that number is made up of fillers that ask for no answer. NATS shares them among the members of a
/// group like any command, so they are sent until enough of them have come back here.
pub(crate) struct Departure {
    ends_after: Option<u64>,
    /// Where a filler comes back here from.
    filler: String,
    fill_at: Instant,
    deadline: Instant,
}

impl Departure {
    /// Begins it, with so many commands taken since the subscription was made; the filler is a subject of it.
    ///
    /// # Errors
    /// When the client has ended.
    pub(crate) async fn begin(
        bus: &Bus,
        commands: &mut Subscriber,
        taken: u64,
        filler: String,
    ) -> Result<Self, UnsubscribeError> {
        // Another connection has counted from nought, and what overran was counted by NATS alone.
        let is_counted = *bus.connections().borrow() <= 1;
        let ends_after = is_counted.then_some(taken + ON_THEIR_WAY_MAX);
        match ends_after {
            Some(count) => commands.unsubscribe_after(count).await?,
            None => commands.drain().await?,
        }
        let now = Instant::now();
        Ok(Self {
            ends_after,
            filler,
            fill_at: now,
            deadline: now + TIMEOUT,
        })
    }

    /// Sends fillers for what is missing when it is time for that; false once the time is up.
    ///
    /// Cancel-safe.
    async fn wait(&mut self, bus: &Bus, taken: u64) -> bool {
        let Some(ends_after) = self.ends_after else {
            tokio::time::sleep_until(self.deadline).await;
            return false;
        };
        tokio::time::sleep_until(self.fill_at).await;
        if self.fill_at >= self.deadline {
            return false;
        }
        self.fill_at = Instant::now() + FILL_INTERVAL;
        for _ in 0..ends_after.saturating_sub(taken).max(FILLERS_MIN) {
            let filler = bus.client.publish(self.filler.clone(), Bytes::new());
            if let Err(error) = filler.await {
                tracing::debug!(%error, "the departure is cut short");
                return false;
            }
        }
        true
    }
}

/// Goes on with a departure, if there is one; false once its time is up.
///
/// Cancel-safe.
pub(crate) async fn go_on(departure: &mut Option<Departure>, bus: &Bus, taken: u64) -> bool {
    match departure {
        Some(departure) => departure.wait(bus, taken).await,
        None => std::future::pending().await,
    }
}
