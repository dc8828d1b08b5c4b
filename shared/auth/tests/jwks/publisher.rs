use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use messaging_test_support::eventually;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a state may take to come about.
const BOUND: Duration = Duration::from_secs(20);

/// A server that publishes a key set, and counts how often it is asked.
pub(crate) struct Publisher {
    address: SocketAddr,
    state: Arc<Published>,
    _serving: JoinSet<()>,
}

#[derive(Debug)]
struct Published {
    answer: watch::Sender<Answer>,
    asked: AtomicUsize,
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// 200 with this document.
    Document(String),
    /// This status.
    Status(u16),
    /// A redirect to `/elsewhere`, where the document is.
    Elsewhere(String),
    /// A document without an end.
    Endless,
    /// Nothing until there is another answer.
    Silence,
}

impl Publisher {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer).await
    }

    pub(crate) async fn start_at(address: SocketAddr, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let state = Arc::new(Published {
            answer: watch::Sender::new(answer),
            asked: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/jwks.json", get(publish))
            .route("/elsewhere", get(elsewhere))
            .with_state(Arc::clone(&state));
        let address = listener.local_addr().expect("it is bound");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            address,
            state,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.state.answer.send_replace(answer);
    }

    /// Publishes another document.
    pub(crate) fn publish(&self, document: String) {
        self.answer(Answer::Document(document));
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn until_asked(&self, count: usize) {
        let what = format!("the publisher has been asked {count} times");
        eventually(BOUND, &what, async || self.asked() >= count).await;
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }
}

async fn publish(State(state): State<Arc<Published>>) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    let mut answers = state.answer.subscribe();
    let answer = answers.wait_for(|answer| !matches!(answer, Answer::Silence));
    let answer = answer.await.expect("the sender lives").clone();
    match answer {
        Answer::Document(document) => document.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).expect("valid").into_response(),
        Answer::Elsewhere(_) => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Answer::Endless => Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(" ".repeat(16 * 1024))
        }))
        .into_response(),
        Answer::Silence => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn elsewhere(State(state): State<Arc<Published>>) -> Response {
    match state.answer.borrow().clone() {
        Answer::Elsewhere(document) => document.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
