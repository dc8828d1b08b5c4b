//! How gateways reach each other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging_bus::{Bus, PeerHandler, RequestError, Route, SubscribeError, serve_peers};
use messaging_lifecycle::Tasks;

#[cfg(test)]
use crate::simulation::Port;

/// The other gateways, and where this one is reached by them. A clone is another handle.
#[derive(Clone)]
pub struct Peers {
    way: Way,
    route: Route,
}

/// What carries questions and answers: in a release there is one, and nothing to choose.
#[derive(Clone)]
enum Way {
    Nats(Bus),
    #[cfg(test)]
    Simulated(Port),
}

impl Peers {
    /// Those that are reached over NATS; they ask this one at `route`.
    pub const fn new(bus: Bus, route: Route) -> Self {
        Self {
            way: Way::Nats(bus),
            route,
        }
    }

    #[cfg(test)]
    pub(crate) const fn simulated(port: Port, route: Route) -> Self {
        Self {
            way: Way::Simulated(port),
            route,
        }
    }

    /// Where the others ask this one.
    pub(crate) const fn route(&self) -> &Route {
        &self.route
    }

    /// The largest question or answer, in bytes.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        match &self.way {
            Way::Nats(bus) => bus.payload_bytes_max(),
            #[cfg(test)]
            Way::Simulated(port) => port.payload_bytes_max(),
        }
    }

    /// Asks one gateway for something, an area and a request of it, and waits for its answer.
    ///
    /// # Errors
    /// As [`Bus::ask_peer`].
    pub(crate) async fn ask(
        &self,
        route: &Route,
        request: (&'static str, &'static str),
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        match &self.way {
            Way::Nats(bus) => bus.ask_peer(route, request, payload, timeout).await,
            #[cfg(test)]
            Way::Simulated(port) => port.ask(route, request, payload, timeout).await,
        }
    }

    /// Tells one gateway something, whether or not it is there.
    pub(crate) async fn tell(
        &self,
        route: &Route,
        request: (&'static str, &'static str),
        payload: Bytes,
    ) {
        match &self.way {
            Way::Nats(bus) => bus.tell_peer(route, request, payload).await,
            #[cfg(test)]
            Way::Simulated(port) => port.tell(route, request, payload),
        }
    }

    /// Answers what the others ask in one area, as [`serve_peers`].
    ///
    /// # Errors
    /// [`SubscribeError`] when the client refuses the subscription.
    pub(crate) async fn serve<H: PeerHandler>(
        &self,
        area: &'static str,
        handler: Arc<H>,
        tasks: &Tasks,
    ) -> Result<(), SubscribeError> {
        match &self.way {
            Way::Nats(bus) => serve_peers(bus, &self.route, area, handler, tasks).await,
            #[cfg(test)]
            Way::Simulated(port) => {
                port.serve(area, handler, tasks);
                Ok(())
            }
        }
    }
}
