use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use messaging_wire::Fault;
use tokio::sync::watch;

use crate::{Health, Problem};

/// The requests that are being answered; none is taken on once the process drains.
#[derive(Clone)]
pub struct Admission {
    health: Health,
    in_flight: watch::Sender<usize>,
}

/// A request that counts as in flight until this is dropped, however it ends.
struct InFlight(watch::Sender<usize>);

impl Admission {
    /// Nothing in flight yet.
    pub fn new(health: &Health) -> Self {
        Self {
            health: health.clone(),
            in_flight: watch::Sender::new(0),
        }
    }

    /// Resolves when no request is in flight, or when the time is up; then with how many still are.
    pub async fn idle(&self, within: Duration) -> usize {
        let mut in_flight = self.in_flight.subscribe();
        match tokio::time::timeout(within, in_flight.wait_for(|count| *count == 0)).await {
            Ok(_) => 0,
            Err(_) => *self.in_flight.borrow(),
        }
    }

    fn enter(&self) -> InFlight {
        self.in_flight.send_modify(|count| *count += 1);
        InFlight(self.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Middleware that answers 503 while the process drains, and counts the requests that it lets through.
///
/// # Errors
/// Never; what is refused is answered.
pub async fn refuse_while_draining(
    State(admission): State<Admission>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let in_flight = admission.enter();
    if admission.health.is_draining() {
        let mut response = Problem::from(Fault::unavailable()).into_response();
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(response);
    }
    let response = next.run(request).await;
    drop(in_flight);
    Ok(response)
}
