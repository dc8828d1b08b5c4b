use messaging_domain::{ContractId, Timestamp};
use mongodb::Cursor;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;

use super::OldDatabase;
use super::value::{ways_to_write, written_since};

/// Contracts that are fetched at a time.
const BATCH: u32 = 100;

impl OldDatabase {
    /// The contracts, or those written to since a time, in no order.
    pub(crate) async fn read_contracts(
        &self,
        since: Option<Timestamp>,
    ) -> DriverResult<Cursor<Document>> {
        let pipeline = since.map(written_since).into_iter().collect();
        self.aggregate(&self.contracts(), pipeline, BATCH).await
    }

    /// A contract.
    pub(crate) async fn read_contract(&self, id: &ContractId) -> DriverResult<Option<Document>> {
        let id = match ObjectId::parse_str(id.as_str()) {
            Ok(id) => Bson::ObjectId(id),
            Err(_) => Bson::String(id.to_string()),
        };
        let ids = doc! { "_id": { "$in": ways_to_write(&id) } };
        self.contracts().find_one(ids).await
    }
}
