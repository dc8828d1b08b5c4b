use std::time::Duration;

use serde_json::json;

use super::crowd::Seat;
use crate::cluster::{Cluster, token};

/// How many connections a user has there: fewer than `CONNECTIONS_PER_USER_MAX`, as one that has ended may still count.
const SEATS_PER_USER: usize = 9;

/// Characters of a message, and a character of four bytes: the largest message that there is.
const CHARACTERS: usize = 10_000;
const CHARACTER: &str = "🙂";

/// Conversations whose users are as many connections as they may be, and in which somebody talks.
pub(super) struct Town {
    conversations: Vec<Conversation>,
}

struct Conversation {
    id: String,
    tokens: [String; 2],
}

impl Town {
    /// How many seats there are in a conversation.
    pub(super) const SEATS: usize = 2 * SEATS_PER_USER;

    pub(super) async fn build(cluster: &Cluster, conversations: usize) -> Self {
        let mut town = Self {
            conversations: Vec::new(),
        };
        for number in 0..conversations {
            let contract = format!("town-{number}");
            let users = ["client", "freelancer"].map(|role| format!("{contract}-{role}"));
            cluster.put_contract(&contract, &users[0], &users[1]).await;
            let tokens = users.map(|user| token(&user, None));
            let body = json!({ "contractId": contract, "content": "first" });
            let message = cluster.post("/api/messages", &tokens[0], body).await;
            let message = message.expect("the first message is taken");
            let id = message["conversationId"]
                .as_str()
                .expect("an id")
                .to_owned();
            town.conversations.push(Conversation { id, tokens });
        }
        town
    }

    pub(super) const fn conversations(&self) -> u64 {
        self.conversations.len() as u64
    }

    /// Each connection that its users may have.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        let seats = (0..SEATS_PER_USER).flat_map(|_| &self.conversations);
        seats.flat_map(|Conversation { id, tokens }| {
            tokens.iter().map(|token| Seat {
                token: token.clone(),
                conversation: id.clone(),
            })
        })
    }

    /// Says something long in one conversation after the other, for ever; each has so many messages a second.
    pub(super) async fn talk(&self, cluster: &Cluster, per_second: f64) {
        let text = CHARACTER.repeat(CHARACTERS);
        let rate = per_second * self.conversations.len() as f64;
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        for conversation in self.conversations.iter().cycle() {
            ticks.tick().await;
            let path = format!("/api/messages/conversations/{}/messages", conversation.id);
            let body = json!({ "content": text });
            // One that is not taken is one less to hold, and no good client's.
            let _late = cluster.post(&path, &conversation.tokens[0], body).await;
        }
    }
}
