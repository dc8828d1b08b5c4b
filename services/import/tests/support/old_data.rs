//! A database as the NestJS module leaves it: the same one for the same numbers.

use std::collections::BTreeMap;

use mongodb::Database;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

/// When the first conversation began, in milliseconds.
const BEGIN: i64 = 1_700_000_000_000;

/// How the messages of a conversation say what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// `readBy` with users and times.
    ReadBy,
    /// `isRead`.
    IsRead,
    /// Nothing but the conversation's `unreadCounts`.
    Counted,
    /// Nothing at all.
    Silent,
}

/// An ordinary conversation of the old database, and what it is to become.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) number: u32,
    pub(crate) has_milestone: bool,
    pub(crate) messages: u32,
}

/// The documents of some collections, to be inserted.
#[derive(Default)]
pub(crate) struct Documents(BTreeMap<&'static str, Vec<Document>>);

/// An id by the kind of thing and its number; its time grows with the number.
pub(crate) fn id(kind: u8, number: u32) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[..4].copy_from_slice(&(1_700_000_000 + number).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

pub(crate) fn client(number: u32) -> ObjectId {
    id(1, number)
}

pub(crate) fn freelancer(number: u32) -> ObjectId {
    id(2, number)
}

pub(crate) fn contract(number: u32) -> ObjectId {
    id(3, number)
}

pub(crate) fn milestone(number: u32) -> ObjectId {
    id(4, number)
}

pub(crate) fn conversation(number: u32) -> ObjectId {
    id(5, number)
}

pub(crate) fn at(millis: i64) -> DateTime {
    DateTime::from_millis(BEGIN + millis)
}

/// A contract with one milestone.
pub(crate) fn contract_document(number: u32) -> Document {
    doc! {
        "_id": contract(number), "clientId": client(number), "freelancerId": freelancer(number),
        "title": format!("Contract {number}"), "status": "active",
        "milestones": [{ "_id": milestone(number), "title": "First draft", "amount": 100.5, "dueDate": at(0), "status": "open" }],
        "createdAt": at(0), "updatedAt": at(1_000), "__v": 0,
    }
}

/// A conversation about a contract.
pub(crate) fn conversation_document(number: u32, contract_number: u32) -> Document {
    doc! {
        "_id": conversation(number), "contractId": contract(contract_number),
        "participants": [client(contract_number), freelancer(contract_number)],
        "lastMessage": "what was said last", "lastMessageAt": at(0),
        "createdAt": at(2_000), "updatedAt": at(3_000), "__v": 3,
    }
}

/// A message of a conversation.
pub(crate) fn message_document(
    number: u32,
    conversation_number: u32,
    sender: ObjectId,
    content: impl Into<Bson>,
    millis: i64,
) -> Document {
    doc! {
        "_id": id(6, number), "conversationId": conversation(conversation_number),
        "senderId": sender, "content": content.into(),
        "createdAt": at(millis), "updatedAt": at(millis), "__v": 0,
    }
}

impl Documents {
    pub(crate) fn add(&mut self, collection: &'static str, document: Document) {
        self.0.entry(collection).or_default().push(document);
    }

    pub(crate) async fn insert(self, database: &Database) {
        for (collection, documents) in self.0 {
            for documents in documents.chunks(5_000) {
                let collection = database.collection::<Document>(collection);
                let inserted = collection.insert_many(documents).ordered(false).await;
                inserted.expect("the old database takes it");
            }
        }
    }
}

impl Talk {
    /// Conversations one after the other, each of so many messages; each third is about a milestone.
    pub(crate) fn some(count: u32, messages: u32) -> Vec<Self> {
        let talk = |number| Self {
            number,
            has_milestone: number % 3 == 2,
            messages,
        };
        (0..count).map(talk).collect()
    }

    pub(crate) fn reading(&self) -> Reading {
        match self.number % 4 {
            0 => Reading::ReadBy,
            1 => Reading::IsRead,
            2 => Reading::Counted,
            _ => Reading::Silent,
        }
    }

    /// Whether ids are kept as text, and times too.
    fn is_of_text(&self) -> bool {
        self.number % 7 == 6
    }

    /// The texts in the order in which they were sent.
    pub(crate) fn contents(&self) -> Vec<String> {
        let content = |k| format!("message {k} of {}", self.number);
        (0..self.messages).map(content).collect()
    }

    fn is_by_client(k: u32) -> bool {
        k % 3 != 1
    }

    /// From this message on nothing was read.
    fn unread_from(&self) -> u32 {
        self.messages * 3 / 5
    }

    /// How far client and freelancer had read.
    pub(crate) fn read_seqs(&self) -> [u64; 2] {
        let of_other = |by_client: bool| move |k: &u32| Self::is_by_client(*k) == by_client;
        let seq = |by_client: bool, counted: usize| {
            let mut others = (0..self.messages).filter(of_other(by_client));
            let first_unread = match self.reading() {
                Reading::ReadBy | Reading::IsRead => others.find(|k| *k >= self.unread_from()),
                Reading::Counted if counted == 0 => None,
                Reading::Counted => others.nth_back(counted - 1),
                Reading::Silent => others.next(),
            };
            u64::from(first_unread.unwrap_or(self.messages))
        };
        [seq(false, 2), seq(true, 0)]
    }

    /// Adds the contract, the conversation and its messages, these out of order.
    pub(crate) fn add_to(&self, documents: &mut Documents) {
        let number = self.number;
        documents.add("contracts", contract_document(number));
        let mut conversation = conversation_document(number, number);
        if self.has_milestone {
            conversation.insert("milestoneId", milestone(number));
        } else if number.is_multiple_of(2) {
            conversation.insert("milestoneId", Bson::Null);
        }
        if self.reading() == Reading::Counted {
            let mut counts = Document::new();
            counts.insert(client(number).to_hex(), 2);
            conversation.insert("unreadCounts", counts);
        }
        documents.add("conversations", conversation);
        let backwards = (0..self.messages).rev();
        backwards.for_each(|k| documents.add("messages", self.message(k)));
    }

    fn message(&self, k: u32) -> Document {
        let number = self.number;
        let (sender, recipient) = if Self::is_by_client(k) {
            (client(number), freelancer(number))
        } else {
            (freelancer(number), client(number))
        };
        // Each two have one time; then the id decides.
        let millis = 10_000 + i64::from(k / 2) * 1_000;
        let content = format!("message {k} of {number}");
        let id = number * self.messages + k;
        let mut message = message_document(id, number, sender, content, millis);
        message.insert("contractId", contract(number));
        let is_read = k < self.unread_from();
        match self.reading() {
            Reading::ReadBy => {
                let reading = doc! { "userId": recipient, "readAt": at(millis + 500) };
                message.insert("readBy", if is_read { vec![reading] } else { Vec::new() });
            }
            Reading::IsRead => {
                message.insert("isRead", is_read);
            }
            Reading::Counted | Reading::Silent => {}
        }
        if self.is_of_text() {
            message.insert("conversationId", conversation(number).to_hex());
            message.insert("senderId", sender.to_hex());
            let time = at(millis)
                .try_to_rfc3339_string()
                .expect("a time of this age");
            message.insert("createdAt", time);
        }
        message
    }
}
