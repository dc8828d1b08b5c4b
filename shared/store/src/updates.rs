use mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use mongodb::error::{Error as DriverError, Result as DriverResult};
use mongodb::options::Acknowledgment;
use thiserror::Error;

use crate::mongo::Mongo;

#[derive(Debug, Error)]
#[error("an update was refused: {0}")]
struct Refused(Bson);

/// Runs updates in one command, each whatever becomes of the others. They must be such that they can be repeated: the driver does
/// not do it, so the caller may have to.
///
/// # Errors
/// When one of them was refused, or the command failed.
pub(crate) async fn run_updates(
    mongo: &Mongo,
    collection: &str,
    updates: Vec<Document>,
    acknowledged_by: Acknowledgment,
) -> DriverResult<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let command = doc! {
        "update": collection,
        "updates": updates,
        "ordered": false,
        "writeConcern": { "w": serialize_to_bson(&acknowledged_by)? },
    };
    let mut reply = mongo
        .collections()
        .await?
        .database
        .run_command(command)
        .await?;
    match reply
        .remove("writeErrors")
        .or_else(|| reply.remove("writeConcernError"))
    {
        Some(refusal) => Err(DriverError::custom(Refused(refusal))),
        None => Ok(()),
    }
}
