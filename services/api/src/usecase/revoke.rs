use std::time::Duration;

use messaging_domain::limits::{REVOCATIONS_PAGE_DEFAULT, REVOCATIONS_PAGE_MAX};
use messaging_domain::{Revocation, Revoked, Timestamp};
use messaging_lifecycle::now;
use messaging_wire::request::{RevokeToken, RevokeUser};
use messaging_wire::{RevocationKind, RevocationsPage};

use super::{Fields, Messaging, Refusal};

/// How far ahead of ours the clock may be by which a host says from when on tokens hold.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);

impl Messaging {
    /// Makes void what tokens a user has, those issued after some time excepted.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::LimitReached`] if there are too many revocations.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn revoke_user(
        &self,
        user: &str,
        request: &RevokeUser,
    ) -> Result<messaging_wire::Revocation, Refusal> {
        let now = now();
        let mut fields = Fields::new();
        let user = fields.parse("userId", user);
        let before = fields.parse_optional("before", request.before.as_deref());
        let before = before.unwrap_or(now);
        if before > later(now, CLOCK_SKEW_MAX) {
            fields.note("before", "must not be in the future");
        }
        let of = Revoked::User(fields.finish(user)?);
        self.revoke(of, before, None, now).await
    }

    /// Makes one token void.
    ///
    /// # Errors
    /// As of [`revoke_user`](Self::revoke_user).
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn revoke_token(
        &self,
        token: &str,
        request: &RevokeToken,
    ) -> Result<messaging_wire::Revocation, Refusal> {
        let now = now();
        let mut fields = Fields::new();
        let token = fields.parse("jti", token);
        let expires_at = fields.parse_optional("expiresAt", request.expires_at.as_deref());
        if expires_at.is_some_and(|at| at <= now) {
            fields.note("expiresAt", "must be in the future");
        }
        if expires_at.is_some_and(|at| at > later(now, EXPIRY_MAX)) {
            fields.note("expiresAt", "must be within ten years");
        }
        let of = Revoked::Token(fields.finish(token)?);
        self.revoke(of, now, expires_at, now).await
    }

    async fn revoke(
        &self,
        of: Revoked,
        before: Timestamp,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<messaging_wire::Revocation, Refusal> {
        let limits = self.revocations.limits();
        let revocation = Revocation {
            of,
            before,
            expires_at: expires_at.unwrap_or_else(|| later(now, limits.lifetime)),
        };
        let stored = self.store.revoke(&revocation, limits.count_max).await?;
        self.revocations.tell(&stored).await;
        Ok(shown(stored))
    }

    /// Lets a user's tokens hold again, as far as they do otherwise.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such revocation.
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn lift_of_user(&self, user: &str) -> Result<(), Refusal> {
        let mut fields = Fields::new();
        let user = fields.parse("userId", user);
        self.lift(Revoked::User(fields.finish(user)?)).await
    }

    /// Lets a token hold again, as far as it does otherwise.
    ///
    /// # Errors
    /// As of [`lift_of_user`](Self::lift_of_user).
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn lift_of_token(&self, token: &str) -> Result<(), Refusal> {
        let mut fields = Fields::new();
        let token = fields.parse("jti", token);
        self.lift(Revoked::Token(fields.finish(token)?)).await
    }

    async fn lift(&self, of: Revoked) -> Result<(), Refusal> {
        let was_there = self.store.lift_revocation(&of).await?;
        // Told even if there was none: whoever asks again may have been told that it was unknown what became of the first time.
        self.revocations.tell_lifted(&of).await;
        // Who has revoked it at this moment by another replica may have told of it before.
        for made_anew in self.store.revocations_of(&[of]).await? {
            self.revocations.tell(&made_anew).await;
        }
        was_there.then_some(()).ok_or(Refusal::NotFound)
    }

    /// A page of the revocations that are in force.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a limit out of range and for a cursor that no page gave; [`Refusal::Store`].
    #[tracing::instrument(target = "messaging_trace", level = "trace", skip_all)]
    pub(crate) async fn list_revocations(
        &self,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<RevocationsPage, Refusal> {
        let mut fields = Fields::new();
        let limit = fields.page_limit(limit, REVOCATIONS_PAGE_DEFAULT, REVOCATIONS_PAGE_MAX);
        let after: Option<Revoked> = fields.parse_optional("cursor", cursor);
        let limit = fields.finish(limit)?;
        let page = self.store.revocations_after(after.as_ref(), limit).await?;
        Ok(RevocationsPage {
            items: page.items.into_iter().map(shown).collect(),
            next_cursor: page.next.map(|last| last.to_string()),
        })
    }
}

/// How late a token may expire that is revoked.
const EXPIRY_MAX: Duration = Duration::from_secs(3_650 * 24 * 3_600);

fn shown(revocation: Revocation) -> messaging_wire::Revocation {
    let (kind, id) = match revocation.of {
        Revoked::User(user) => (RevocationKind::User, user.into()),
        Revoked::Token(id) => (RevocationKind::Token, id.into()),
    };
    messaging_wire::Revocation {
        kind,
        id,
        before: revocation.before,
        expires_at: revocation.expires_at,
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.millis().saturating_add(by))
}
