use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use messaging_telemetry::{TRACEPARENT, TraceParent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::EventSink;
use super::connect::{Connected, LinkError, READ_BYTES, connect, refused};
use super::protocol::{PING, PONG, Parser, ServerOp, append_sub, append_unsub, header};
use crate::bus::{PING_INTERVAL, reconnect_delay};
use crate::{Bus, Topic};

/// As much may wait to be written before no more subscriptions are taken.
const OUT_BYTES_MAX: usize = 256 * 1024;

/// Subscriptions that are confirmed by one answer of the server, at most.
const COMMANDS_AT_A_TIME: usize = 256;

/// Intervals in which nothing at all comes before the server counts as gone. It answers a PING in each.
const SILENT_INTERVALS_MAX: u32 = 2;

/// What a connection is asked for.
pub(super) enum Command {
    /// To be confirmed once the server has taken it in.
    Subscribe(Topic, oneshot::Sender<()>),
    Unsubscribe(Topic),
}

/// A connection that is made anew whenever it breaks, with all its subscriptions.
pub(super) struct Link<S> {
    bus: Bus,
    sink: Arc<S>,
    commands: mpsc::Receiver<Command>,
    server: watch::Sender<Option<Arc<str>>>,
    interruptions: Arc<watch::Sender<u64>>,
    topics: HashMap<Topic, u64>,
    last_sid: u64,
    /// Whom to tell once the server has taken in what was said so far.
    unconfirmed: Vec<oneshot::Sender<()>>,
}

/// What is on its way on one connection.
struct Traffic {
    came: BytesMut,
    parser: Parser,
    out: BytesMut,
    /// Whom each PONG is for: in the order of our PINGs.
    pongs: VecDeque<Vec<oneshot::Sender<()>>>,
    has_heard: bool,
    silent_intervals: u32,
}

impl<S: EventSink> Link<S> {
    pub(super) fn new(
        bus: &Bus,
        sink: &Arc<S>,
        commands: mpsc::Receiver<Command>,
        server: watch::Sender<Option<Arc<str>>>,
        interruptions: &Arc<watch::Sender<u64>>,
    ) -> Self {
        Self {
            bus: bus.clone(),
            sink: Arc::clone(sink),
            commands,
            server,
            interruptions: Arc::clone(interruptions),
            topics: HashMap::new(),
            last_sid: 0,
            unconfirmed: Vec::new(),
        }
    }

    /// Runs until nobody can ask it for anything any more.
    pub(super) async fn run(mut self) {
        let mut attempt = 0;
        loop {
            let bus = self.bus.clone();
            let mut connecting = pin!(async move {
                tokio::time::sleep(reconnect_delay(attempt)).await;
                connect(&bus).await
            });
            let connected = loop {
                tokio::select! {
                    connected = &mut connecting => break connected,
                    command = self.commands.recv() => match command {
                        Some(command) => self.note(command, &mut BytesMut::new()),
                        None => return,
                    },
                }
            };
            let error = match connected {
                Ok(connected) => {
                    attempt = 0;
                    self.note_event("intake_connected");
                    let ended = self.serve(connected).await;
                    self.server.send_replace(None);
                    self.note_event("intake_disconnected");
                    let Err(error) = ended else { return };
                    tracing::warn!(%error, "events are not heard; connecting again");
                    error
                }
                Err(error) => {
                    attempt += 1;
                    self.unconfirmed.retain(|waiting| !waiting.is_closed());
                    error
                }
            };
            if let LinkError::Refused(_) | LinkError::NotFound = error {
                tracing::warn!(%error, attempt, "events are not heard yet");
            } else {
                tracing::debug!(%error, attempt, "events are not heard yet");
            }
        }
    }

    fn note_event(&self, event: &str) {
        let events = &self.bus.metrics.connection_events;
        events.with_label_values(&[event]).inc();
    }

    /// Serves one connection until it breaks, or nobody can ask for anything any more.
    async fn serve(&mut self, connected: Connected) -> Result<(), LinkError> {
        let mut traffic = Traffic::of(connected.came, connected.payload_bytes_max);
        let ended = self
            .exchange(connected.stream, &connected.server, &mut traffic)
            .await;
        // They are told by the next connection, which begins with all topics.
        self.unconfirmed.extend(traffic.pongs.into_iter().flatten());
        self.unconfirmed.retain(|waiting| !waiting.is_closed());
        ended
    }

    async fn exchange(
        &mut self,
        stream: Box<dyn super::connect::Stream>,
        server: &Arc<str>,
        traffic: &mut Traffic,
    ) -> Result<(), LinkError> {
        let (mut read, mut write) = tokio::io::split(stream);
        for (topic, sid) in &self.topics {
            append_sub(&mut traffic.out, &self.bus.subjects.topic(topic), *sid);
        }
        traffic.ping(std::mem::take(&mut self.unconfirmed));
        let mut ticks = tokio::time::interval(PING_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let mut requests = self.bus.connections();
        loop {
            tokio::select! {
                read = read.read_buf(&mut traffic.came) => {
                    if read? == 0 {
                        return Err(LinkError::HungUp);
                    }
                    self.take(traffic, server)?;
                }
                written = write.write_buf(&mut traffic.out), if !traffic.out.is_empty() => {
                    if written? == 0 {
                        return Err(LinkError::HungUp);
                    }
                    if traffic.out.is_empty() {
                        write.flush().await?;
                    }
                }
                command = self.commands.recv(), if traffic.out.len() < OUT_BYTES_MAX => {
                    let Some(command) = command else { return Ok(()) };
                    self.note(command, &mut traffic.out);
                    for _ in 1..COMMANDS_AT_A_TIME {
                        let Ok(command) = self.commands.try_recv() else { break };
                        self.note(command, &mut traffic.out);
                    }
                    if !self.unconfirmed.is_empty() {
                        traffic.ping(std::mem::take(&mut self.unconfirmed));
                    }
                }
                _ = ticks.tick() => {
                    self.check_server(server)?;
                    traffic.beat()?;
                }
                Ok(()) = requests.changed() => self.check_server(server)?,
            }
        }
    }

    /// Takes all that came whole.
    fn take(&mut self, traffic: &mut Traffic, server: &Arc<str>) -> Result<(), LinkError> {
        traffic.has_heard = true;
        while let Some((op, taken)) = traffic.parser.parse(&traffic.came)? {
            match op {
                ServerOp::Message {
                    subject,
                    headers,
                    payload,
                } => {
                    let topic = std::str::from_utf8(subject).ok();
                    match topic.and_then(|subject| self.bus.subjects.topic_of(subject)) {
                        Some(topic) => {
                            let parent = header(headers, TRACEPARENT);
                            let parent = parent.and_then(TraceParent::received);
                            self.sink.event(&topic, payload, parent.as_ref());
                        }
                        None => tracing::warn!("a message on a subject that is no topic's"),
                    }
                }
                ServerOp::Ping => traffic.out.extend_from_slice(PONG),
                ServerOp::Pong => {
                    let told = traffic.pongs.pop_front().unwrap_or_default();
                    if self.server.borrow().is_none() {
                        // The first one: all topics are heard.
                        self.server.send_replace(Some(Arc::clone(server)));
                        self.interruptions.send_modify(|count| *count += 1);
                    }
                    for waiting in told {
                        // Nobody listens if he has given up waiting.
                        let _gone = waiting.send(());
                    }
                }
                // It says so before it hangs up, or of one subscription that it does not allow.
                ServerOp::Error(error) => {
                    tracing::warn!(error = %refused(error), "NATS refuses something");
                }
                ServerOp::Info(_) | ServerOp::Ok => {}
            }
            traffic.came.advance(taken);
        }
        traffic.came.reserve(READ_BYTES);
        Ok(())
    }

    /// Notes what is wanted, and adds what to tell the server; whom to confirm it to is left to the caller.
    fn note(&mut self, command: Command, out: &mut BytesMut) {
        match command {
            Command::Subscribe(topic, waiting) => {
                if !self.topics.contains_key(&topic) {
                    self.last_sid += 1;
                    append_sub(out, &self.bus.subjects.topic(&topic), self.last_sid);
                    self.topics.insert(topic, self.last_sid);
                }
                self.unconfirmed.push(waiting);
            }
            Command::Unsubscribe(topic) => {
                if let Some(sid) = self.topics.remove(&topic) {
                    append_unsub(out, sid);
                }
            }
        }
    }

    /// Whether requests still go to the same server.
    fn check_server(&self, server: &str) -> Result<(), LinkError> {
        if self.bus.is_connected() && self.bus.server_id() != server {
            return Err(LinkError::Moved);
        }
        Ok(())
    }
}

impl Traffic {
    fn of(came: BytesMut, payload_bytes_max: usize) -> Self {
        Self {
            came,
            parser: Parser::new(payload_bytes_max),
            out: BytesMut::new(),
            pongs: VecDeque::new(),
            has_heard: true,
            silent_intervals: 0,
        }
    }

    fn ping(&mut self, told: Vec<oneshot::Sender<()>>) {
        self.out.extend_from_slice(PING);
        self.pongs.push_back(told);
    }

    /// Asks the server whether it is there, unless it has been silent for too long.
    fn beat(&mut self) -> Result<(), LinkError> {
        self.silent_intervals = if std::mem::take(&mut self.has_heard) {
            0
        } else {
            self.silent_intervals + 1
        };
        if self.silent_intervals >= SILENT_INTERVALS_MAX {
            return Err(LinkError::Silent);
        }
        self.ping(Vec::new());
        Ok(())
    }
}
