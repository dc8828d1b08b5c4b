use std::io;
use std::path::Path;
use std::sync::Arc;

use async_nats::{ConnectOptions, ServerAddr};
use nkeys::KeyPair;
use percent_encoding::percent_decode_str;

/// How we show NATS who we are.
#[derive(Clone, Default)]
pub(crate) enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A user and a password, of a server's URL.
    Password { user: String, password: String },
    /// A token, of a server's URL.
    Token(String),
    /// A file with a signed statement of who we are, and the key that it names.
    Credentials {
        text: String,
        jwt: String,
        key: Arc<KeyPair>,
    },
}

impl Auth {
    /// What the credentials file says, or else the first URL that has a name in it.
    pub(crate) fn read(servers: &[ServerAddr], credentials: Option<&Path>) -> io::Result<Self> {
        if let Some(file) = credentials {
            return Self::of_credentials(std::fs::read_to_string(file)?);
        }
        let named = servers.iter().find(|server| server.has_user_pass());
        Ok(
            match named.map(|server| (server.username(), server.password())) {
                Some((Some(user), Some(password))) => Self::Password {
                    user: decoded(user),
                    password: decoded(password),
                },
                Some((Some(token), None)) => Self::Token(decoded(token)),
                _ => Self::None,
            },
        )
    }

    /// Two blocks between lines of dashes: the statement and the seed.
    fn of_credentials(text: String) -> io::Result<Self> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let is_fence = |line: &str| line.starts_with("---") && line.ends_with("---");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let mut blocks = lines.windows(3).filter_map(|three| match three {
            [before, block, after] if is_fence(before) && is_fence(after) => Some(*block),
            _ => None,
        });
        let jwt = blocks.next().ok_or_else(|| invalid("it has no user JWT"))?;
        let seed = blocks.next().ok_or_else(|| invalid("it has no seed"))?;
        let key = KeyPair::from_seed(seed).map_err(|_| invalid("its seed is not one"))?;
        Ok(Self::Credentials {
            jwt: jwt.to_owned(),
            key: Arc::new(key),
            text,
        })
    }

    /// Tells the client.
    pub(crate) fn apply(&self, options: ConnectOptions) -> io::Result<ConnectOptions> {
        Ok(match self {
            Self::None => options,
            Self::Password { user, password } => {
                options.user_and_password(user.clone(), password.clone())
            }
            Self::Token(token) => options.token(token.clone()),
            Self::Credentials { text, .. } => options.credentials(text)?,
        })
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_url(url: &str) -> Auth {
        let server = url.parse().expect("a URL of NATS");
        Auth::read(&[server], None).expect("there is no file to read")
    }

    #[test]
    fn a_url_says_who_we_are() {
        assert!(matches!(of_url("nats://nats:4222"), Auth::None));
        let Auth::Password { user, password } = of_url("nats://me:p%40ss@nats:4222") else {
            panic!("it has a password");
        };
        assert_eq!((user.as_str(), password.as_str()), ("me", "p@ss"));
        let Auth::Token(token) = of_url("nats://t0ken@nats:4222") else {
            panic!("it has a token");
        };
        assert_eq!(token, "t0ken");
    }

    #[test]
    fn credentials_have_a_statement_and_a_seed() {
        let seed = nkeys::KeyPair::new_user().seed().expect("a new key");
        let text = format!(
            "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n\n***** IMPORTANT *****\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let Ok(Auth::Credentials { jwt, key, .. }) = Auth::of_credentials(text.clone()) else {
            panic!("they are whole");
        };
        assert_eq!(jwt, "a.b.c");
        assert_eq!(key.seed().expect("the same key"), seed);
        assert!(Auth::of_credentials(text.replace(&seed, "SUxx")).is_err());
        assert!(Auth::of_credentials("nothing".to_owned()).is_err());
    }
}
