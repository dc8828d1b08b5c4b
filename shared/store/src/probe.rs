use mongodb::bson::doc;
use mongodb::options::Acknowledgment;

use crate::model::date;
use crate::updates::run_updates;
use crate::{Store, StoreError};

/// Where the marks of probes are: one document for each gateway, which goes a while after the gateway.
pub(crate) const COLLECTION: &str = "canary";

/// How long a mark stays.
pub(crate) const MARK_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(3_600);

impl Store {
    /// Writes as a message is written, acknowledged by a majority, but to one small document of a gateway, beside all data of users.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn note_probe(&self, gateway: &str) -> Result<(), StoreError> {
        let update = doc! {
            "q": { "_id": gateway },
            "u": { "$set": { "at": date(self.now()) } },
            "upsert": true,
        };
        let mongo = self.mongo();
        let noting = run_updates(mongo, COLLECTION, vec![update], Acknowledgment::Majority);
        mongo.fenced(noting).await
    }
}
