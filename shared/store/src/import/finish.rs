use messaging_domain::{Party, Timestamp};
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;

use super::{ImportLog, ImportMode, NAME_PREFIX};
use crate::StoreError;
use crate::head::last_message;
use crate::model::{Head, StoredConversation, date, mark_field, number, object_id};
use crate::summary::catch_up;

/// How far a party had read in the other system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportedRead {
    /// The first message of the other party that was not read; none if all were.
    pub unread_from: Option<u64>,
    /// When the party last read, if that is known.
    pub at: Option<Timestamp>,
}

/// What finishing a conversation wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Finished {
    /// Whether the summary was behind the log.
    pub summary_written: bool,
    /// Read marks that grew.
    pub marks_moved: u64,
}

impl ImportLog {
    /// Brings the summary and the read marks up to the log, once all messages are in; writes nothing if they are.
    ///
    /// A mark never shrinks, and never passes a message that the other system knows nothing of, unless it was read here.
    ///
    /// # Errors
    /// When MongoDB does not answer.
    pub async fn finish(
        mut self,
        client: ImportedRead,
        freelancer: ImportedRead,
    ) -> Result<Finished, StoreError> {
        if self.mode == ImportMode::Look {
            return Ok(Finished::default());
        }
        let marks = [(Party::Client, client), (Party::Freelancer, freelancer)];
        let store = self.store.clone();
        store.mongo().fenced(self.bring_up(marks)).await
    }

    async fn bring_up(&mut self, marks: [(Party, ImportedRead); 2]) -> DriverResult<Finished> {
        let mongo = self.store.mongo();
        let Some(last) = last_message(mongo, self.key.id()).await? else {
            return Ok(Finished::default());
        };
        // Somebody may have written here since the last message was brought; nothing has collided with that yet.
        self.has_others |= last.seq > self.head.seq;
        let stored = self.store.stored_conversation(&self.key).await?;
        let mut finished = Finished {
            summary_written: catch_up(mongo, &stored, &last).await?,
            marks_moved: 0,
        };
        for (reader, read) in marks {
            let is_moved = self.move_mark(&stored, last.head(), reader, read).await?;
            finished.marks_moved += u64::from(is_moved);
        }
        Ok(finished)
    }

    async fn move_mark(
        &self,
        stored: &StoredConversation,
        head: Head,
        reader: Party,
        read: ImportedRead,
    ) -> DriverResult<bool> {
        let mark = stored.mark(reader);
        let live = self.live_unread_from(reader, mark.seq).await?;
        let stop = read.unread_from.into_iter().chain(live).min();
        let seq = stop.map_or(head.seq, |first| first.saturating_sub(1));
        if seq <= mark.seq {
            return Ok(false);
        }
        let Some(target) = self.store.count_at(&self.key, head, seq).await? else {
            return Ok(false);
        };
        let field = mark_field(reader);
        let behind =
            doc! { "_id": stored.id, format!("{field}.seq"): { "$lt": number(target.seq) } };
        let at = read.at.max(mark.at).map(date);
        let mark = doc! {
            "seq": number(target.seq),
            "n": number(target.counts.of(reader.other())),
            "at": at,
        };
        // The field that tells services of recent readings is left alone: nobody is to be told of these.
        let conversations = &self.store.mongo().collections().await?.conversations;
        let moved = conversations
            .update_one(behind, doc! { "$set": { field: mark } })
            .await?;
        Ok(moved.matched_count == 1)
    }

    /// The first message above a `seq` that the other party sent here.
    async fn live_unread_from(&self, reader: Party, above: u64) -> DriverResult<Option<u64>> {
        if !self.has_others {
            return Ok(None);
        }
        let messages = &self.store.mongo().collections().await?.messages;
        let live = messages
            .find_one(doc! {
                "c": object_id(self.key.id()),
                "seq": { "$gt": number(above) },
                "sender": self.key.parties().user(reader.other()).as_str(),
                "cmid": { "$not": { "$regex": format!("^{NAME_PREFIX}") } },
            })
            .sort(doc! { "seq": 1 })
            .await?;
        Ok(live.map(|message| message.seq))
    }
}
