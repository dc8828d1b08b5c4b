use std::io;
use std::sync::Arc;

use async_nats::ServerAddr;
use bytes::{Buf, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::protocol::{PING, Parser, ProtocolError, ServerOp};
use crate::Bus;
use crate::auth::Auth;
use crate::bus::CONNECT_TIMEOUT;

/// Space for what is read at a time.
pub(super) const READ_BYTES: usize = 32 * 1024;

/// What bytes come and go by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that the server has let in.
pub(super) struct Connected {
    pub(super) stream: Box<dyn Stream>,
    pub(super) server: Arc<str>,
    pub(super) payload_bytes_max: usize,
    /// What came behind its welcome.
    pub(super) came: BytesMut,
}

/// Why there is no connection, or no longer.
#[derive(Debug, Error)]
pub(super) enum LinkError {
    #[error("there is no connection for requests, and so none to follow")]
    NothingToFollow,
    #[error("none of the addresses leads to the server that requests go to")]
    NotFound,
    #[error("requests go to another server now")]
    Moved,
    #[error("the server does not answer")]
    Silent,
    #[error("the server has hung up")]
    HungUp,
    #[error("the server says {0}")]
    Refused(String),
    #[error("there is no connection")]
    Io(#[from] io::Error),
    #[error("what the server says cannot be read")]
    Protocol(#[from] ProtocolError),
    #[error("the server's INFO cannot be read")]
    Info(#[source] serde_json::Error),
    #[error("the nonce cannot be signed")]
    Sign(#[source] nkeys::error::Error),
}

/// What we need to know of a server.
#[derive(Deserialize)]
pub(super) struct Info {
    server_id: String,
    max_payload: usize,
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    nonce: String,
}

/// What a server needs to know of us.
#[derive(Serialize)]
struct Connect<'a> {
    verbose: bool,
    pedantic: bool,
    tls_required: bool,
    echo: bool,
    headers: bool,
    no_responders: bool,
    protocol: u8,
    lang: &'a str,
    version: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// Connects to the server that the bus is connected to.
pub(super) async fn connect(bus: &Bus) -> Result<Connected, LinkError> {
    if !bus.is_connected() {
        return Err(LinkError::NothingToFollow);
    }
    let wanted = bus.server_id();
    let mut last = LinkError::NotFound;
    for address in addresses(bus) {
        match timeout(CONNECT_TIMEOUT, connect_to(&address, &wanted, &bus.auth)).await {
            Ok(Ok(Some(connected))) => return Ok(connected),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => last = error,
            Err(_) => last = LinkError::Silent,
        }
    }
    Err(last)
}

/// Those that we were given, and those that the server says its cluster has.
fn addresses(bus: &Bus) -> Vec<ServerAddr> {
    let mut addresses = bus.servers.to_vec();
    for discovered in bus.client.server_info().connect_urls {
        if let Ok(address) = discovered.parse::<ServerAddr>()
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// Connects, unless another server answers than the one that is wanted.
async fn connect_to(
    address: &ServerAddr,
    wanted: &str,
    auth: &Auth,
) -> Result<Option<Connected>, LinkError> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut came = BytesMut::with_capacity(READ_BYTES);
    // No message comes before there is a subscription.
    let mut parser = Parser::new(0);
    let info = loop {
        match parser.parse(&came)? {
            Some((ServerOp::Info(info), taken)) => {
                let info: Info = serde_json::from_slice(info).map_err(LinkError::Info)?;
                came.advance(taken);
                break info;
            }
            Some((op, _)) => return Err(LinkError::Refused(format!("{op:?} before INFO"))),
            None => read_more(&mut stream, &mut came).await?,
        }
    };
    if info.server_id != wanted {
        return Ok(None);
    }
    let tls_required = info.tls_required || address.tls_required();
    if tls_required {
        if !came.is_empty() {
            return Err(LinkError::Refused(
                "something before the handshake".to_owned(),
            ));
        }
        stream = Box::new(encrypt(stream, address.host()).await?);
    }
    let hello = hello(auth, &info, tls_required)?;
    stream.write_all(&hello).await?;
    stream.flush().await?;
    loop {
        match parser.parse(&came)? {
            Some((ServerOp::Pong, taken)) => {
                came.advance(taken);
                return Ok(Some(Connected {
                    stream,
                    server: info.server_id.into(),
                    payload_bytes_max: info.max_payload,
                    came,
                }));
            }
            Some((ServerOp::Error(error), _)) => return Err(refused(error)),
            Some((_, taken)) => came.advance(taken),
            None => read_more(&mut stream, &mut came).await?,
        }
    }
}

pub(super) fn refused(error: &[u8]) -> LinkError {
    LinkError::Refused(String::from_utf8_lossy(error).into_owned())
}

async fn read_more(stream: &mut Box<dyn Stream>, came: &mut BytesMut) -> Result<(), LinkError> {
    match stream.read_buf(came).await? {
        0 => Err(LinkError::HungUp),
        _ => Ok(()),
    }
}

/// CONNECT, and a PING whose answer says that we are let in.
fn hello(auth: &Auth, info: &Info, tls_required: bool) -> Result<Vec<u8>, LinkError> {
    let mut connect = Connect {
        verbose: false,
        pedantic: false,
        tls_required,
        echo: true,
        // Without, the server would have to take off what publishers add.
        headers: true,
        no_responders: true,
        protocol: 1,
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        name: "messaging-gateway intake",
        user: None,
        pass: None,
        auth_token: None,
        jwt: None,
        sig: None,
    };
    match auth {
        Auth::None => {}
        Auth::Password { user, password } => {
            connect.user = Some(user);
            connect.pass = Some(password);
        }
        Auth::Token(token) => connect.auth_token = Some(token),
        Auth::Credentials { jwt, key, .. } => {
            let signed = key.sign(info.nonce.as_bytes()).map_err(LinkError::Sign)?;
            connect.jwt = Some(jwt);
            connect.sig = Some(data_encoding::BASE64URL_NOPAD.encode(&signed));
        }
    }
    let mut hello = b"CONNECT ".to_vec();
    serde_json::to_writer(&mut hello, &connect).map_err(LinkError::Info)?;
    hello.extend_from_slice(b"\r\n");
    hello.extend_from_slice(PING);
    Ok(hello)
}

/// Trusts the machine's certificate authorities, as the other connection does.
async fn encrypt(
    stream: Box<dyn Stream>,
    host: &str,
) -> io::Result<tokio_rustls::client::TlsStream<Box<dyn Stream>>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}
