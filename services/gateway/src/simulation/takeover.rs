//! A seeded simulation of the records alone, without sessions around them: a client asks for its session at two gateways at once,
//! connections that it has forgotten write late, and writes are carried out or not without their writer knowing it.
//!
//! Whoever goes on with a session must find all that the client was told that it has joined.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use messaging_bus::Route;
use messaging_bus::presence::Instance;
use messaging_domain::{ConversationId, Timestamp, TokenMark, UserId};
use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use prometheus::Registry;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::network::{Network, Weather};
use super::{Paused, chosen_seed};
use crate::client::Client;
use crate::connection::{CloseReason, Connection, Dialect, Link, LinkLimits, SocketMetrics};
use crate::peers::Peers;
use crate::recovery::{Records, Recovery, Wanted};
use crate::session::random_id;

const SEEDS: u64 = 600;
const GATEWAYS: usize = 2;
const CONVERSATIONS: usize = 3;
const VISITS: usize = 10;
const WINDOW: Duration = Duration::from_secs(120);

/// How long a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(4);

/// Longer than any question, write and repetition of one takes.
const BOUND: Duration = Duration::from_secs(60);

/// What a client knows of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    Joined,
    Left,
    /// It has asked, and heard nothing.
    Unknown,
}

/// A connection that was let in.
struct Seat {
    gateway: usize,
    client: Arc<Client>,
    /// The events of a connection come one after the other.
    events: Arc<tokio::sync::Mutex<()>>,
    /// What it has joined already, if it goes on where another one was.
    places: Option<Vec<ConversationId>>,
}

struct World {
    rng: Mutex<StdRng>,
    gateways: Vec<(Recovery, Tasks)>,
    network: Arc<Network>,
    metrics: Arc<SocketMetrics>,
}

impl World {
    async fn new(seed: u64) -> Arc<Self> {
        let weather = Weather {
            loss: 0.08,
            lateness: 0.08,
            delay_ms_max: 200,
        };
        let network = Network::new(seed, weather);
        let mut gateways = Vec::new();
        for number in 0..GATEWAYS {
            let instance: Instance = format!("gateway-{number}").parse().expect("a name");
            let (route, tasks) = (Route::of(&instance), Tasks::new());
            let port = network.join(route);
            let peers = Peers::simulated(port.clone(), route);
            let (records, registry) = (Records::Simulated(port), Registry::new());
            let recovery = Recovery::start(&peers, records, &instance, WINDOW, &registry, &tasks)
                .expect("an empty registry");
            let (_never, revivals) = tokio::sync::watch::channel(0);
            let served = recovery.serve(revivals).await;
            served.expect("it is never refused");
            gateways.push((recovery, tasks));
        }
        let metrics = SocketMetrics::register(&Registry::new()).expect("an empty registry");
        Arc::new(Self {
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            gateways,
            network,
            metrics: Arc::new(metrics),
        })
    }

    fn chance(&self, probability: f64) -> bool {
        self.rng.lock().random_bool(probability)
    }

    fn number(&self, below: usize) -> usize {
        self.rng.lock().random_range(0..below)
    }

    async fn pause(&self, millis_max: u64) {
        let millis = self.rng.lock().random_range(0..millis_max);
        sleep(Duration::from_millis(millis)).await;
    }

    /// Asks a gateway to let a client in, whether or not it waits for that.
    fn connect(self: &Arc<Self>, session: Option<Box<str>>) -> oneshot::Receiver<Seat> {
        let (answer, answered) = oneshot::channel();
        let (world, gateway) = (Arc::clone(self), self.number(GATEWAYS));
        self.gateways[gateway].1.spawn("connect", async move {
            let seat = world.let_in(gateway, session).await;
            if let Err(forgotten) = answer.send(seat) {
                world.forget(&forgotten);
            }
        });
        answered
    }

    async fn let_in(self: &Arc<Self>, gateway: usize, session: Option<Box<str>>) -> Seat {
        let (recovery, tasks) = &self.gateways[gateway];
        let limits = LinkLimits {
            outbox_bytes_max: 1 << 16,
        };
        let dialect = Dialect::SocketIo {
            namespace: "/messages".into(),
        };
        let link = Link::new(limits, Arc::clone(&self.metrics));
        let connection = Connection::undecided(random_id(), dialect, link);
        let claim = match &session {
            Some(session) => {
                let wanted = Wanted {
                    session,
                    offset: None,
                };
                recovery.claim(&user(), wanted).await
            }
            None => None,
        };
        let (places, stored) = match claim {
            Some(mut claim) => {
                recovery.resume(&connection, &mut claim);
                let places = claim.positions.iter().map(|(id, _)| *id).collect();
                (Some(places), Some(claim.stored))
            }
            None => (None, recovery.begin(&connection, &user()).await),
        };
        let token = (Timestamp::from_millis(i64::MAX), TokenMark::default());
        let client = Client::new(&connection, user(), token, None, stored);
        recovery.keep(&client);
        let (ending, recovery) = (Arc::clone(&client), recovery.clone());
        tasks.spawn("end", async move {
            let link = ending.connection.link();
            let reason = poll_fn(|cx| link.poll_closed(cx)).await;
            recovery.release(&ending, reason);
            ending.set_gone();
        });
        Seat {
            gateway,
            client,
            events: Arc::default(),
            places,
        }
    }

    /// Joins or leaves a conversation; true if that was written.
    async fn toggle(
        &self,
        gateway: usize,
        client: &Client,
        conversation: usize,
        joins: bool,
    ) -> bool {
        let recoverable = client.connection.recoverable();
        let Some(recoverable) = recoverable else {
            return true;
        };
        let (recovery, id) = (&self.gateways[gateway].0, id(conversation));
        if joins {
            recoverable.trail.lock().enter(id, 0);
        } else {
            recoverable.trail.lock().leave(id);
        }
        if recovery.store(client).await.is_ok() {
            return true;
        }
        if joins {
            recoverable.trail.lock().leave(id);
            let _stale = recovery.store(client).await;
        }
        false
    }

