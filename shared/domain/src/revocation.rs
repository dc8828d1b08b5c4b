use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::TOKEN_ID_LENGTH_MAX;
use crate::{Timestamp, UserId};

/// The id that the host platform gave a token: its claim `jti`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(Box<str>);

/// A text by which no token can be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 1 to 128 printable characters of ASCII, without spaces")]
pub struct TokenIdError;

impl TokenId {
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = TokenIdError;

    fn from_str(text: &str) -> Result<Self, TokenIdError> {
        let fits = (1..=TOKEN_ID_LENGTH_MAX).contains(&text.len());
        let is_good = fits && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then(|| Self(text.into())).ok_or(TokenIdError)
    }
}

impl TryFrom<String> for TokenId {
    type Error = TokenIdError;

    fn try_from(text: String) -> Result<Self, TokenIdError> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What must be kept of a token to tell later whether it was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenMark {
    /// When it was issued, in whole seconds since 1970; a token that does not say so counts as issued long ago.
    pub issued_at: Option<i64>,
    /// Its own id, if it has one by which it can be revoked.
    pub id: Option<TokenId>,
}

/// Whose tokens, or which one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revoked {
    /// Those of a user that were issued up to some time.
    User(UserId),
    /// One token.
    Token(TokenId),
}

/// A text that names nothing that could be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not one that a page gave")]
pub struct RevokedError;

const USER: &str = "user.";
const TOKEN: &str = "token.";

/// A name that is safe in keys of the bus and in paths, whatever a token's id holds.
impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{USER}{user}"),
            Self::Token(id) => {
                let id = BASE64URL_NOPAD.encode(id.as_str().as_bytes());
                write!(f, "{TOKEN}{id}")
            }
        }
    }
}

impl FromStr for Revoked {
    type Err = RevokedError;

    fn from_str(name: &str) -> Result<Self, RevokedError> {
        if let Some(user) = name.strip_prefix(USER) {
            return user.parse().map(Self::User).map_err(|_| RevokedError);
        }
        let encoded = name.strip_prefix(TOKEN).ok_or(RevokedError)?;
        let id = BASE64URL_NOPAD.decode(encoded.as_bytes());
        let id = String::from_utf8(id.map_err(|_| RevokedError)?);
        let id = id.map_err(|_| RevokedError)?.parse();
        id.map(Self::Token).map_err(|_| RevokedError)
    }
}

/// That tokens hold no more although they have not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Whose, or which one.
    pub of: Revoked,
    /// Of a user: tokens issued at this time or earlier are void, in whole seconds. Of a token: when it was revoked.
    pub before: Timestamp,
    /// When it is forgotten; the tokens must have expired by then.
    pub expires_at: Timestamp,
}

/// What is heard of revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationNews {
    /// From here on each one that there is will be told of.
    Begun,
    /// There is such a revocation.
    Noted(Revocation),
    /// It was lifted, or is over.
    Lifted(Revoked),
    /// All that there are have been told of since the beginning: what was not is no longer there.
    AllTold,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_id_is_printable_and_bounded() {
        for good in [
            "a",
            "2f1c-9",
            "urn:uuid:6ba7b810/x+y==",
            &"~".repeat(TOKEN_ID_LENGTH_MAX),
        ] {
            let id: TokenId = good.parse().expect(good);
            assert_eq!(id.as_str(), good);
        }
        for bad in [
            "",
            "a b",
            "ä",
            "a\n",
            "a\u{7f}",
            &"x".repeat(TOKEN_ID_LENGTH_MAX + 1),
        ] {
            assert_eq!(bad.parse::<TokenId>(), Err(TokenIdError), "{bad:?}");
        }
    }

    #[test]
    fn a_name_says_what_is_revoked_and_nothing_else_reads_as_one() {
        let user = Revoked::User("u-1".parse().expect("valid"));
        assert_eq!(user.to_string(), "user.u-1");
        let token = Revoked::Token("a.b/*>".parse().expect("valid"));
        assert_eq!(token.to_string(), "token.YS5iLyo-");
        for bad in [
            "",
            "user.",
            "user.a b",
            "token.",
            "token.!",
            "token.YS5iLyo-=",
            "token.IA",
            "complete",
        ] {
            assert_eq!(bad.parse::<Revoked>(), Err(RevokedError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn names_are_one_level_below_their_kind_and_read_back(id in "[!-~]{1,128}") {
            let token = Revoked::Token(id.parse().expect("printable"));
            let name = token.to_string();
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            prop_assert!(name[TOKEN.len()..].chars().all(allowed), "{name}");
            prop_assert_eq!(name.parse(), Ok(token));
        }

        #[test]
        fn any_text_is_refused_or_reads_back(text in "(user|token)?\\.?.{0,20}") {
            if let Ok(name) = text.parse::<Revoked>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
