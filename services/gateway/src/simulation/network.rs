//! What is between the gateways: a network that delays, reorders and loses, and processes that die or are cut off.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{PeerHandler, RequestError, Route};
use messaging_lifecycle::Tasks;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::records::Table;

/// As a server of NATS has it unless it is told otherwise.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The network of a world, and the records that all its gateways share.
///
/// As with NATS, a message arrives at most once, and an answer that comes late or for a second time is heard by nobody.
/// Other than with NATS, two messages of one sender may overtake each other.
pub(crate) struct Network {
    state: Mutex<State>,
    /// What is on its way.
    wires: Tasks,
}

struct State {
    rng: StdRng,
    weather: Weather,
    stations: Vec<Station>,
    /// Messages that have left so far.
    steps: usize,
    /// After which of them a gateway dies.
    death: Option<(usize, usize)>,
    table: Table,
}

/// How the network behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// How likely a message is lost.
    pub(crate) loss: f64,
    /// How likely it takes seconds rather than milliseconds.
    pub(crate) lateness: f64,
    /// The longest that a punctual one takes.
    pub(crate) delay_ms_max: u64,
}

/// One gateway, as the network sees it.
struct Station {
    route: Route,
    areas: HashMap<&'static str, (Service, Tasks)>,
    reach: Reach,
    died: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It has a connection.
    Connected,
    /// It has none, and may not know it yet; its clients reach it.
    CutOff,
    /// Nothing of what it does is seen by anyone any more.
    Dead,
}

type Answering = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;
type Service = Arc<dyn Fn(&'static str, Bytes) -> Answering + Send + Sync>;

/// An answer, or that nobody serves the question.
type Reply = oneshot::Sender<Option<Bytes>>;

impl Network {
    pub(super) fn new(seed: u64, weather: Weather) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed),
                weather,
                stations: Vec::new(),
                steps: 0,
                death: None,
                table: Table::default(),
            }),
            wires: Tasks::new(),
        })
    }

    /// A gateway's end of it.
    pub(super) fn join(self: &Arc<Self>, route: Route) -> Port {
        let stations = &mut self.state.lock().stations;
        stations.push(Station {
            route,
            areas: HashMap::new(),
            reach: Reach::Connected,
            died: CancellationToken::new(),
        });
        Port {
            network: Arc::clone(self),
            me: stations.len() - 1,
        }
    }

    /// From now on everything arrives, and soon.
    pub(super) fn calm_down(&self) {
        let mut state = self.state.lock();
        state.death = None;
        state.weather = Weather {
            loss: 0.0,
            lateness: 0.0,
            delay_ms_max: 5,
        };
    }

    /// Lets a gateway die after so many more messages, whosever they are.
    pub(super) fn doom(&self, gateway: usize, steps: usize) {
        let mut state = self.state.lock();
        state.death = Some((state.steps + steps, gateway));
    }

    pub(super) fn kill(&self, gateway: usize) {
        self.state.lock().kill(gateway);
    }

    pub(super) fn cut_off(&self, gateway: usize) {
        self.reach_becomes(gateway, Reach::CutOff);
    }

    pub(super) fn connect_again(&self, gateway: usize) {
        self.reach_becomes(gateway, Reach::Connected);
    }

    fn reach_becomes(&self, gateway: usize, reach: Reach) {
        let station = &mut self.state.lock().stations[gateway];
        if station.reach != Reach::Dead {
            station.reach = reach;
        }
    }

    pub(super) fn reach(&self, gateway: usize) -> Reach {
        self.state.lock().stations[gateway].reach
    }

    /// Cancelled when a gateway dies.
    pub(super) fn died(&self, gateway: usize) -> CancellationToken {
        self.state.lock().stations[gateway].died.clone()
    }

    /// How long something takes on its way that is never lost.
    pub(super) fn delay(&self) -> Duration {
        self.state.lock().delay()
    }

    pub(super) const fn wires(&self) -> &Tasks {
        &self.wires
    }

    /// Forgets everyone: what serves a gateway keeps the gateway alive, and the gateway the network.
    pub(super) fn dissolve(&self) {
        self.state.lock().stations.clear();
    }

    /// A message leaves; how long it takes, or that it gets nowhere.
    fn leave(&self, from: usize) -> Option<Duration> {
        let mut state = self.state.lock();
        if state.stations[from].reach != Reach::Connected {
            return None;
        }
        state.steps += 1;
        if let Some((step, gateway)) = state.death
            && state.steps >= step
        {
            state.death = None;
            state.kill(gateway);
        }
        let loss = state.weather.loss;
        let is_lost = state.rng.random_bool(loss);
        let delay = state.delay();
        (!is_lost).then_some(delay)
    }

    fn send(
        self: &Arc<Self>,
        from: usize,
        to: &Route,
        request: (&'static str, &'static str),
        payload: Bytes,
        reply: Option<Reply>,
    ) {
        let Some(delay) = self.leave(from) else {
            return;
        };
        let (network, to) = (Arc::clone(self), *to);
        self.wires.spawn("message", async move {
            sleep(delay).await;
            network.arrive(to, request, payload, reply);
        });
    }

    fn arrive(
        self: &Arc<Self>,
        to: Route,
        (area, request): (&'static str, &'static str),
        payload: Bytes,
        reply: Option<Reply>,
    ) {
        let found = {
            let state = self.state.lock();
            let Some(to) = state.stations.iter().position(|one| one.route == to) else {
                return;
            };
            let station = &state.stations[to];
            match (station.reach, station.areas.get(area)) {
                (Reach::CutOff, _) => return,
                (Reach::Connected, Some((service, tasks))) if !tasks.stopping().is_cancelled() => {
                    Some((to, Arc::clone(service), tasks.clone()))
                }
                _ => None,
            }
        };
        let Some((to, service, tasks)) = found else {
            // Whoever ends leaves no subscription behind, which the asker is told.
            let _gone = reply.map(|reply| reply.send(None));
            return;
        };
        let network = Arc::clone(self);
        tasks.spawn("peer request", async move {
            let answer = service(request, payload).await;
            if let (Some(answer), Some(reply)) = (answer, reply)
                && let Some(delay) = network.leave(to)
            {
                network.wires.spawn("answer", async move {
                    sleep(delay).await;
                    let _late = reply.send(Some(answer));
                });
            }
        });
    }

    /// Carries out an operation on the records and tells what came of it; `None` if it is not known, or was not carried out.
    async fn operate<T: Send + 'static>(
        self: &Arc<Self>,
        from: usize,
        operation: impl FnOnce(&mut Table, &mut StdRng) -> T + Send + 'static,
    ) -> Option<T> {
        let (acknowledge, acknowledged) = oneshot::channel();
        if let Some(delay) = self.leave(from) {
            let network = Arc::clone(self);
            self.wires.spawn("operation", async move {
                sleep(delay).await;
                let (done, way_back) = {
                    let mut state = network.state.lock();
                    let State { table, rng, .. } = &mut *state;
                    let done = operation(table, rng);
                    let is_lost = state.stations.is_empty() || {
                        let loss = state.weather.loss;
                        state.rng.random_bool(loss)
                            || state.stations[from].reach != Reach::Connected
                    };
                    (done, (!is_lost).then(|| state.delay()))
                };
                if let Some(delay) = way_back {
                    sleep(delay).await;
                    let _late = acknowledge.send(done);
                }
            });
        }
        acknowledged.await.ok()
    }
}

