//! NATS, as this system uses it: a wake-up between gateways and API replicas, and three buckets: of presence, of the
//! sessions that can be recovered, and of revoked tokens.
//!
//! Nothing here promises that an event arrives: core NATS loses what is published while a subscriber reconnects. Who must have
//! everything looks at `seq`, and asks for what is missing. [`Intake::interruptions`] tells a gateway when that is due, and
//! [`Bus::connections`] tells a replica of the API when its own events may not have left.

mod auth;
mod bus;
mod command;
mod config;
mod departure;
mod envelope;
mod intake;
mod kv;
mod metrics;
mod peer;
pub mod presence;
mod revocations;
mod sessions;
mod subject;

pub use bus::{Bus, BusConfigError, PublishError, RequestError, SubscribeError};
pub use command::{CommandHandler, serve_commands};
pub use config::BusConfig;
pub use envelope::{
    ConversationEvent, EnvelopeError, MessageChange, TypingSignal, UserEvent, canary_number,
    canary_payload,
};
pub use intake::{EventSink, Intake, protocol};
pub use kv::BucketError;
pub use peer::{PeerHandler, Route, RouteError, serve_peers};
pub use revocations::{RevocationBucket, RevocationEntry};
pub use sessions::{SessionBucket, SessionEntry};
pub use subject::{SubjectPrefix, SubjectPrefixError, Subjects, Topic};
