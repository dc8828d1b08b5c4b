use std::sync::Arc;

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use messaging_lifecycle::Tasks;
use messaging_telemetry::{TRACEPARENT, TraceParent, trace_span};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use crate::departure::{Departure, FILLER, go_on};
use crate::{Bus, Route, SubscribeError};

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

/// Takes commands until the tasks are asked to stop: those of the group's queue, and those that are sent to this replica alone. What
/// is in work is finished.
///
/// # Errors
/// [`SubscribeError`] when the client refuses a subscription.
pub async fn serve_commands<H: CommandHandler>(
    bus: &Bus,
    replica: &Route,
    handler: Arc<H>,
    tasks: &Tasks,
) -> Result<(), SubscribeError> {
    let (subjects, client) = (&bus.subjects, &bus.client);
    let commands = |subject: &str, filler, incoming: Result<_, _>| {
        let prefix_length = subject.len() - 1;
        let incoming = incoming.map_err(SubscribeError::Refused)?;
        Ok(Commands {
            incoming,
            prefix_length,
            filler,
        })
    };
    let subject = subjects.all_commands();
    let shared = client.queue_subscribe(subject.clone(), QUEUE_GROUP.to_owned());
    let shared = commands(&subject, subjects.command(FILLER), shared.await)?;
    let subject = subjects.all_commands_at(replica);
    let own = client.subscribe(subject.clone()).await;
    let own = commands(&subject, subjects.command_at(replica, FILLER), own)?;
    let room = Arc::new(Semaphore::new(COMMANDS_IN_FLIGHT_MAX));
    for commands in [shared, own] {
        let (room, handler) = (Arc::clone(&room), Arc::clone(&handler));
        let serving = commands.serve(bus.clone(), handler, room, tasks.clone());
        tasks.spawn("commands", serving);
    }
    Ok(())
}

/// The commands of one subscription.
struct Commands {
    incoming: Subscriber,
    /// How much of a subject comes before the command's name.
    prefix_length: usize,
    filler: String,
}

impl Commands {
    async fn serve<H: CommandHandler>(
        mut self,
        bus: Bus,
        handler: Arc<H>,
        room: Arc<Semaphore>,
        workers: Tasks,
    ) {
        let prefix_length = self.prefix_length;
        let mut taken = 0;
        let mut departure = None;
        loop {
            let next = tokio::select! {
                next = self.incoming.next() => next,
                () = workers.stopping().cancelled(), if departure.is_none() => {
                    let filler = self.filler.clone();
                    match Departure::begin(&bus, &mut self.incoming, taken, filler).await {
                        Ok(begun) => departure = Some(begun),
                        Err(error) => {
                            tracing::debug!(%error, "the commands' subscription was gone already");
                            return;
                        }
                    }
                    continue;
                }
                is_due = go_on(&mut departure, &bus, taken) => {
                    if is_due { continue } else { return }
                }
            };
            let Some(command) = next else { return };
            taken += 1;
            let Some(reply) = command.reply else { continue };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                answer(&bus, reply, handler.overloaded()).await;
                continue;
            };
            let (bus, handler) = (bus.clone(), Arc::clone(&handler));
            let name = command.subject.get(prefix_length..).unwrap_or_default();
            let span = span(name, command.headers.as_ref());
            let work = async move {
                let name = command.subject.get(prefix_length..).unwrap_or_default();
                answer(&bus, reply, handler.handle(name, &command.payload).await).await;
                drop(permit);
            };
            workers.spawn("command", work.instrument(span));
        }
    }
}

/// The span of a command whose sender's trace goes on; none if it has no trace.
fn span(name: &str, headers: Option<&HeaderMap>) -> Span {
    let header = headers.and_then(|headers| headers.get(TRACEPARENT));
    let parent = header.and_then(|header| TraceParent::received(header.as_str()));
    parent.map_or_else(Span::none, |parent| {
        parent.leads_to(trace_span!("command", otel.kind = "server", name))
    })
}

async fn answer(bus: &Bus, reply: async_nats::Subject, payload: Bytes) {
    if let Err(error) = bus.client.publish(reply, payload).await {
        tracing::warn!(%error, "a command's answer was not sent");
    }
}
