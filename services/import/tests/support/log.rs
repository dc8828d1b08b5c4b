//! What the new database has of a conversation.

use futures_util::TryStreamExt;
use messaging_domain::{ConversationId, MilestoneId};
use mongodb::Database;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

/// A conversation of the new database with its messages by `seq`.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) conversation: Document,
    pub(crate) messages: Vec<Document>,
}

impl Log {
    /// The conversation about a contract, or about a milestone of it; none if there is none.
    pub(crate) async fn find(
        database: &Database,
        contract: ObjectId,
        milestone: Option<ObjectId>,
    ) -> Option<Self> {
        let contract = contract.to_hex().parse().expect("a valid id");
        let milestone = milestone.map(|id| id.to_hex().parse::<MilestoneId>().expect("a valid id"));
        let id = ConversationId::derive(&contract, milestone.as_ref());
        let id = ObjectId::from_bytes(id.bytes());
        let conversations = database.collection::<Document>("conversations");
        let conversation = conversations
            .find_one(doc! { "_id": id })
            .await
            .expect("an answer")?;
        let messages = database.collection::<Document>("messages");
        let messages = messages.find(doc! { "c": id }).sort(doc! { "seq": 1 });
        let messages = messages.await.expect("an answer").try_collect().await;
        Some(Self {
            conversation,
            messages: messages.expect("documents"),
        })
    }

    pub(crate) fn contents(&self) -> Vec<&str> {
        self.messages
            .iter()
            .map(|message| message.get_str("content").expect("a text"))
            .collect()
    }

    /// How far client and freelancer have read.
    pub(crate) fn read_seqs(&self) -> [u64; 2] {
        ["readClient", "readFreelancer"].map(|field| {
            let mark = self.conversation.get_document(field).expect("a mark");
            u64::try_from(mark.get_i64("seq").expect("a number")).expect("no less than 0")
        })
    }

    /// Asserts that `seq` is 1, 2, 3 …, that counts, summary and read marks agree with the log.
    pub(crate) fn assert_whole(&self) {
        let client = self.conversation.get_str("client").expect("a client");
        let mut sent = [0, 0];
        let mut read_counts: Vec<[i64; 2]> = vec![sent];
        for (message, seq) in self.messages.iter().zip(1_i64..) {
            let is_by_client = message.get_str("sender").expect("a sender") == client;
            sent[usize::from(!is_by_client)] += 1;
            read_counts.push(sent);
            assert_eq!(message.get_i64("seq").expect("a number"), seq);
            let counts = ["nc", "nf"].map(|field| message.get_i64(field).expect("a number"));
            assert_eq!(counts, sent, "{message}");
        }
        let number = |field| self.conversation.get_i64(field).expect("a number");
        assert_eq!(number("lastSeq"), self.messages.len() as i64);
        assert_eq!([number("nc"), number("nf")], sent);
        let time = |message: Option<&Document>| message.map(|message| message["at"].clone());
        assert_eq!(
            self.conversation.get("createdAt"),
            time(self.messages.first()).as_ref()
        );
        for (field, other) in [("readClient", 1), ("readFreelancer", 0)] {
            let mark = self.conversation.get_document(field).expect("a mark");
            let seq = usize::try_from(mark.get_i64("seq").expect("a number")).expect("no less");
            assert_eq!(
                mark.get_i64("n").expect("a number"),
                read_counts[seq][other]
            );
        }
    }
}
