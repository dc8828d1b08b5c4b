use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use messaging_lifecycle::Tasks;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::{Bus, SubscribeError};

/// The queue group in which API replicas share the commands.
const QUEUE_GROUP: &str = "api";

/// Commands that one replica works on at a time; at the limit it answers without starting.
const COMMANDS_IN_FLIGHT_MAX: usize = 4_096;

/// How long NATS may take to hand over what it gave to this replica before it was told to stop; without a connection it cannot.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What answers commands.
pub trait CommandHandler: Send + Sync + 'static {
    /// Does a command and returns the answer.
    fn handle(&self, name: &str, payload: &[u8]) -> impl Future<Output = Bytes> + Send;

    /// The answer of a replica that has too much to do.
    fn overloaded(&self) -> Bytes;
}

/// Takes commands, each one from the group's queue, until the tasks are asked to stop; those in work are finished.
///
/// # Errors
/// [`SubscribeError`] when the client refuses the subscription.
pub async fn serve_commands<H: CommandHandler>(
    bus: &Bus,
    handler: Arc<H>,
    tasks: &Tasks,
) -> Result<(), SubscribeError> {
    let subject = bus.subjects.all_commands();
    let prefix_length = subject.len() - 1;
    let mut commands = bus
        .client
        .queue_subscribe(subject, QUEUE_GROUP.to_owned())
        .await
        .map_err(SubscribeError::Refused)?;
    let (bus, workers) = (bus.clone(), tasks.clone());
    tasks.spawn("commands", async move {
        let room = Arc::new(Semaphore::new(COMMANDS_IN_FLIGHT_MAX));
        let mut is_draining = false;
        let mut drained_by = Instant::now();
        loop {
            let next = tokio::select! {
                next = commands.next() => next,
                () = workers.stopping().cancelled(), if !is_draining => {
                    is_draining = true;
                    drained_by = Instant::now() + DRAIN_TIMEOUT;
                    // The rest of the group serves what comes from now on; what was given to this replica is done.
                    if let Err(error) = commands.drain().await {
                        tracing::debug!(%error, "the commands' subscription was gone already");
                        break;
                    }
                    continue;
                }
                () = tokio::time::sleep_until(drained_by), if is_draining => break,
            };
            let Some(command) = next else { break };
            let Some(reply) = command.reply else { continue };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                answer(&bus, reply, handler.overloaded()).await;
                continue;
            };
            let (bus, handler) = (bus.clone(), Arc::clone(&handler));
            workers.spawn("command", async move {
                let name = command.subject.get(prefix_length..).unwrap_or_default();
                answer(&bus, reply, handler.handle(name, &command.payload).await).await;
                drop(permit);
            });
        }
    });
    Ok(())
}

async fn answer(bus: &Bus, reply: async_nats::Subject, payload: Bytes) {
    if let Err(error) = bus.client.publish(reply, payload).await {
        tracing::warn!(%error, "a command's answer was not sent");
    }
}
