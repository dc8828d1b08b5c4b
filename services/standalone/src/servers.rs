use messaging_embedded::{DataFolder, EmbeddedError, EmbeddedMongo, EmbeddedNats, ServerExit};

use crate::config::Config;

/// MongoDB and NATS: those of the settings, or our own.
pub(crate) struct Servers {
    mongo: Option<EmbeddedMongo>,
    nats: Option<EmbeddedNats>,
}

impl Servers {
    /// Starts those that the settings do not give.
    ///
    /// # Errors
    /// [`EmbeddedError`]; nothing is left running then.
    pub(crate) async fn start(config: &Config) -> Result<Self, EmbeddedError> {
        let mut servers = Self {
            mongo: None,
            nats: None,
        };
        if config.mongodb_uri.is_some() && config.nats_url.is_some() {
            return Ok(servers);
        }
        let folder = DataFolder::open(&config.data_dir)?;
        if config.mongodb_uri.is_none() {
            tracing::info!(folder = %folder.path().display(), "starting a mongod");
            servers.mongo = Some(EmbeddedMongo::start(&folder).await?);
        }
        if config.nats_url.is_none() {
            tracing::info!(folder = %folder.path().display(), "starting a nats-server");
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

    /// Where our own MongoDB is; empty if there is none.
    pub(crate) fn mongodb_uri(&self) -> &str {
        self.mongo.as_ref().map_or("", EmbeddedMongo::uri)
    }

    /// Where our own NATS is; empty if there is none.
    pub(crate) fn nats_url(&self) -> &str {
        self.nats.as_ref().map_or("", EmbeddedNats::url)
    }

    /// Resolves when one of our own has ended by itself, which ends this process too.
    pub(crate) async fn exited(&mut self) -> ServerExit {
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

    /// Stops our own and waits for their end.
    pub(crate) async fn stop(self) {
        if let Some(nats) = self.nats {
            nats.stop().await;
        }
        if let Some(mongo) = self.mongo {
            mongo.stop().await;
        }
    }
}
