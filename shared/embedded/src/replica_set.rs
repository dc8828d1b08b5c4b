//! Forming a replica set of mongods on loopback ports, and asking it who leads.

use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    bson::{Document, Value},
    command::{self, CommandError},
};

const NAME: &str = "rs0";
const NOT_YET_INITIALIZED: i64 = 94;
const POLL: Duration = Duration::from_millis(20);
const NOTE_TIMEOUT_MS: i32 = 2_000;
const HELLO_TIMEOUT: Duration = Duration::from_secs(1);

/// Why there is no replica set with a writable primary.
#[derive(Debug, Error)]
pub enum ReplicaSetError {
    /// A member would not take the configuration.
    #[error("the replica set could not be configured")]
    Configure(#[source] CommandError),
    /// No member became primary in time.
    #[error("no member of the replica set became primary within {} s", .0.as_secs())]
    NoPrimary(Duration),
    /// The members did not come to agree on a primary in time.
    #[error("the members of the replica set did not agree on a primary within {} s: {members}", .within.as_secs())]
    NotSettled {
        /// How long it was waited for.
        within: Duration,
        /// What each member said last.
        members: String,
    },
}

/// A replica set of mongods on these ports of 127.0.0.1.
#[derive(Debug, Clone)]
pub struct ReplicaSet {
    ports: Vec<u16>,
    election_timeout: Duration,
}

impl ReplicaSet {
    /// Describes a set of these members; more than one member takes an election of about
    /// `election_timeout` whenever its primary is gone.
    pub fn new(ports: Vec<u16>, election_timeout: Duration) -> Self {
        Self {
            ports,
            election_timeout,
        }
    }

    /// The address for a driver.
    pub fn uri(&self) -> String {
        let hosts: Vec<_> = self.ports.iter().map(|port| host(*port)).collect();
        format!("mongodb://{}/?replicaSet={NAME}", hosts.join(","))
    }

    /// Waits for the first member to answer, then initiates the set or, when its data folder has
    /// one that stands at other ports, moves it to these.
    ///
    /// Cancel-safe: every step can be repeated.
    pub async fn form(&self, bound: Duration) -> Result<(), ReplicaSetError> {
        let ends = Instant::now() + bound;
        loop {
            match self.configure().await {
                Ok(()) => return Ok(()),
                // A mongod that starts first refuses connections, then commands.
                Err(error) if Instant::now() >= ends => {
                    return Err(ReplicaSetError::Configure(error));
                }
                Err(_) => sleep(POLL).await,
            }
        }
    }

    /// Waits until a member is a writable primary in the eyes of a majority, and says which.
    pub async fn primary(&self, bound: Duration) -> Result<u16, ReplicaSetError> {
        let ends = Instant::now() + bound;
        loop {
            if let Some((port, _followers)) = self.leader().await {
                return Ok(port);
            }
            if Instant::now() >= ends {
                return Err(ReplicaSetError::NoPrimary(bound));
            }
            sleep(POLL).await;
        }
    }

    /// Waits until one member is a writable primary and every other one follows it and has what
    /// it has.
    ///
    /// A member that loses its primary before it knows of a majority-committed write cannot roll
    /// back, and dies of it: a set that has not settled is not to be tested for failover.
    pub async fn settled(&self, bound: Duration) -> Result<(), ReplicaSetError> {
        let ends = Instant::now() + bound;
        loop {
            match self.leader().await {
                Some((port, followers))
                    if followers == self.ports.len() && self.is_replicated(port).await =>
                {
                    return Ok(());
                }
                _ if Instant::now() >= ends => {
                    return Err(ReplicaSetError::NotSettled {
                        within: bound,
                        members: self.describe().await,
                    });
                }
                _ => sleep(POLL).await,
            }
        }
    }

    /// What each member says of itself.
    async fn describe(&self) -> String {
        let mut members = Vec::with_capacity(self.ports.len());
        for port in &self.ports {
            let said = match hello(*port).await {
                None => "does not answer".to_owned(),
                Some(reply) => {
                    let state = match reply {
                        _ if reply.is_true("isWritablePrimary") => "is primary",
                        _ if reply.is_true("secondary") => "is secondary",
                        _ => "is neither primary nor secondary",
                    };
                    let primary = reply.text("primary").unwrap_or("nobody");
                    format!("{state} and follows {primary}")
                }
            };
            members.push(format!("{} {said}", host(*port)));
        }
        members.join(", ")
    }

