//! What a gateway hears.
//!
//! Its subscriptions have connections of their own, which speak the protocol of NATS themselves: `async-nats` keeps a channel of
//! 5 KiB for each subscription, which for two of them would be most of what an idle client takes, and drops what does not fit into it.
//! Here a subscription is an entry in a table, and whoever is slow is slowed down, until the server cuts him off.

mod connect;
mod link;
pub mod protocol;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use messaging_lifecycle::Tasks;
use messaging_telemetry::TraceParent;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Bus, SubscribeError, Topic};
use link::{Command, Link};

/// Subscriptions that may wait to be taken in by a connection.
const COMMANDS_WAITING_MAX: usize = 4_096;

/// Where received events go. It is called in the order of arrival for each topic, and must not block.
pub trait EventSink: Send + Sync + 'static {
    /// Takes one event, and its publisher's trace if there is one.
    fn event(&self, topic: &Topic, payload: &[u8], trace: Option<&TraceParent>);
}

/// The subscriptions of a gateway: one for each topic that its own clients care about, spread over a few connections.
pub struct Intake {
    bus: Bus,
    links: Vec<Handle>,
    hasher: RandomState,
    topic_count: AtomicUsize,
    interruptions: watch::Receiver<u64>,
}

/// A connection, and the server that it leads to while it is one.
struct Handle {
    commands: mpsc::Sender<Command>,
    server: watch::Receiver<Option<Arc<str>>>,
}

impl Intake {
    /// Starts so many connections, which run until the tasks are asked to stop. NATS may be down.
    ///
    /// Each of them takes in its topics in one task, so there is a point in as many as there are cores.
    pub fn start<S: EventSink>(bus: &Bus, sink: &Arc<S>, link_count: usize, tasks: &Tasks) -> Self {
        let (interrupted, interruptions) = watch::channel(0);
        let interrupted = Arc::new(interrupted);
        let links = (0..link_count.max(1)).map(|_| {
            let (commands, waiting) = mpsc::channel(COMMANDS_WAITING_MAX);
            let (connected, server) = watch::channel(None);
            let link = Link::new(bus, sink, waiting, connected, &interrupted);
            tasks.spawn_until_stopped("intake", link.run());
            Handle { commands, server }
        });
        Self {
            bus: bus.clone(),
            links: links.collect(),
            hasher: RandomState::new(),
            topic_count: AtomicUsize::new(0),
            interruptions,
        }
    }

    /// Subscribes to a topic. Whoever answers a request that is sent after this returns publishes what we hear.
    ///
    /// The caller counts its interest: a second subscription is none. Dropped before it returns, it takes itself back.
    ///
    /// # Errors
    /// [`SubscribeError`]. While NATS is away it waits.
    pub async fn subscribe(&self, topic: &Topic) -> Result<(), SubscribeError> {
        let link = self.link(topic);
        let (taken_in, confirmed) = oneshot::channel();
        let subscribe = Command::Subscribe(topic.clone(), taken_in);
        let sent = link.commands.send(subscribe).await;
        sent.map_err(|_| SubscribeError::Stopped)?;
        self.topic_count.fetch_add(1, Ordering::Relaxed);
        let undo = Undo(self, Some(topic));
        confirmed.await.map_err(|_| SubscribeError::Stopped)?;
        // Servers of a cluster tell each other of subscriptions on the way that requests take: one that leaves by another
        // server may be there sooner.
        let mut server = link.server.clone();
        while server.borrow_and_update().as_deref() != Some(&self.bus.server_id()) {
            server
                .changed()
                .await
                .map_err(|_| SubscribeError::Stopped)?;
        }
        undo.forget();
        Ok(())
    }

    /// Ends the subscription to a topic.
    pub async fn unsubscribe(&self, topic: &Topic) {
        self.topic_count.fetch_sub(1, Ordering::Relaxed);
        let unsubscribe = Command::Unsubscribe(topic.clone());
        // Nothing is heard any more once it has stopped.
        let _stopped = self.link(topic).commands.send(unsubscribe).await;
    }

    /// How many topics are subscribed to.
    pub fn topic_count(&self) -> usize {
        self.topic_count.load(Ordering::Relaxed)
    }

    /// Counts the times that a connection was made, before which events may have been missed.
    pub fn interruptions(&self) -> watch::Receiver<u64> {
        self.interruptions.clone()
    }

    /// Tells whether all topics are heard at that moment.
    pub fn hears_all(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let servers: Vec<_> = self.links.iter().map(|link| link.server.clone()).collect();
        move || servers.iter().all(|server| server.borrow().is_some())
    }

    fn link(&self, topic: &Topic) -> &Handle {
        &self.links[self.hasher.hash_one(topic) as usize % self.links.len()]
    }
}

/// Ends a subscription that nobody waits for any more.
struct Undo<'a>(&'a Intake, Option<&'a Topic>);

impl Undo<'_> {
    fn forget(mut self) {
        self.1 = None;
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let Self(intake, Some(topic)) = self else {
            return;
        };
        intake.topic_count.fetch_sub(1, Ordering::Relaxed);
        let unsubscribe = Command::Unsubscribe((*topic).clone());
        if intake.link(topic).commands.try_send(unsubscribe).is_err() {
            tracing::warn!(
                "too much waits to end a subscription; until the connection is made anew, what comes by it is dropped"
            );
        }
    }
}
