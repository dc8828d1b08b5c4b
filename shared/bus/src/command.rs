use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use messaging_lifecycle::Tasks;
use tokio::sync::Semaphore;

use crate::departure::{Departure, go_on};
use crate::{Bus, SubscribeError};

/// The queue group in which API replicas share the commands.
const QUEUE_GROUP: &str = "api";

/// Commands that one replica works on at a time; at the limit it answers without starting.
const COMMANDS_IN_FLIGHT_MAX: usize = 4_096;

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
        let mut taken = 0;
        let mut departure = None;
        loop {
            let next = tokio::select! {
                next = commands.next() => next,
                () = workers.stopping().cancelled(), if departure.is_none() => {
                    match Departure::begin(&bus, &mut commands, taken).await {
                        Ok(begun) => departure = Some(begun),
                        Err(error) => {
                            tracing::debug!(%error, "the commands' subscription was gone already");
                            break;
                        }
                    }
                    continue;
                }
                is_due = go_on(&mut departure, &bus, taken) => {
                    if is_due { continue } else { break }
                }
            };
            let Some(command) = next else { break };
            taken += 1;
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
