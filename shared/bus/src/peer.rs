use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use messaging_lifecycle::Tasks;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::presence::Instance;
use crate::{Bus, RequestError, SubscribeError};

/// Requests of other gateways that one works on at a time; what comes beyond gets no answer, and is counted as such by who asked.
const REQUESTS_IN_FLIGHT_MAX: usize = 32_768;

/// Where a gateway is reached by the others, or an API replica by gateways: ten characters of `A-Za-z0-9_-` made from its name, safe
/// in subjects and URLs.
///
/// It tells no client what the process is called, and is short enough to be a part of every session's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route([u8; Self::LENGTH]);

/// A text that is no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 10 characters of A-Z, a-z, 0-9, _ and -")]
pub struct RouteError;

impl Route {
    /// How many characters it has.
    pub const LENGTH: usize = 10;

    /// Where all gateways are told something; who asks there hears the first answer.
    pub const EVERYONE: Self = Self(*b"__________");

    /// The route of one life of a process: 60 bits of the SHA-256 of its name.
    pub fn of(instance: &Instance) -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        let digest = Sha256::digest(instance.to_string());
        Self(std::array::from_fn(|index| {
            ALPHABET[usize::from(digest[index]) & 63]
        }))
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("its characters are ASCII")
    }
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| RouteError)?;
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        bytes
            .iter()
            .all(allowed)
            .then_some(Self(bytes))
            .ok_or(RouteError)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What answers other gateways.
pub trait PeerHandler: Send + Sync + 'static {
    /// Does what is asked and returns the answer, where the request has one.
    fn handle(&self, request: &str, payload: Bytes) -> impl Future<Output = Option<Bytes>> + Send;
}

impl Bus {
    /// Asks one gateway for something, an area and a request of it, and waits for its answer.
    ///
    /// # Errors
    /// [`RequestError`]; `Unserved` at once if there is no such gateway any more.
    pub async fn ask_peer(
        &self,
        route: &Route,
        request: (&str, &str),
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        self.ask(self.subjects.peer(route, request), payload, timeout)
            .await
    }

    /// Tells one gateway something, whether or not it is there.
    pub async fn tell_peer(&self, route: &Route, request: (&str, &str), payload: Bytes) {
        if let Err(error) = self
            .client
            .publish(self.subjects.peer(route, request), payload)
            .await
        {
            tracing::debug!(%error, "another gateway was not told");
        }
    }
}

/// Answers what other gateways ask in one area, until the tasks are asked to stop; what is in work is finished.
///
/// # Errors
/// [`SubscribeError`] when the client refuses the subscription.
pub async fn serve_peers<H: PeerHandler>(
    bus: &Bus,
    route: &Route,
    area: &str,
    handler: Arc<H>,
    tasks: &Tasks,
) -> Result<(), SubscribeError> {
    let subject = bus.subjects.all_of_peer(route, area);
    let prefix_length = subject.len() - 1;
    let mut requests = bus
        .client
        .subscribe(subject)
        .await
        .map_err(SubscribeError::Refused)?;
    let (bus, workers) = (bus.clone(), tasks.clone());
    tasks.spawn("peer requests", async move {
        let room = Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX));
        loop {
            let next = tokio::select! {
                next = requests.next() => next,
                () = workers.stopping().cancelled() => return,
            };
            let Some(message) = next else { return };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                tracing::warn!("too many requests of other gateways; one was left unanswered");
                continue;
            };
            let (bus, handler) = (bus.clone(), Arc::clone(&handler));
            workers.spawn("peer request", async move {
                let request = message.subject.get(prefix_length..).unwrap_or_default();
                let answer = handler.handle(request, message.payload).await;
                if let (Some(answer), Some(reply)) = (answer, message.reply)
                    && let Err(error) = bus.client.publish(reply, answer).await
                {
                    tracing::debug!(%error, "another gateway got no answer");
                }
                drop(permit);
            });
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_short_stable_and_safe() {
        let route = |name: &str| Route::of(&name.parse().expect("valid"));
        let (one, two) = (route("gateway-a"), route("gateway-b"));
        assert_ne!(one, two);
        assert_eq!(one, route("gateway-a"));
        assert_eq!(one.as_str().parse(), Ok(one));
        for bad in ["", "short", "a.b.c.d.e.", "0123456789a", "*********>"] {
            assert_eq!(bad.parse::<Route>(), Err(RouteError), "{bad}");
        }
    }
}