impl State {
    fn delay(&mut self) -> Duration {
        let is_late = self.rng.random_bool(self.weather.lateness);
        let most = if is_late {
            7_000
        } else {
            self.weather.delay_ms_max
        };
        Duration::from_millis(self.rng.random_range(0..=most))
    }

    fn kill(&mut self, gateway: usize) {
        let station = &mut self.stations[gateway];
        station.reach = Reach::Dead;
        station.died.cancel();
    }
}

/// One gateway's end of the network.
#[derive(Clone)]
pub(crate) struct Port {
    pub(super) network: Arc<Network>,
    pub(super) me: usize,
}

impl Port {
    pub(crate) const fn payload_bytes_max(&self) -> usize {
        PAYLOAD_BYTES_MAX
    }

    pub(crate) async fn ask(
        &self,
        route: &Route,
        request: (&'static str, &'static str),
        payload: Bytes,
        within: Duration,
    ) -> Result<Bytes, RequestError> {
        if self.knows_that_it_is_cut_off() {
            return Err(RequestError::Unserved);
        }
        let deadline = Instant::now() + within;
        let (reply, replied) = oneshot::channel();
        self.network
            .send(self.me, route, request, payload, Some(reply));
        match timeout(within, replied).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Ok(None)) => Err(RequestError::Unserved),
            Ok(Err(_lost)) => {
                sleep_until(deadline).await;
                Err(RequestError::Timeout)
            }
            Err(_) => Err(RequestError::Timeout),
        }
    }

    pub(crate) fn tell(
        &self,
        route: &Route,
        request: (&'static str, &'static str),
        payload: Bytes,
    ) {
        self.network.send(self.me, route, request, payload, None);
    }

    pub(crate) fn serve<H: PeerHandler>(&self, area: &'static str, handler: Arc<H>, tasks: &Tasks) {
        let service: Service = Arc::new(move |request, payload| {
            let handler = Arc::clone(&handler);
            Box::pin(async move { handler.handle(request, payload).await })
        });
        let stations = &mut self.network.state.lock().stations;
        stations[self.me]
            .areas
            .insert(area, (service, tasks.clone()));
    }

    /// Half of the time; the other half it waits in vain.
    pub(super) fn knows_that_it_is_cut_off(&self) -> bool {
        let mut state = self.network.state.lock();
        state.stations[self.me].reach == Reach::CutOff && state.rng.random_bool(0.5)
    }

    pub(super) async fn operate<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Table, &mut StdRng) -> T + Send + 'static,
    ) -> Option<T> {
        self.network.operate(self.me, operation).await
    }
}
