//! What the checker asks the API service, as any user could.

use std::{collections::BTreeMap, time::Duration};

use messaging_auth::Role;
use messaging_test_support::eventually_some;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::tokens::token;

const CALL_BOUND: Duration = Duration::from_secs(10);
/// How long a call is repeated that is refused or breaks.
const REPEAT_BOUND: Duration = Duration::from_secs(40);
const PAGE: usize = 100;

/// A message as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) sender_id: String,
    pub(crate) content: String,
    pub(crate) client_message_id: Option<String>,
    pub(crate) created_at: String,
    pub(crate) edited_at: Option<String>,
    pub(crate) deleted_at: Option<String>,
}

/// A conversation as one user's list has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) participants: Vec<Participant>,
    pub(crate) last_seq: u64,
    pub(crate) last_message: Option<Message>,
    pub(crate) unread_count: u64,
}

/// A participant of a conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    pub(crate) user_id: String,
    pub(crate) read_seq: u64,
    pub(crate) unread_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Message>,
    has_more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    items: Vec<Conversation>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Presences {
    items: Vec<Presence>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Presence {
    user_id: String,
    status: String,
}

/// The API service behind its front.
#[derive(Clone)]
pub(crate) struct Rest {
    url: String,
}

impl Rest {
    pub(crate) const fn new(url: String) -> Self {
        Self { url }
    }

    /// Makes a contract, and its conversation by a first message; returns the conversation's id.
    pub(crate) async fn open_conversation(
        &self,
        contract: &str,
        client: &str,
        freelancer: &str,
    ) -> String {
        let host = token("chaos-host", Some(Role::Service));
        let body = json!({ "clientId": client, "freelancerId": freelancer });
        let path = format!("/api/contracts/{contract}");
        let _contract: Value = self.call("PUT", &path, &host, Some(body)).await;
        let body = json!({ "contractId": contract, "content": FIRST, "clientMessageId": FIRST });
        let client = token(client, None);
        let sent: Value = self
            .call("POST", "/api/messages", &client, Some(body))
            .await;
        sent["conversationId"]
            .as_str()
            .expect("a message has a conversation")
            .to_owned()
    }

    /// All messages of a conversation, page by page.
    pub(crate) async fn log(&self, conversation: &str, user: &str) -> Vec<Message> {
        let token = token(user, None);
        let mut log: Vec<Message> = Vec::new();
        loop {
            let after = log.last().map_or(0, |message| message.seq);
            let path = format!(
                "/api/messages/conversations/{conversation}/messages?limit={PAGE}&after={after}"
            );
            let page: Page = self.call("GET", &path, &token, None).await;
            log.extend(page.items);
            if !page.has_more {
                return log;
            }
        }
    }

    /// The conversations of a user in the order of his list.
    pub(crate) async fn conversations(&self, user: &str) -> Vec<Conversation> {
        let token = token(user, None);
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/messages/conversations?limit=2{cursor}");
            let list: List = self.call("GET", &path, &token, None).await;
            all.extend(list.items);
            match list.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Who of some users is online, as a user who knows them is told.
    pub(crate) async fn presence(&self, asker: &str, users: &[String]) -> BTreeMap<String, bool> {
        let path = format!("/api/presence?userIds={}", users.join(","));
        let presences: Presences = self.call("GET", &path, &token(asker, None), None).await;
        let items = presences.items.into_iter();
        items
            .map(|item| (item.user_id, item.status == "online"))
            .collect()
    }

    /// Calls until the answer is a good one.
    async fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> T {
        let what = format!("{method} {path} is answered");
        eventually_some(REPEAT_BOUND, &what, async || {
            let url = format!("{}{path}", self.url);
            let (token, body) = (token.to_owned(), body.clone());
            tokio::task::spawn_blocking(move || call_once(method, &url, &token, body))
                .await
                .expect("it does not panic")
        })
        .await
    }
}

/// The text and the `clientMessageId` of the message that opens a conversation.
pub(crate) const FIRST: &str = "first";

/// Whether a service says that it is ready.
pub(crate) async fn is_ready(url: &str) -> bool {
    let url = format!("{url}/health/ready");
    let call = move || {
        let bound = ureq::get(&url)
            .config()
            .timeout_global(Some(CALL_BOUND))
            .build();
        bound.call().is_ok()
    };
    tokio::task::spawn_blocking(call).await.unwrap_or(false)
}

fn call_once<T: DeserializeOwned>(
    method: &str,
    url: &str,
    token: &str,
    body: Option<Value>,
) -> Option<T> {
    let authorization = format!("Bearer {token}");
    let answer = match (method, body) {
        ("GET", _) => ureq::get(url)
            .header("authorization", &authorization)
            .config()
            .timeout_global(Some(CALL_BOUND))
            .build()
            .call(),
        (_, body) => {
            let request = match method {
                "PUT" => ureq::put(url),
                _ => ureq::post(url),
            };
            request
                .header("authorization", &authorization)
                .config()
                .timeout_global(Some(CALL_BOUND))
                .build()
                .send_json(body.unwrap_or_default())
        }
    };
    answer.ok()?.body_mut().read_json().ok()
}