    /// The client hangs up, or is gone without a word, and its connection writes once more before it ends.
    fn forget(self: &Arc<Self>, seat: &Seat) {
        let (world, gateway, client) = (Arc::clone(self), seat.gateway, Arc::clone(&seat.client));
        if self.chance(0.5) {
            return client.connection.close(CloseReason::TransportAborted);
        }
        self.gateways[gateway].1.spawn("half-open", async move {
            world.pause(6_000).await;
            if !client.connection.closed() {
                // Nobody asked for it, as when a record is renewed: it says what it said before, or fails.
                let _late = world.gateways[gateway].0.store(&client).await;
            }
            world.pause(6_000).await;
            client.connection.close(CloseReason::PingTimeout);
        });
    }
}

/// A client, and what it was told.
struct Guest {
    world: Arc<World>,
    session: Option<Box<str>>,
    memberships: [Membership; CONVERSATIONS],
    recovered: u64,
}

impl Guest {
    async fn visit(&mut self) -> Result<(), String> {
        let mut asked = self.world.connect(self.session.clone());
        if self.world.chance(0.4) {
            self.world.pause(400).await;
            // Of two, the client waits for one.
            let second = self.world.connect(self.session.clone());
            let (world, first) = (
                Arc::clone(&self.world),
                std::mem::replace(&mut asked, second),
            );
            self.world
                .network
                .wires()
                .spawn("other attempt", async move {
                    if let Ok(seat) = first.await {
                        world.forget(&seat);
                    }
                });
        }
        let Ok(Ok(seat)) = timeout(PATIENCE, asked).await else {
            return Ok(());
        };
        self.is_let_in(&seat)?;
        for _ in 0..self.world.number(4) {
            self.world.pause(400).await;
            self.act(&seat).await;
        }
        self.world.forget(&seat);
        Ok(())
    }

    fn is_let_in(&mut self, seat: &Seat) -> Result<(), String> {
        let recoverable = seat.client.connection.recoverable();
        self.session = recoverable.map(|recoverable| recoverable.session.clone());
        let Some(places) = &seat.places else {
            self.memberships = [Membership::Left; CONVERSATIONS];
            return Ok(());
        };
        self.recovered += 1;
        for (conversation, membership) in self.memberships.iter_mut().enumerate() {
            let there = if places.contains(&id(conversation)) {
                Membership::Joined
            } else {
                Membership::Left
            };
            if *membership != Membership::Unknown && *membership != there {
                let was = *membership;
                return Err(format!(
                    "conversation {conversation} is {there:?} after a recovery, and was {was:?}"
                ));
            }
            *membership = there;
        }
        Ok(())
    }

    /// Joins or leaves a conversation, if the connection is there for it.
    async fn act(&mut self, seat: &Seat) {
        let (conversation, world) = (self.world.number(CONVERSATIONS), Arc::clone(&self.world));
        if seat.client.connection.closed() {
            return;
        }
        let becomes = match self.memberships[conversation] {
            Membership::Joined => Membership::Left,
            Membership::Left | Membership::Unknown => Membership::Joined,
        };
        self.memberships[conversation] = Membership::Unknown;
        let (answer, answered) = oneshot::channel();
        let (gateway, client) = (seat.gateway, Arc::clone(&seat.client));
        let events = Arc::clone(&seat.events);
        self.world.gateways[gateway].1.spawn("event", async move {
            let _one_at_a_time = events.lock().await;
            let joins = becomes == Membership::Joined;
            let is_done = world.toggle(gateway, &client, conversation, joins).await;
            let _late = answer.send(is_done && !client.connection.closed());
        });
        if let Ok(Ok(true)) = timeout(PATIENCE, answered).await {
            self.memberships[conversation] = becomes;
        }
    }
}

#[test]
fn whoever_takes_a_session_over_finds_all_that_its_client_was_told() {
    let mut recovered = 0;
    let seeds = chosen_seed().map_or(0..SEEDS, |seed| seed..seed + 1);
    for seed in seeds.clone() {
        match Paused::run(play(seed)) {
            Ok(count) => recovered += count,
            Err(fault) => panic!("HAND_OVER_SEED={seed}: {fault}"),
        }
    }
    let visits = seeds.count() * VISITS;
    assert!(recovered as usize > visits / 10, "{recovered} of {visits}");
}

async fn play(seed: u64) -> Result<u64, String> {
    let world = World::new(seed).await;
    let mut guest = Guest {
        world: Arc::clone(&world),
        session: None,
        memberships: [Membership::Left; CONVERSATIONS],
        recovered: 0,
    };
    for _ in 0..VISITS {
        let visit = timeout(BOUND, guest.visit()).await;
        visit.map_err(|_| "a visit hangs".to_owned())??;
        world.pause(2_000).await;
    }
    world.network.calm_down();
    sleep(BOUND).await;
    let left: usize = world
        .gateways
        .iter()
        .map(|(one, _)| one.client_count())
        .sum();
    for (_, tasks) in &world.gateways {
        let stopped = tasks.stop(BOUND).await;
        stopped.map_err(|_| "tasks do not end".to_owned())?;
    }
    world.network.dissolve();
    match left {
        0 => Ok(guest.recovered),
        _ => Err(format!("{left} clients are left")),
    }
}

fn id(conversation: usize) -> ConversationId {
    ConversationId::from_bytes([conversation as u8 + 1; 12])
}

fn user() -> UserId {
    "u-1".parse().expect("valid")
}
