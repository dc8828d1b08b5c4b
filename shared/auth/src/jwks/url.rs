use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where a key set is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JwksUrl {
    uri: Uri,
    host: String,
    port: u16,
    security: Security,
}

/// How one talks to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Security {
    /// `http`.
    None,
    /// `https`, with a certificate for this name.
    Tls(ServerName<'static>),
}

/// A text that is no [`JwksUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be a URL such as https://id.example.com/.well-known/jwks.json, without user and password"
)]
pub(crate) struct JwksUrlError;

impl FromStr for JwksUrl {
    type Err = JwksUrlError;

    fn from_str(text: &str) -> Result<Self, JwksUrlError> {
        let uri: Uri = text.parse().map_err(|_| JwksUrlError)?;
        let authority = uri.authority().ok_or(JwksUrlError)?;
        let host = authority.host();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let (security, default_port) = match uri.scheme_str() {
            Some("http") => (Security::None, 80),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| JwksUrlError)?;
                (Security::Tls(name), 443)
            }
            _ => return Err(JwksUrlError),
        };
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => default_port,
            Some(_) => authority.port_u16().ok_or(JwksUrlError)?,
            // What comes before the host is a user.
            None => return Err(JwksUrlError),
        };
        if host.is_empty() {
            return Err(JwksUrlError);
        }
        Ok(Self {
            host,
            port,
            security,
            uri,
        })
    }
}

impl JwksUrl {
    /// The host, a name or an IP address.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn security(&self) -> &Security {
        &self.security
    }

    /// Whether nobody on the way there can change the keys.
    pub(crate) const fn is_encrypted(&self) -> bool {
        matches!(self.security, Security::Tls(_))
    }

    /// The value of the header `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.uri
            .authority()
            .map_or("", |authority| authority.as_str())
    }

    /// What is asked for.
    pub(crate) fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query may hold a key to the host's door.
        write!(
            f,
            "{}://{}{}",
            self.uri.scheme_str().unwrap_or_default(),
            self.authority(),
            self.uri.path()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_no_user() {
        let check = |text: &str, host: &str, port: u16, path: &str| {
            let url: JwksUrl = text.parse().unwrap();
            assert_eq!(
                (url.host(), url.port(), url.path_and_query()),
                (host, port, path),
                "{text}"
            );
        };
        check("http://id.example", "id.example", 80, "/");
        check(
            "https://id.example/a/jwks.json?v=1",
            "id.example",
            443,
            "/a/jwks.json?v=1",
        );
        check("https://127.0.0.1:8443/", "127.0.0.1", 8443, "/");
        check("http://[::1]:81/keys", "::1", 81, "/keys");
        for bad in [
            "id.example",
            "/jwks.json",
            "file:///jwks.json",
            "ftp://id.example/",
            "https://",
            "https:///jwks.json",
            "http://:80/",
            "http://me:secret@id.example/",
            "http://me@id.example/",
            "http://id.example:99999/",
            "http://id.example:/",
            "https://id example/",
            "https://a..b/",
        ] {
            assert_eq!(bad.parse::<JwksUrl>(), Err(JwksUrlError), "{bad}");
        }
    }
}
