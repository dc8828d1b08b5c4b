use std::sync::Arc;

use messaging_auth::TokenError;
use messaging_domain::Timestamp;
use messaging_wire::request::RefreshToken;
use messaging_wire::{ErrorCode, Fault};

use super::Answer;
use crate::app::Gateway;
use crate::client::Client;

/// How much longer a connection lives whose new token is being checked, in milliseconds: a check may wait for keys.
const CHECK_MS_MAX: i64 = 3_000;

impl Gateway {
    /// `refresh_token`: the connection may stay for as long as the new token holds.
    pub(super) async fn refresh_token(
        &self,
        client: &Arc<Client>,
        request: &RefreshToken,
        answer: &Answer<'_>,
    ) -> Result<(), Fault> {
        // Counted from the end of the old token, so that one bad token after the other does not keep a connection alive.
        let old = client.expires_at();
        let checked = Timestamp::from_millis(old.millis().saturating_add(CHECK_MS_MAX));
        self.expiry.move_to(client, checked);
        let proved = self.verifier.verify(&request.token).await;
        let expires_at = match proved.map_err(refused) {
            Ok(identity) if identity.user == client.user => {
                client.set_mark(identity.mark);
                Ok(identity.expires_at)
            }
            Ok(_) => Err(Fault::new(
                ErrorCode::Forbidden,
                "the token is another user's",
            )),
            Err(fault) => Err(fault),
        };
        self.expiry
            .move_to(client, *expires_at.as_ref().unwrap_or(&old));
        self.close_if_void(client);
        answer.done(&format!(r#""expiresAt":"{}""#, expires_at?));
        Ok(())
    }
}

/// The answer to a token that is refused.
pub(crate) fn refused(error: TokenError) -> Fault {
    match error {
        TokenError::Expired | TokenError::Revoked | TokenError::Invalid => unauthorized(),
        TokenError::NoKeys => Fault::unavailable(),
    }
}

/// The answer to a token that is missing or refused: one message for each fault, as clients compare it.
pub(crate) fn unauthorized() -> Fault {
    Fault::new(ErrorCode::Unauthorized, "unauthorized")
}
