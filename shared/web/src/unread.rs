use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

/// The most that is read of a body that nobody wants: more than the largest attachment.
const UNREAD_BYTES_MAX: usize = 32 << 20;

/// How long that may take.
const UNREAD_TIME_MAX: Duration = Duration::from_secs(5);

/// Middleware: reads what a handler has left of a body, within limits, before the answer goes out.
///
/// A connection with an unread body is closed behind the answer, and a client that is still sending finds it broken before it
/// has read the answer. One that waits for `100 Continue` has nothing on its way.
pub(crate) async fn read_to_the_end(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let rest = body.clone();
    let response = next.run(Request::from_parts(head, Body::new(body))).await;
    let _given_up = tokio::time::timeout(UNREAD_TIME_MAX, discard(rest)).await;
    response
}

async fn discard(mut body: Shared) {
    let mut left = UNREAD_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(fewer) => left = fewer,
            None => return,
        }
    }
}

/// A body that is still there when the handler has dropped its handle.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
