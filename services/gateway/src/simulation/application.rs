//! The application of a simulated gateway: what the gateway itself does with rooms and records, with a log at hand.

use std::sync::Arc;
use std::time::Duration;

use messaging_domain::{ConversationId, Timestamp, TokenMark, UserId};
use messaging_lifecycle::Tasks;
use messaging_wire::Fault;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::sleep;

use super::world::{CONVERSATIONS, World};
use crate::application::{Application, ClientEvent, OpenRequest};
use crate::client::Client;
use crate::connection::{Class, CloseReason, Connection, EventFrame};
use crate::hub::{JoinStep, Joining, Rooms};
use crate::recovery::{Given, Recovery, Wanted};

/// How long a message that is missing may still come by itself.
const PATIENCE: Duration = Duration::from_millis(30);

/// One gateway's application.
pub(super) struct App {
    gateway: usize,
    world: Arc<World>,
    tasks: Tasks,
    rooms: Rooms,
    pub(super) recovery: Recovery,
    guests: Mutex<Vec<Arc<Guest>>>,
}

/// A connection that was let in.
pub(super) struct Guest {
    client: Arc<Client>,
    attempt: u64,
}

/// What a client says when it connects.
#[derive(Deserialize)]
struct Auth {
    attempt: u64,
    pid: Option<String>,
    offset: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Described {
    attempt: u64,
    conversations: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct HandedOver {
    /// Each conversation, where the connection stands in it, and after which `seq` it has all.
    places: Vec<(usize, u64, u64)>,
    record: Option<Given>,
}

impl App {
    pub(super) fn new(
        gateway: usize,
        world: &Arc<World>,
        recovery: Recovery,
        tasks: &Tasks,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            world: Arc::clone(world),
            tasks: tasks.clone(),
            rooms: Rooms::new(),
            recovery,
            guests: Mutex::default(),
        })
    }

    pub(super) const fn gateway(&self) -> usize {
        self.gateway
    }

    /// What is left of connections, but for what a client is still remembered by.
    pub(super) fn leftovers(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("guests", self.guests.lock().len()),
            ("rooms", self.rooms.conversations().len()),
            ("recoverable clients", self.recovery.client_count()),
        ]
    }

    /// Takes a message of the log.
    pub(super) fn message(self: &Arc<Self>, conversation: usize, seq: u64) {
        let id = CONVERSATIONS[conversation];
        if self.rooms.message(id, seq, message(conversation, seq)) {
            self.refill(conversation);
        }
    }

    pub(super) fn note(&self, note: u64) {
        for guest in &*self.guests.lock() {
            let event = EventFrame::new("note", note.to_string());
            guest.client.connection.send(&event, Class::Durable);
        }
    }

    fn refill(self: &Arc<Self>, conversation: usize) {
        let (app, id) = (Arc::clone(self), CONVERSATIONS[conversation]);
        self.tasks.spawn("refill", async move {
            loop {
                sleep(PATIENCE).await;
                if let Some(after) = app.rooms.position(id) {
                    for seq in after + 1..=app.world.head(conversation) {
                        app.rooms.message(id, seq, message(conversation, seq));
                    }
                }
                if !app.rooms.end_refill(id) {
                    return;
                }
            }
        });
    }

    fn guest(
        &self,
        connection: &Arc<Connection>,
        attempt: u64,
        stored: Option<crate::recovery::Stored>,
    ) -> Arc<Guest> {
        let token = (Timestamp::from_millis(i64::MAX), TokenMark::default());
        let client = Client::new(connection, user(), token, None, stored);
        let guest = Arc::new(Guest { client, attempt });
        self.guests.lock().push(Arc::clone(&guest));
        guest
    }

    fn forget(&self, guest: &Arc<Guest>) {
        let mut guests = self.guests.lock();
        guests.retain(|other| !Arc::ptr_eq(other, guest));
        guest.client.set_gone();
    }

    fn begin_join(&self, client: &Client, conversation: usize, joining: Joining) {
        let id = CONVERSATIONS[conversation];
        self.rooms
            .begin_join(id, &client.connection, &client.user, joining);
        client.note_joined(id, u64::MAX);
    }

    fn leave_room(&self, client: &Client, conversation: usize) -> Option<u64> {
        let id = CONVERSATIONS[conversation];
        client
            .forget_joined(id)
            .then(|| self.rooms.leave(id, &client.connection))
            .flatten()
    }

    /// Lets a client into a conversation, and says after which `seq` it gets everything, unless it cannot be noted.
    async fn join(self: &Arc<Self>, client: &Client, conversation: usize) -> Option<u64> {
        let id = CONVERSATIONS[conversation];
        if let Some(since) = client.joined_since(id) {
            return Some(since);
        }
        self.begin_join(client, conversation, Joining::New);
        sleep(self.world.network.delay().min(PATIENCE)).await;
        let head = self.world.head(conversation);
        if let Some(recoverable) = client.connection.recoverable() {
            recoverable.trail.lock().enter(id, head);
        }
        if self.recovery.store(client).await.is_ok() {
            client.note_joined(id, head);
            return Some(head);
        }
        if let Some(recoverable) = client.connection.recoverable() {
            recoverable.trail.lock().leave(id);
        }
        let _stale = self.recovery.store(client).await;
        self.leave_room(client, conversation);
        None
    }

    /// Lets live messages through to a client that has everything up to `at`.
    fn go_live(self: &Arc<Self>, client: &Client, conversation: usize, mut at: u64) {
        let (id, connection) = (CONVERSATIONS[conversation], &client.connection);
        while let JoinStep::Behind(up_to) = self.rooms.end_join(id, connection, at) {
            replay(client, conversation, at, up_to);
            at = up_to;
        }
        if self.rooms.note_head(id, at) {
            self.refill(conversation);
        }
    }

    async fn give_missed(self: &Arc<Self>, client: &Client, conversation: usize, at: u64) {
        sleep(self.world.network.delay().min(PATIENCE)).await;
        let head = self.world.head(conversation);
        self.world.tell(|| {
            format!(
                "gateway {} gives what follows {at} of {conversation} up to {head}",
                self.gateway
            )
        });
        replay(client, conversation, at, head);
        self.go_live(client, conversation, head.max(at));
    }
}

