use std::time::Duration;

use bytes::Bytes;
use messaging_bus::presence::Instance;
use messaging_bus::{BucketError, RequestError, Route};
use messaging_domain::{ConversationId, UserId};

use super::{Record, Recovery, Stored};
use crate::connection::{CloseReason, Connection, Trail};
use crate::presence::Replaced;

/// What gateways ask each other about sessions that are recovered.
pub(super) const SESSIONS: &str = "session";

/// The request by which a gateway asks another one to let go of a client.
pub(super) const SUPERSEDE: &str = "supersede";

/// How long to wait for the gateway that served a client before. One that is stopped or cut off does not answer.
const SUPERSEDE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection may take to end that another one takes the place of.
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// Writes of another one that may come in between.
const ATTEMPTS_MAX: u32 = 4;

/// What a client brings that wants to go on where it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The name of its session.
    pub(crate) session: &'a str,
    /// The last offset that it was sent, if it was sent one.
    pub(crate) offset: Option<&'a str>,
}

/// A session that was taken over: this gateway is the one to write its record from here on.
pub(crate) struct Claim {
    session: Box<str>,
    record: Record,
    /// Where the client stands in each conversation that it has joined.
    pub(crate) positions: Vec<(ConversationId, u64)>,
    /// How far the record is written.
    pub(crate) stored: Stored,
    /// What may still be counted though this connection takes its place.
    pub(crate) replaced: Option<Replaced>,
}

/// Why a client begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// There is no such session, or it has been over for too long.
    Unknown,
    /// It is another user's.
    OtherUser,
    /// Where the client stands cannot be told exactly.
    Inexact,
    /// The bucket could not be asked.
    Unavailable,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OtherUser => "other_user",
            Self::Inexact => "inexact",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<BucketError> for Refusal {
    fn from(error: BucketError) -> Self {
        tracing::debug!(%error, "a session cannot be recovered");
        Self::Unavailable
    }
}

/// What became of the connection that the client had before.
struct Superseded {
    /// What may still be counted of it.
    replaced: Option<Replaced>,
    /// Whether the record lacks something that only its gateway knew.
    is_stale: bool,
}

impl Recovery {
    /// Takes a session over for its user, wherever it was, and ends the connection that still stands for it. None, if the client
    /// must begin anew: never a session of which a part is missing.
    pub(crate) async fn claim(&self, user: &UserId, wanted: Wanted<'_>) -> Option<Claim> {
        let (outcome, claim) = match self.try_claim(user, wanted).await {
            Ok(claim) => ("recovered", Some(claim)),
            Err(refusal) => (refusal.as_str(), None),
        };
        self.0.outcomes.with_label_values(&[outcome]).inc();
        claim
    }

