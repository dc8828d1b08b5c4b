use std::io;

use futures_util::TryStreamExt;
use messaging_domain::limits::REPLAY_MAX;
use messaging_wire::Message;
use mongodb::bson::doc;
use mongodb::error::{Error as DriverError, Result as DriverResult};

use crate::model::{number, object_id};
use crate::{ConversationKey, Store, StoreError};

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryRange {
    /// The newest.
    Newest,
    /// The newest below a `seq`.
    Before(u64),
    /// The oldest above a `seq`.
    After(u64),
}

/// A part of a conversation's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Messages by ascending `seq`, without a gap.
    pub items: Vec<Message>,
    /// Whether the range goes on beyond them.
    pub has_more: bool,
}

impl Store {
    /// A page of a conversation's log, in its present state.
    ///
    /// It ends after `limit` messages (at most [`REPLAY_MAX`]), or before the message that would bring their JSON over
    /// `bytes_max`; it holds at least one if there is one.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn history(
        &self,
        key: &ConversationKey,
        range: HistoryRange,
        limit: u32,
        bytes_max: usize,
    ) -> Result<History, StoreError> {
        let limit = limit.clamp(1, REPLAY_MAX) as usize;
        self.mongo()
            .fenced(self.read_log(key, range, limit, bytes_max))
            .await
    }

    pub(crate) async fn read_log(
        &self,
        key: &ConversationKey,
        range: HistoryRange,
        limit: usize,
        bytes_max: usize,
    ) -> DriverResult<History> {
        let mut filter = doc! { "c": object_id(key.id()) };
        let direction = match range {
            HistoryRange::Newest => -1,
            HistoryRange::Before(seq) => {
                filter.insert("seq", doc! { "$lt": number(seq) });
                -1
            }
            HistoryRange::After(seq) => {
                filter.insert("seq", doc! { "$gt": number(seq) });
                1
            }
        };
        let messages = &self.mongo().collections().await?.messages;
        let mut found = messages
            .find(filter)
            .sort(doc! { "seq": direction })
            .limit(limit as i64 + 1)
            .batch_size(limit as u32 + 1)
            .await?;
        let mut history = History {
            items: Vec::new(),
            has_more: false,
        };
        let mut bytes = 0;
        while let Some(stored) = found.try_next().await? {
            let message = stored.into_wire(key);
            bytes += json_length(&message)?;
            if history.items.len() == limit || (bytes > bytes_max && !history.items.is_empty()) {
                history.has_more = true;
                break;
            }
            history.items.push(message);
        }
        if direction < 0 {
            history.items.reverse();
        }
        Ok(history)
    }
}

/// How long a message is in JSON, with the comma after it.
fn json_length(message: &Message) -> DriverResult<usize> {
    let mut length = Length(1);
    serde_json::to_writer(&mut length, message).map_err(DriverError::custom)?;
    Ok(length.0)
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