    /// Writes two notes that every member has to confirm: with the second one each member learns
    /// that the first one is committed.
    async fn is_replicated(&self, primary: u16) -> bool {
        let members = i32::try_from(self.ports.len()).unwrap_or(i32::MAX);
        for _ in 0..2 {
            let concern = Document::default()
                .with("w", Value::Int32(members))
                .with("wtimeout", Value::Int32(NOTE_TIMEOUT_MS));
            let note = Document::default()
                .with("appendOplogNote", Value::Int32(1))
                .with("data", Value::Document(Document::default()))
                .with("writeConcern", Value::Document(concern));
            match command::run(primary, note).await {
                Ok(reply) if reply.document("writeConcernError").is_none() => {}
                _ => return false,
            }
        }
        true
    }

    /// The primary that a majority follows, itself included, and how many follow it.
    ///
    /// A member that slept through an election still calls itself primary, so its word alone does
    /// not count.
    async fn leader(&self) -> Option<(u16, usize)> {
        let mut replies = Vec::with_capacity(self.ports.len());
        for port in &self.ports {
            replies.extend(hello(*port).await.map(|reply| (*port, reply)));
        }
        let followers_of = |leader| {
            let leader = host(leader);
            let follows = |reply: &Document| {
                reply.text("primary") == Some(&leader)
                    && (reply.is_true("isWritablePrimary") || reply.is_true("secondary"))
            };
            replies.iter().filter(|(_, reply)| follows(reply)).count()
        };
        replies
            .iter()
            .filter(|(_, reply)| reply.is_true("isWritablePrimary"))
            .map(|(port, _)| (*port, followers_of(*port)))
            .find(|(_, followers)| *followers > self.ports.len() / 2)
    }

    /// Asks the primary to step down and to stay so for `pause`.
    pub async fn step_down(&self, primary: u16, pause: Duration) -> Result<(), CommandError> {
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX);
        let command = Document::default()
            .with("replSetStepDown", Value::Int32(seconds))
            .with("secondaryCatchUpPeriodSecs", Value::Int32(seconds / 2));
        command::run(primary, command).await.map(|_| ())
    }

    async fn configure(&self) -> Result<(), CommandError> {
        let first = self.ports[0];
        let ask = Document::default().with("replSetGetConfig", Value::Int32(1));
        let command = match command::run(first, ask).await {
            Ok(reply) => match reply.document("config") {
                Some(config) if !self.stands_here(config) => self.move_here(config),
                _ => return Ok(()),
            },
            Err(CommandError::Refused {
                code: NOT_YET_INITIALIZED,
                ..
            }) => Document::default().with("replSetInitiate", Value::Document(self.config(1))),
            Err(error) => return Err(error),
        };
        command::run(first, command).await.map(|_| ())
    }

    fn stands_here(&self, config: &Document) -> bool {
        let members = config.array("members").iter().map(|member| match member {
            Value::Document(member) => member.text("host"),
            _ => None,
        });
        members.eq(self
            .ports
            .iter()
            .map(|port| host(*port))
            .collect::<Vec<_>>()
            .iter()
            .map(|host| Some(host.as_str())))
    }

    /// The member does not find itself in a configuration with its old port, so nobody can vote:
    /// only a forced configuration brings it back.
    fn move_here(&self, config: &Document) -> Document {
        let version = config.number("version").unwrap_or(1) + 1;
        Document::default()
            .with("replSetReconfig", Value::Document(self.config(version)))
            .with("force", Value::Bool(true))
    }

    fn config(&self, version: i64) -> Document {
        let members = self.ports.iter().zip(0..).map(|(port, id)| {
            Value::Document(
                Document::default()
                    .with("_id", Value::Int32(id))
                    .with("host", Value::String(host(*port))),
            )
        });
        let millis = i32::try_from(self.election_timeout.as_millis()).unwrap_or(i32::MAX);
        // A member that hangs, too, is to be noticed within the election timeout.
        let seconds = (millis / 1000).max(1);
        let settings = Document::default()
            .with("heartbeatTimeoutSecs", Value::Int32(seconds))
            .with("electionTimeoutMillis", Value::Int32(millis))
            .with(
                "heartbeatIntervalMillis",
                Value::Int32((millis / 5).max(100)),
            );
        Document::default()
            .with("_id", Value::String(NAME.into()))
            .with("version", Value::Int64(version))
            .with("members", Value::Array(members.collect()))
            .with("settings", Value::Document(settings))
    }
}

/// Whether a mongod on this loopback port answers, whatever state it is in.
pub async fn mongod_answers(port: u16) -> bool {
    hello(port).await.is_some()
}

async fn hello(port: u16) -> Option<Document> {
    let command = Document::default().with("hello", Value::Int32(1));
    // A member that hangs must not keep the others from being asked.
    timeout(HELLO_TIMEOUT, command::run(port, command))
        .await
        .ok()?
        .ok()
}

fn host(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
