use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::DOCUMENT_BYTES_MAX;
use super::url::{JwksUrl, Security};

/// How long a fetch may take, from looking up the name to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Fetches a document by HTTP/1.1, on a connection of its own each time.
///
/// It follows no redirect, which could lead to where nobody meant to trust, and knows no proxy.
pub(crate) struct Client {
    url: JwksUrl,
    tls: TlsConnector,
}

/// Why a document was not fetched.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// It took too long.
    #[error("there was no answer within {} s", FETCH_TIMEOUT.as_secs())]
    TimedOut,
    /// Nobody listens there, or the certificate is not to be trusted.
    #[error("there is no connection")]
    Connect(#[source] std::io::Error),
    /// The other side speaks no HTTP, or stopped in the middle.
    #[error("the answer did not arrive whole")]
    Http(#[source] hyper::Error),
    /// It is not 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// It has too many bytes.
    #[error("the answer has more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
}

impl Client {
    /// Trusts the machine's certificate authorities, or Mozilla's where it has none.
    pub(crate) fn new(url: JwksUrl) -> Result<Self, rustls::Error> {
        let roots = match url.security() {
            Security::None => RootCertStore::empty(),
            Security::Tls(_) => trusted_roots(),
        };
        Self::trusting(url, roots)
    }

    pub(super) fn trusting(url: JwksUrl, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Self { url, tls })
    }

    /// The document. Cancel-safe: dropping it closes the connection.
    pub(crate) async fn fetch(&self) -> Result<Bytes, FetchError> {
        tokio::time::timeout(FETCH_TIMEOUT, self.connect_and_ask())
            .await
            .map_err(|_| FetchError::TimedOut)?
    }

    pub(crate) const fn url(&self) -> &JwksUrl {
        &self.url
    }

    async fn connect_and_ask(&self) -> Result<Bytes, FetchError> {
        let address = (self.url.host(), self.url.port());
        let stream = TcpStream::connect(address)
            .await
            .map_err(FetchError::Connect)?;
        match self.url.security() {
            Security::None => self.ask(stream).await,
            Security::Tls(name) => {
                let encrypted = self.tls.connect(name.clone(), stream).await;
                self.ask(encrypted.map_err(FetchError::Connect)?).await
            }
        }
    }

    async fn ask(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Bytes, FetchError> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(FetchError::Http)?;
        let answer = async move {
            let response = sender.send_request(self.request()).await;
            let response = response.map_err(FetchError::Http)?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status().as_u16()));
            }
            let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX);
            Ok(body.collect().await.map_err(body_error)?.to_bytes())
        };
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // How it ended shows in the answer, parts of which may still be on their way from there.
            _ = connection => answer.await,
        }
    }

    fn request(&self) -> Request<Empty<Bytes>> {
        Request::get(self.url.path_and_query())
            .header(header::HOST, self.url.authority())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, "freelancehub-messaging")
            .header(header::CONNECTION, "close")
            .body(Empty::new())
            .expect("the parts of a URL that was parsed are valid")
    }
}

fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> FetchError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => FetchError::Http(*error),
        Err(error) => {
            debug_assert!(error.is::<LengthLimitError>(), "{error}");
            FetchError::TooLong
        }
    }
}

fn trusted_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some certificate authorities of the machine cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    const CA: &[u8] = include_bytes!("../../tests/keys/test-only-ca.crt");
    const CERTIFICATE: &[u8] = include_bytes!("../../tests/keys/test-only-localhost.crt");
    const KEY: &[u8] = include_bytes!("../../tests/keys/test-only-localhost.key");

    fn certificate(pem: &[u8]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem).unwrap()
    }

    fn acceptor() -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate(CERTIFICATE)], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Fetches from a server whose certificate is for `localhost`.
    async fn fetch(host: &str, roots: RootCertStore) -> Result<Bytes, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("https://{host}:{port}/jwks.json").parse().unwrap();
        let client = Client::trusting(url, roots).unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor().accept(stream).await {
                let mut head = [0; 1_024];
                let length = stream.read(&mut head).await.unwrap();
                assert!(head[..length].starts_with(b"GET /jwks.json HTTP/1.1\r\n"));
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys";
                stream.write_all(answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        };
        tokio::join!(client.fetch(), serve).0
    }

    #[tokio::test]
    async fn a_document_comes_by_https_from_who_is_trusted_under_that_name() {
        let trusting = || {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(CA)).unwrap();
            roots
        };
        assert_eq!(fetch("localhost", trusting()).await.unwrap(), "keys");
        for (host, roots) in [("127.0.0.1", trusting()), ("localhost", trusted_roots())] {
            let refused = fetch(host, roots).await;
            assert!(
                matches!(refused, Err(FetchError::Connect(_))),
                "{refused:?}"
            );
        }
    }
}
