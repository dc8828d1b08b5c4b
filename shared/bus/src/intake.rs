use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::stream::{AbortHandle, Abortable, SelectAll};
use futures_util::{Stream, StreamExt};
use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::{Bus, Topic};

/// Subscriptions that may wait to be taken in by a worker.
const SUBSCRIPTIONS_WAITING_MAX: usize = 4_096;

/// Where received events go. It is called in the order of arrival for each topic, and must not block.
pub trait EventSink: Send + Sync + 'static {
    /// Takes one event.
    fn event(&self, topic: &Topic, payload: &Bytes);
}

/// A subscription that was refused.
#[derive(Debug, Error)]
pub enum SubscribeError {
    /// By the NATS client.
    #[error("NATS refuses the subscription")]
    Refused(#[source] async_nats::SubscribeError),
    /// The process is stopping.
    #[error("the intake has stopped")]
    Stopped,
}

/// The subscriptions of a gateway: one for each topic that its own clients care about, all read by a few workers.
pub struct Intake {
    bus: Bus,
    workers: Vec<mpsc::Sender<TopicStream>>,
    hasher: RandomState,
    aborts: Mutex<HashMap<Topic, AbortHandle>>,
}

type TopicStream = std::pin::Pin<Box<Abortable<TaggedSubscriber>>>;

/// A subscription that says which topic it is of.
struct TaggedSubscriber {
    topic: Arc<Topic>,
    subscriber: Subscriber,
}

impl Stream for TaggedSubscriber {
    type Item = (Arc<Topic>, Bytes);

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.subscriber
            .poll_next_unpin(context)
            .map(|message| message.map(|message| (Arc::clone(&self.topic), message.payload)))
    }
}

impl Intake {
    /// Starts the workers, which run until the tasks are asked to stop.
    pub fn start<S: EventSink>(
        bus: &Bus,
        sink: &Arc<S>,
        worker_count: usize,
        tasks: &Tasks,
    ) -> Self {
        let workers = (0..worker_count.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(SUBSCRIPTIONS_WAITING_MAX);
                tasks.spawn(
                    "intake",
                    run_worker(receiver, Arc::clone(sink), tasks.clone()),
                );
                sender
            })
            .collect();
        Self {
            bus: bus.clone(),
            workers,
            hasher: RandomState::new(),
            aborts: Mutex::default(),
        }
    }

    /// Subscribes to a topic. A request sent after this returns reaches NATS after the subscription did.
    ///
    /// The caller counts its interest: subscribing twice replaces the first subscription.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub async fn subscribe(&self, topic: &Topic) -> Result<(), SubscribeError> {
        let subscriber = self
            .bus
            .client
            .subscribe(self.bus.subjects.topic(topic))
            .await
            .map_err(SubscribeError::Refused)?;
        let (abort, registration) = AbortHandle::new_pair();
        let stream = Abortable::new(
            TaggedSubscriber {
                topic: Arc::new(topic.clone()),
                subscriber,
            },
            registration,
        );
        let worker = &self.workers[self.hasher.hash_one(topic) as usize % self.workers.len()];
        worker
            .send(Box::pin(stream))
            .await
            .map_err(|_| SubscribeError::Stopped)?;
        if let Some(previous) = self.aborts.lock().insert(topic.clone(), abort) {
            previous.abort();
        }
        Ok(())
    }

    /// Ends the subscription to a topic.
    pub fn unsubscribe(&self, topic: &Topic) {
        if let Some(abort) = self.aborts.lock().remove(topic) {
            abort.abort();
        }
    }

    /// How many topics are subscribed to.
    pub fn topic_count(&self) -> usize {
        self.aborts.lock().len()
    }
}

async fn run_worker<S: EventSink>(
    mut arriving: mpsc::Receiver<TopicStream>,
    sink: Arc<S>,
    tasks: Tasks,
) {
    let mut streams: SelectAll<TopicStream> = SelectAll::new();
    loop {
        tokio::select! {
            biased;
            () = tasks.stopping().cancelled() => return,
            stream = arriving.recv() => match stream {
                Some(stream) => streams.push(stream),
                None => return,
            },
            Some((topic, payload)) = streams.next(), if !streams.is_empty() => sink.event(&topic, &payload),
        }
    }
}
