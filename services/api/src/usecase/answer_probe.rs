use messaging_bus::Route;

use super::{Messaging, Refusal};

impl Messaging {
    /// Does for a gateway what a message takes: a write that a majority has, and then an event that the gateway alone listens to.
    ///
    /// # Errors
    /// `unavailable`, when the write or the event did not go through.
    pub(crate) async fn answer_probe(&self, gateway: Route, number: u64) -> Result<(), Refusal> {
        self.store.note_probe(gateway.as_str()).await?;
        self.announcer
            .answer_probe(gateway, number)
            .await
            .map_err(|_| Refusal::Untold)
    }
}
