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
    /// A member did not become a secondary in time.
    #[error("a member of the replica set did not follow the primary within {} s", .0.as_secs())]
    NotFollowing(Duration),
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

    /// Waits until a member is a writable primary, and says which.
    pub async fn primary(&self, bound: Duration) -> Result<u16, ReplicaSetError> {
        let ends = Instant::now() + bound;
        loop {
            for port in &self.ports {
                if is_primary(*port).await {
                    return Ok(*port);
                }
            }
            if Instant::now() >= ends {
                return Err(ReplicaSetError::NoPrimary(bound));
            }
            sleep(POLL).await;
        }
    }

    /// Waits until one member is a writable primary and every other one follows it.
    pub async fn settled(&self, bound: Duration) -> Result<(), ReplicaSetError> {
        let ends = Instant::now() + bound;
        self.primary(bound).await?;
        for port in &self.ports {
            while !is_settled(*port).await {
                if Instant::now() >= ends {
                    return Err(ReplicaSetError::NotFollowing(bound));
                }
                sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// Asks the primary to step down and to stay so for `pause`.
    pub async fn step_down(&self, primary: u16, pause: Duration) -> Result<(), CommandError> {
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX);
        let command = Document::default()
            .with("replSetStepDown", Value::Int32(seconds))
            .with("secondaryCatchUpPeriodSecs", Value::Int32(seconds.min(1)));
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

async fn is_primary(port: u16) -> bool {
    hello(port)
        .await
        .is_some_and(|reply| reply.is_true("isWritablePrimary"))
}

async fn is_settled(port: u16) -> bool {
    hello(port)
        .await
        .is_some_and(|reply| reply.is_true("isWritablePrimary") || reply.is_true("secondary"))
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