    async fn try_claim(&self, user: &UserId, wanted: Wanted<'_>) -> Result<Claim, Refusal> {
        let inner = &self.0;
        // It becomes a part of a key.
        if inner.window.is_zero() || !is_session_name(wanted.session) {
            return Err(Refusal::Unknown);
        }
        for _ in 0..ATTEMPTS_MAX {
            let entry = inner.records.read(wanted.session).await?;
            let entry = entry.ok_or(Refusal::Unknown)?;
            let mut record = Record::decode(&entry.value).ok_or(Refusal::Unknown)?;
            if record.user != *user {
                return Err(Refusal::OtherUser);
            }
            let positions = record.places.resolve(wanted.session, wanted.offset);
            let positions = positions.ok_or(Refusal::Inexact)?;
            let superseded = self.supersede(wanted.session, &record.gateway).await;
            if superseded.is_stale {
                return Err(Refusal::Inexact);
            }
            record.gateway = inner.instance.clone();
            record.turn = record.turn.saturating_add(1);
            let written = inner
                .records
                .write(
                    wanted.session,
                    record.encode(),
                    entry.revision,
                    inner.live_ttl(),
                )
                .await;
            match written {
                Ok(revision) => {
                    return Ok(Claim {
                        session: wanted.session.into(),
                        stored: Stored::new(revision, record.turn),
                        record,
                        positions,
                        replaced: superseded.replaced,
                    });
                }
                // The other gateway has just written it for the last time, or one more attempt of the client's was faster.
                Err(BucketError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Unavailable)
    }

    /// Makes a connection the one that a claim is about.
    pub(crate) fn resume(&self, connection: &Connection, claim: &mut Claim) {
        let places = std::mem::take(&mut claim.record.places);
        let trail = Trail::resume(&claim.session, places, &claim.positions);
        let connection_id = std::mem::take(&mut claim.record.connection_id);
        self.attach(connection, claim.session.clone(), connection_id, trail);
    }

    /// The client was not let in after all: the session waits for it as before.
    pub(crate) fn give_back(&self, claim: Claim) {
        let recovery = self.clone();
        self.0.tasks.spawn("session release", async move {
            let (inner, revision) = (&recovery.0, claim.stored.revision.into_inner());
            let written = inner.overwrite(&claim.session, &claim.record, revision, inner.window);
            if let Err(error) = written.await {
                tracing::debug!(%error, "the record of a refused connection lives longer than it should");
            }
        });
    }

    async fn supersede(&self, session: &str, gateway: &Instance) -> Superseded {
        let inner = &self.0;
        let ended = |is_stale| Superseded {
            replaced: None,
            is_stale,
        };
        let ending = |is_stale| Superseded {
            replaced: Some(Replaced::Connection(gateway.clone())),
            is_stale,
        };
        if *gateway == inner.instance {
            return match self.end_here(session).await {
                End::Ended { is_stale } => ended(is_stale),
                End::Ending { is_stale } => ending(is_stale),
            };
        }
        let (route, payload) = (
            Route::of(gateway),
            Bytes::copy_from_slice(session.as_bytes()),
        );
        let asked = inner
            .peers
            .ask(&route, (SESSIONS, SUPERSEDE), payload, SUPERSEDE_TIMEOUT);
        match asked.await {
            Ok(answer) => match &answer[..] {
                b"ended" => ended(false),
                b"ending" => ending(false),
                _ => ending(true),
            },
            // A gateway that is gone, or stands still. What it was about to write, nobody was told of.
            Err(error) => {
                if let RequestError::Refused(error) = error {
                    tracing::debug!(%error, "the gateway that served a client before was not asked");
                }
                Superseded {
                    replaced: Some(Replaced::Gateway(gateway.clone())),
                    is_stale: false,
                }
            }
        }
    }

    /// Answers [`SUPERSEDE`].
    pub(super) async fn superseded(&self, session: &[u8]) -> Bytes {
        let Ok(session) = std::str::from_utf8(session) else {
            return Bytes::from_static(b"ended");
        };
        Bytes::from_static(match self.end_here(session).await {
            End::Ended { is_stale: false } => b"ended",
            End::Ending { is_stale: false } => b"ending",
            End::Ended { is_stale: true } | End::Ending { is_stale: true } => b"stale",
        })
    }

    /// Ends the connection that stands for a session here, if there is one, and waits until it is no longer counted.
    async fn end_here(&self, session: &str) -> End {
        let Some(client) = self.0.clients.find(session) else {
            return End::Ended { is_stale: false };
        };
        let is_stale = client.stored().is_some_and(|stored| stored.is_stale());
        client.connection.close(CloseReason::Superseded);
        match tokio::time::timeout(END_TIMEOUT, client.gone()).await {
            Ok(()) => End::Ended { is_stale },
            Err(_) => End::Ending { is_stale },
        }
    }
}

/// How far a connection is with ending.
enum End {
    /// It is not there, or not any more.
    Ended { is_stale: bool },
    /// It still does something.
    Ending { is_stale: bool },
}

/// Whether a text may be the name of a session, as [`random_id`](crate::session::random_id) makes them.
fn is_session_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() == 20 && text.bytes().all(allowed)
}
