use std::sync::Arc;

use messaging_wire::request::RefreshToken;
use messaging_wire::{ErrorCode, Fault};

use super::Answer;
use crate::app::Gateway;
use crate::client::Client;

impl Gateway {
    /// `refresh_token`: the connection may stay for as long as the new token holds.
    pub(super) fn refresh_token(
        &self,
        client: &Arc<Client>,
        request: &RefreshToken,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        let identity = self
            .verifier
            .verify(&request.token)
            .map_err(|_| unauthorized())?;
        if identity.user != client.user {
            return Err(Fault::new(
                ErrorCode::Forbidden,
                "the token is another user's",
            ));
        }
        self.expiry.move_to(client, identity.expires_at);
        answer.done(&format!(r#""expiresAt":"{}""#, identity.expires_at));
        Ok(())
    }
}

/// The answer to a token that is missing or refused: one message for each fault, as clients compare it.
pub(crate) fn unauthorized() -> Fault {
    Fault::new(ErrorCode::Unauthorized, "unauthorized")
}