/// The trait's calls come with `&self`, and some of their work outlives them.
pub(super) struct SharedApp(pub(super) Arc<App>);

impl Application for SharedApp {
    type Session = Guest;

    async fn open(
        &self,
        connection: &Arc<Connection>,
        request: OpenRequest,
    ) -> Result<Arc<Guest>, Fault> {
        let app = &self.0;
        let auth = request.auth.ok_or_else(Fault::internal)?;
        let auth: Auth = serde_json::from_str(auth.get()).map_err(|_| Fault::internal())?;
        let claim = match &auth.pid {
            Some(session) => {
                let offset = auth.offset.as_deref();
                let wanted = Wanted { session, offset };
                app.recovery.claim(&user(), wanted).await
            }
            None => None,
        };
        let guest = if let Some(mut claim) = claim {
            let places = claim.positions.len();
            let number = auth.attempt;
            app.world
                .tell(|| format!("session {number} is recovered, with {places} places"));
            app.recovery.resume(connection, &mut claim);
            let guest = app.guest(connection, auth.attempt, Some(claim.stored));
            for (id, at) in claim.positions {
                guest.client.owe(id, at);
                app.begin_join(&guest.client, index(id), Joining::Again);
            }
            guest
        } else {
            let stored = app.recovery.begin(connection, &user()).await;
            app.guest(connection, auth.attempt, stored)
        };
        app.recovery.keep(&guest.client);
        app.world.owns(app.gateway, auth.attempt);
        Ok(guest)
    }

    async fn opened(&self, guest: &Arc<Guest>) {
        for (id, at) in guest.client.take_owed() {
            guest.client.note_joined(id, at);
            self.0.give_missed(&guest.client, index(id), at).await;
        }
    }

    async fn event(&self, guest: &Arc<Guest>, event: ClientEvent) {
        let (app, connection) = (&self.0, &guest.client.connection);
        let numbers = event.args.iter().take(2);
        let numbers: Vec<u64> = numbers
            .filter_map(|arg| serde_json::from_str(arg.get()).ok())
            .collect();
        let [number, what] = numbers[..] else {
            return app.world.fault("an event cannot be read".to_owned());
        };
        app.world.applies(app.gateway, guest.attempt, number);
        let pause = if app.world.chance(0.1) { 4_000 } else { 20 };
        sleep(app.world.millis(0..pause)).await;
        let Some(id) = event.ack else { return };
        if event.name != "join" {
            let is_whole = event.attachments.len() as u64 == what;
            return connection.acknowledge(&id, &is_whole.to_string());
        }
        let conversation = what as usize;
        let is_new = guest
            .client
            .joined_since(CONVERSATIONS[conversation])
            .is_none();
        let since = app.join(&guest.client, conversation).await;
        connection.acknowledge(&id, &since.map_or("null".to_owned(), |at| at.to_string()));
        if let Some(since) = since.filter(|_| is_new) {
            app.go_live(&guest.client, conversation, since);
        }
    }

