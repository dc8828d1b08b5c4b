use messaging_wire::Fault;
use serde_json::value::RawValue;

use super::Answer;
use crate::app::Gateway;
use crate::client::Client;

impl Gateway {
    /// Has an API replica do what the event says, and passes its answer on.
    pub(super) async fn forward(
        &self,
        client: &Client,
        command: &str,
        data: &RawValue,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let acknowledgement = self.api.client_event(command, &client.user, data).await?;
        answer.pass_on(&acknowledgement);
        Ok(())
    }
}
