use axum::extract::Query;
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;

use super::refusal::BadRequest;
use crate::application::Credentials;

/// The subprotocol that says: the next one is a token.
pub(crate) const BEARER: &str = "bearer";

/// What the query of an Engine.IO request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineQuery {
    pub(crate) transport: TransportName,
    pub(crate) sid: Option<String>,
}

/// The transports of Engine.IO 4 that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportName {
    Polling,
    WebSocket,
}

impl EngineQuery {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, BadRequest> {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(rename = "EIO")]
            eio: Option<String>,
            transport: Option<String>,
            sid: Option<String>,
        }
        let Query(raw) = Query::<Raw>::try_from_uri(uri).map_err(|_| BadRequest::Malformed)?;
        let transport = match raw.transport.as_deref() {
            Some("polling") => TransportName::Polling,
            Some("websocket") => TransportName::WebSocket,
            _ => return Err(BadRequest::UnknownTransport),
        };
        if raw.eio.as_deref() != Some("4") {
            return Err(BadRequest::UnsupportedVersion);
        }
        Ok(Self {
            transport,
            sid: raw.sid,
        })
    }
}

/// The tokens that a request brings, unchecked.
pub(crate) fn credentials(uri: &Uri, headers: &HeaderMap) -> Credentials {
    #[derive(Deserialize)]
    struct Raw {
        token: Option<String>,
    }
    let query_token = Query::<Raw>::try_from_uri(uri)
        .ok()
        .and_then(|Query(raw)| raw.token);
    Credentials {
        authorization: authorization(headers),
        query_token,
        subprotocol_token: subprotocol(headers),
    }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

fn subprotocol(headers: &HeaderMap) -> Option<String> {
    let mut offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    offered.find(|name| name.eq_ignore_ascii_case(BEARER))?;
    offered.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> Result<EngineQuery, BadRequest> {
        EngineQuery::parse(&uri.parse().expect("a URI"))
    }

    #[test]
    fn the_query_names_version_and_transport() {
        let query = parse("/socket.io/?EIO=4&transport=polling&t=x&sid=a%2Db").expect("valid");
        assert_eq!(
            (query.transport, query.sid.as_deref()),
            (TransportName::Polling, Some("a-b"))
        );
        assert_eq!(
            parse("/?transport=websocket&EIO=4")
                .expect("valid")
                .transport,
            TransportName::WebSocket
        );
        assert_eq!(parse("/?EIO=4"), Err(BadRequest::UnknownTransport));
        assert_eq!(
            parse("/?EIO=4&transport=abc"),
            Err(BadRequest::UnknownTransport)
        );
        assert_eq!(
            parse("/?transport=polling"),
            Err(BadRequest::UnsupportedVersion)
        );
        assert_eq!(
            parse("/?EIO=3&transport=polling"),
            Err(BadRequest::UnsupportedVersion)
        );
        assert_eq!(
            parse("/?EIO=4&transport=polling&sid=a&sid=b"),
            Err(BadRequest::Malformed)
        );
    }

    #[test]
    fn tokens_come_from_three_places() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "bearer one".parse().expect("a header"));
        headers.insert(
            SEC_WEBSOCKET_PROTOCOL,
            "bearer, three".parse().expect("a header"),
        );
        let found = credentials(&"/ws?token=tw%6f".parse().expect("a URI"), &headers);
        assert_eq!(found.authorization.as_deref(), Some("one"));
        assert_eq!(found.query_token.as_deref(), Some("two"));
        assert_eq!(found.subprotocol_token.as_deref(), Some("three"));
        assert!(!format!("{found:?}").contains("one"));
    }
}