    async fn closed(&self, guest: Arc<Guest>, reason: CloseReason) {
        let app = &self.0;
        app.world.tell(|| {
            let attempt = guest.attempt;
            format!("session {attempt} is closed at {}: {reason:?}", app.gateway)
        });
        app.recovery.release(&guest.client, reason);
        for id in guest.client.joined() {
            app.leave_room(&guest.client, index(id));
        }
        app.world.lets_go(app.gateway, guest.attempt);
        app.forget(&guest);
    }

    const MOVES: bool = true;

    async fn describe(&self, guest: &Arc<Guest>) -> Option<Box<RawValue>> {
        let described = Described {
            attempt: guest.attempt,
            conversations: joined(&guest.client).into_iter().map(index).collect(),
        };
        to_raw_value(&described).ok()
    }

    async fn hand_over(&self, guest: Arc<Guest>) -> Option<Box<RawValue>> {
        let (app, client) = (&self.0, &guest.client);
        app.world.lets_go(app.gateway, guest.attempt);
        let record = app.recovery.give(client).await;
        let mut places = Vec::new();
        let mut is_whole = true;
        for id in joined(client) {
            let since = client.joined_since(id).unwrap_or(0);
            match app.leave_room(client, index(id)) {
                Some(at) => places.push((index(id), at, since)),
                None => is_whole = false,
            }
        }
        app.forget(&guest);
        let handed = HandedOver { places, record };
        to_raw_value(&handed).ok().filter(|_| is_whole)
    }

    async fn prepare(
        &self,
        connection: &Arc<Connection>,
        described: &RawValue,
    ) -> Result<Arc<Guest>, Fault> {
        let app = &self.0;
        let described: Described =
            serde_json::from_str(described.get()).map_err(|_| Fault::internal())?;
        let guest = app.guest(connection, described.attempt, None);
        sleep(app.world.network.delay().min(PATIENCE)).await;
        for conversation in described.conversations {
            app.begin_join(&guest.client, conversation, Joining::Again);
        }
        Ok(guest)
    }

    async fn take_over(&self, guest: &Arc<Guest>, state: &RawValue) -> Result<(), Fault> {
        let (app, client) = (&self.0, &guest.client);
        let handed: HandedOver =
            serde_json::from_str(state.get()).map_err(|_| Fault::internal())?;
        if let Some(given) = handed.record {
            let taken = app.recovery.take(client, given).await;
            taken.map_err(|_| Fault::unavailable())?;
        }
        app.world.owns(app.gateway, guest.attempt);
        app.world.count(|counts| counts.moved += 1);
        for (conversation, at, since) in handed.places {
            let id = CONVERSATIONS[conversation];
            if client.joined_since(id).is_none() {
                app.begin_join(client, conversation, Joining::Again);
            }
            client.note_joined(id, since);
            app.give_missed(client, conversation, at).await;
        }
        Ok(())
    }
}

fn message(conversation: usize, seq: u64) -> Arc<EventFrame> {
    Arc::new(EventFrame::new(
        "new_message",
        format!("[{conversation},{seq}]"),
    ))
}

fn replay(client: &Client, conversation: usize, after: u64, up_to: u64) {
    for seq in after + 1..=up_to {
        let id = CONVERSATIONS[conversation];
        let connection = &client.connection;
        connection.send_message(&message(conversation, seq), id, seq);
    }
}

/// In an order that is the same each time.
fn joined(client: &Client) -> Vec<ConversationId> {
    let mut joined = client.joined();
    joined.sort_unstable_by_key(|id| index(*id));
    joined
}

fn index(id: ConversationId) -> usize {
    let mut known = CONVERSATIONS.iter();
    known
        .position(|known| *known == id)
        .expect("there are no others")
}

fn user() -> UserId {
    "u-1".parse().expect("valid")
}
