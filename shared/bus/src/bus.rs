use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Request, ServerAddr};
use bytes::Bytes;
use messaging_telemetry::{TRACEPARENT, TraceParent};
use prometheus::Registry;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::auth::Auth;
use crate::metrics::{Asked, Metrics, note_event};
use crate::{BusConfig, Route, Subjects, Topic};

/// How long one publish may wait for room in the client's own buffer before the event is dropped.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(200);

/// How often the server is asked whether it is there. After two questions without an answer the connection is taken for broken,
/// which is what a server that stands still, or a link that swallows everything, looks like.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How long one server may take to let us in.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the last events may take to leave when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Commands that the client buffers towards the server before a publish has to wait.
const CLIENT_CAPACITY: usize = 16_384;

/// A connection to NATS that keeps reconnecting. A clone is another handle on the same connection.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) subjects: Subjects,
    pub(crate) servers: Arc<[ServerAddr]>,
    pub(crate) auth: Arc<Auth>,
    connections: watch::Receiver<u64>,
    pub(crate) metrics: Arc<Metrics>,
}

/// A bus that cannot be set up, whatever NATS does.
#[derive(Debug, Error)]
pub enum BusConfigError {
    /// The credentials file cannot be read.
    #[error("the NATS credentials cannot be read")]
    Credentials(#[source] std::io::Error),
    /// The client refuses its options.
    #[error("the NATS client cannot be set up")]
    Connect(#[source] async_nats::ConnectError),
    /// Metrics of the same names are registered already.
    #[error("the metrics of the bus are registered already")]
    Metrics(#[source] prometheus::Error),
}

/// An event that was dropped. Whoever needed it will see the gap.
#[derive(Debug, Error)]
pub enum PublishError {
    /// There is no connection.
    #[error("NATS is not connected")]
    Disconnected,
    /// The client's buffer stayed full.
    #[error("NATS takes nothing in time")]
    Timeout,
    /// The client refused it.
    #[error("NATS refuses the event")]
    Refused(#[source] async_nats::PublishError),
}

/// A command without an answer.
#[derive(Debug, Error)]
pub enum RequestError {
    /// There is no connection, or nobody who serves it.
    #[error("nobody serves the command")]
    Unserved,
    /// No answer came in time: it may have been done or not.
    #[error("no answer came in time")]
    Timeout,
    /// The client refused it.
    #[error("NATS refuses the command")]
    Refused(#[source] async_nats::RequestError),
}

/// A subscription that was refused.
#[derive(Debug, Error)]
pub enum SubscribeError {
    /// By the NATS client.
    #[error("NATS refuses the subscription")]
    Refused(#[source] async_nats::SubscribeError),
    /// The process is stopping.
    #[error("nothing is subscribed to any more")]
    Stopped,
}

impl Bus {
    /// Starts to connect. NATS may be down: the client keeps trying for ever, and [`Bus::is_connected`] tells how it stands.
    ///
    /// # Errors
    /// [`BusConfigError`] for what no waiting will cure.
    pub async fn connect(
        config: &BusConfig,
        name: &str,
        registry: &Registry,
    ) -> Result<Self, BusConfigError> {
        let metrics = Metrics::register(registry).map_err(BusConfigError::Metrics)?;
        let metrics = Arc::new(metrics);
        let connection_count = Arc::new(AtomicU64::new(0));
        let (connected, connections) = watch::channel(0);
        let events = metrics.connection_events.clone();
        let options = ConnectOptions::new()
            .name(name)
            .retry_on_initial_connect()
            .client_capacity(CLIENT_CAPACITY)
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .max_reconnects(None)
            .reconnect_delay_callback(reconnect_delay)
            .event_callback(move |event| {
                note_event(&event, &events);
                if matches!(event, Event::Connected | Event::SlowConsumer(_)) {
                    connected.send_replace(connection_count.fetch_add(1, Ordering::Relaxed) + 1);
                }
                std::future::ready(())
            });
        let auth = Auth::read(&config.servers, config.credentials_file.as_deref());
        let auth = auth.map_err(BusConfigError::Credentials)?;
        let client = auth
            .apply(options)
            .map_err(BusConfigError::Credentials)?
            .connect(config.servers.clone())
            .await
            .map_err(BusConfigError::Connect)?;
        Ok(Self {
            client,
            subjects: Subjects::new(config.prefix.clone()),
            servers: config.servers.clone().into(),
            auth: Arc::new(auth),
            connections,
            metrics,
        })
    }

    /// Whether there is a connection at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The server that it is, or was last, connected to.
    pub(crate) fn server_id(&self) -> String {
        self.client.server_info().server_id
    }

    /// Counts each event after which published messages may have been missed: a connection made, a subscription overrun.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    /// Publishes an event of a topic, once, without waiting for anyone to receive it.
    ///
    /// # Errors
    /// [`PublishError`]; the event is counted and gone.
    pub async fn publish(&self, topic: &Topic, payload: Bytes) -> Result<(), PublishError> {
        let outcome = self.try_publish(topic, payload).await;
        self.metrics.published(&outcome);
        outcome
    }

    async fn try_publish(&self, topic: &Topic, payload: Bytes) -> Result<(), PublishError> {
        if !self.is_connected() {
            return Err(PublishError::Disconnected);
        }
        let subject = self.subjects.topic(topic);
        let publish = async {
            match trace_headers() {
                Some(headers) => {
                    self.client
                        .publish_with_headers(subject, headers, payload)
                        .await
                }
                None => self.client.publish(subject, payload).await,
            }
        };
        match tokio::time::timeout(PUBLISH_TIMEOUT, publish).await {
            Ok(outcome) => outcome.map_err(PublishError::Refused),
            Err(_) => Err(PublishError::Timeout),
        }
    }

    /// Sends a command to any one API replica and waits for its answer.
    ///
    /// # Errors
    /// [`RequestError`]. Without a connection it fails at once instead of waiting for one.
    pub async fn request(
        &self,
        command: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        self.ask(self.subjects.command(command), payload, timeout)
            .await
    }

    /// Sends a command to one API replica and waits for its answer.
    ///
    /// # Errors
    /// [`RequestError`]; `Unserved` at once if there is no such replica any more, and then nothing was done.
    pub async fn request_at(
        &self,
        replica: &Route,
        command: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        self.ask(self.subjects.command_at(replica, command), payload, timeout)
            .await
    }

    pub(crate) async fn ask(
        &self,
        subject: String,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        // Who lets go of it before its end has asked, too.
        let mut asked = Asked::new(&self.metrics);
        let answer = self.try_ask(subject, payload, timeout).await;
        asked.ended(&answer);
        answer
    }

    async fn try_ask(
        &self,
        subject: String,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        if !self.is_connected() {
            return Err(RequestError::Unserved);
        }
        let mut request = Request::new().payload(payload).timeout(Some(timeout));
        if let Some(headers) = trace_headers() {
            request = request.headers(headers);
        }
        let sent = self.client.send_request(subject, request);
        // The client's own time-out starts only once its buffer took the request.
        match tokio::time::timeout(timeout, sent).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            Ok(Err(error)) => Err(request_error(error)),
            Err(_) => Err(RequestError::Timeout),
        }
    }

    /// As [`request`](Self::request), for what may be done twice: asks again when the connection was made anew meanwhile, as the
    /// answer may have been on its way by the one that broke.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn query(
        &self,
        command: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        let deadline = Instant::now() + timeout;
        let mut connections = self.connections.clone();
        loop {
            connections.mark_unchanged();
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::select! {
                answer = self.request(command, payload.clone(), left) => return answer,
                Ok(()) = connections.changed() => {}
            }
        }
    }

    /// The largest payload that NATS takes, in bytes.
    pub fn payload_bytes_max(&self) -> usize {
        self.client.max_payload()
    }

    /// Sends what is buffered, if that can be done in a moment: without a connection it cannot.
    pub async fn flush(&self) {
        match tokio::time::timeout(FLUSH_TIMEOUT, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last events were not flushed to NATS"),
            Err(_) => tracing::warn!("the last events were not flushed to NATS in time"),
        }
    }
}

/// What lets the trace go on at whoever receives it, if there is one.
fn trace_headers() -> Option<HeaderMap> {
    let parent = TraceParent::current()?;
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, parent.as_str());
    Some(headers)
}

/// How long to wait before a server is tried.
pub(crate) fn reconnect_delay(attempt: usize) -> Duration {
    Duration::from_millis((attempt as u64).saturating_mul(50).clamp(10, 1_000))
}

pub(crate) fn request_error(error: async_nats::RequestError) -> RequestError {
    match error.kind() {
        async_nats::RequestErrorKind::TimedOut => RequestError::Timeout,
        async_nats::RequestErrorKind::NoResponders => RequestError::Unserved,
        _ => RequestError::Refused(error),
    }
}
