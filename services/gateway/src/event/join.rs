use std::sync::Arc;

use messaging_domain::ConversationId;
use messaging_domain::limits::REPLAY_MAX;
use messaging_wire::Fault;
use messaging_wire::command::Viewed;
use messaging_wire::request::JoinConversation;
use serde_json::value::RawValue;

use super::{Answer, parse_id};
use crate::app::Gateway;
use crate::client::Client;

impl Gateway {
    /// `join_conversation`: from here on the client gets what happens in it, and first what it missed, if it says what it has.
    pub(super) async fn join(
        &self,
        client: &Arc<Client>,
        request: &JoinConversation,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let conversation = parse_id("conversationId", &request.conversation_id)?;
        if let Some(since) = client.joined_since(conversation) {
            return self
                .join_again(client, conversation, since, request.after_seq, answer)
                .await;
        }
        self.begin_join(client, conversation).await?;
        match self
            .replay_missed(client, conversation, request.after_seq)
            .await
        {
            Ok(Joined {
                viewed,
                since,
                replayed,
                has_more,
            }) => {
                client.note_joined(conversation, since);
                answer.done(&members(&viewed.conversation, replayed, has_more));
                self.go_live(client, conversation, viewed.last_seq).await;
                Ok(())
            }
            Err(fault) => {
                self.end_membership(client, conversation).await;
                Err(fault)
            }
        }
    }

    /// Replays what is asked for, and notes for a recovery that the client has joined: before it hears of it.
    async fn replay_missed(
        &self,
        client: &Client,
        conversation: ConversationId,
        after: Option<u64>,
    ) -> Result<Joined, Fault> {
        let viewed = self.api.view(&client.user, conversation).await?;
        let last = viewed.last_seq;
        let after = after.filter(|after| *after < last).unwrap_or(last);
        let up_to = last.min(after.saturating_add(REPLAY_MAX.into()));
        let has_more = up_to < last;
        // What was cut off, or said to be there already, it has not been sent.
        let since = if has_more { last } else { after };
        if !has_more {
            self.note_membership(client, conversation, since).await?;
        }
        let reached = self.replay(client, conversation, after, up_to).await?;
        if reached < up_to {
            // The view told of messages that the log then did not show, or the client is gone: never call that whole.
            return Err(Fault::unavailable());
        }
        if has_more {
            self.note_membership(client, conversation, since).await?;
        }
        Ok(Joined {
            viewed,
            since,
            replayed: reached - after,
            has_more,
        })
    }

    /// Answers a client that has joined already: it has all since then, and what came before it can fetch by REST.
    async fn join_again(
        &self,
        client: &Client,
        conversation: ConversationId,
        since: u64,
        after: Option<u64>,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let viewed = self.api.view(&client.user, conversation).await?;
        // The log may be ahead of what has arrived, and what comes after the answer must be above the `lastSeq` in it.
        self.refill.reach(conversation, viewed.last_seq).await?;
        answer.done(&members(
            &viewed.conversation,
            0,
            after.is_some_and(|after| after < since),
        ));
        Ok(())
    }
}

/// What joining found.
struct Joined {
    viewed: Viewed<Box<RawValue>>,
    /// After which `seq` the client has all of it.
    since: u64,
    replayed: u64,
    has_more: bool,
}

fn members(conversation: &RawValue, replayed: u64, has_more: bool) -> String {
    format!(
        r#""conversation":{},"replayed":{replayed},"hasMore":{has_more}"#,
        conversation.get()
    )
}
