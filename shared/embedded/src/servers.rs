use std::path::Path;

use crate::{DataFolder, EmbeddedError, EmbeddedMongo, EmbeddedNats, Program, ServerExit};

/// Those servers of a data folder that are not given from elsewhere.
#[derive(Debug)]
pub struct EmbeddedServers {
    mongo: Option<EmbeddedMongo>,
    nats: Option<EmbeddedNats>,
}

impl EmbeddedServers {
    /// Starts these programs, each once. With none, the folder is not touched.
    ///
    /// # Errors
    /// [`EmbeddedError`]; nothing is left running then.
    pub async fn start(data_dir: &Path, programs: &[Program]) -> Result<Self, EmbeddedError> {
        let mut servers = Self {
            mongo: None,
            nats: None,
        };
        if programs.is_empty() {
            return Ok(servers);
        }
        let folder = DataFolder::open(data_dir)?;
        if programs.contains(&Program::Mongod) {
            servers.mongo = Some(EmbeddedMongo::start(&folder).await?);
        }
        if programs.contains(&Program::NatsServer) {
            match EmbeddedNats::start(&folder).await {
                Ok(nats) => servers.nats = Some(nats),
                Err(error) => {
                    servers.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(servers)
    }

    /// Where MongoDB is, if it was started here.
    pub fn mongodb_uri(&self) -> Option<&str> {
        self.mongo.as_ref().map(EmbeddedMongo::uri)
    }

    /// Where NATS is, if it was started here.
    pub fn nats_url(&self) -> Option<&str> {
        self.nats.as_ref().map(EmbeddedNats::url)
    }

    /// Resolves when one of them has ended by itself. Cancel-safe.
    pub async fn exited(&mut self) -> ServerExit {
        match (&mut self.mongo, &mut self.nats) {
            (Some(mongo), Some(nats)) => tokio::select! {
                exit = mongo.exited() => exit,
                exit = nats.exited() => exit,
            },
            (Some(mongo), None) => mongo.exited().await,
            (None, Some(nats)) => nats.exited().await,
            (None, None) => std::future::pending().await,
        }
    }

    /// Stops them and waits for their end.
    pub async fn stop(self) {
        if let Some(nats) = self.nats {
            nats.stop().await;
        }
        if let Some(mongo) = self.mongo {
            mongo.stop().await;
        }
    }
}
