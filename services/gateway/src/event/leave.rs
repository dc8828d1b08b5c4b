use std::sync::Arc;

use messaging_wire::Fault;
use messaging_wire::request::LeaveConversation;

use super::{Answer, parse_id};
use crate::app::Gateway;
use crate::client::Client;

impl Gateway {
    /// `leave_conversation`; leaving what was not joined is harmless.
    pub(super) async fn leave(
        &self,
        client: &Arc<Client>,
        request: &LeaveConversation,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let conversation = parse_id("conversationId", &request.conversation_id)?;
        self.stop_typing(client, conversation).await;
        self.end_membership(client, conversation).await;
        answer.done("");
        Ok(())
    }
}
