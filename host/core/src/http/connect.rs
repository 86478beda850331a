//! Opens connections: resolve the name once, check every address, connect to one of exactly those, TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error as Code;

use super::connection::{Connection, Http1, Http2};
use super::error::RequestError;
use super::network::Services;
use super::task::AbortOnDrop;
use crate::grants::{Denial, HttpGrant, HttpUrl, Scheme, UrlHost};

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 16;
/// The next address is tried as well after this time, as RFC 8305 recommends.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// Bytes of the head of a response.
pub(super) const HEAD_BYTES: usize = 64 << 10;

/// Bytes of a response that a connection reads before they are passed on.
const BUFFER: usize = 128 << 10;

/// Opens a connection for requests to this URL.
///
/// # Errors
/// The name has no address, an address is refused, or no server answers as it should.
pub(super) async fn open(
    services: &Services,
    grant: &HttpGrant,
    method: &str,
    url: &HttpUrl,
) -> Result<Connection, RequestError> {
    let addresses = addresses(services, url).await?;
    // All of them, and not the one that is connected to: an attacker's name could have a public one for the check.
    let reason = |address: &SocketAddr| grant.refused(address.ip(), address.port());
    if let Some(why) = addresses.iter().find_map(reason) {
        let refused = addresses.into_iter().filter(|address| reason(address).is_some()).collect();
        let denial = Denial::addresses(method, url, &grant.url(), refused, why);
        return Err(RequestError::denied(Code::DestinationIpProhibited, denial));
    }
    let stream = connect(&addresses).await?;
    match url.scheme {
        Scheme::Http => http1(stream).await,
        Scheme::Https => {
            let config = services.tls().await.map_err(|error| RequestError::new(Code::ConfigurationError, error))?;
            let name = match &url.host {
                UrlHost::Address(address) => ServerName::from(*address),
                UrlHost::Name(name) => ServerName::try_from(name.clone())
                    .map_err(|error| RequestError::new(Code::HttpRequestUriInvalid, error.to_string()))?,
            };
            let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
            let stream = stream.map_err(|error| RequestError::tls(&error))?;
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            if is_http2 { http2(stream).await } else { http1(stream).await }
        }
    }
}

/// Returns the addresses of the host, each with the port.
async fn addresses(services: &Services, url: &HttpUrl) -> Result<Vec<SocketAddr>, RequestError> {
    let name = match &url.host {
        UrlHost::Address(address) => return Ok(vec![(*address, url.port).into()]),
        UrlHost::Name(name) => name,
    };
    let resolver = services.resolver().await.map_err(|error| RequestError::new(Code::ConfigurationError, error))?;
    let found = resolver.lookup_ip(name.as_str()).await.map_err(|error| {
        let code = Code::DnsError { rcode: None, info_code: None };
        RequestError::new(code, format!("cannot resolve {name}: {error}"))
    })?;
    let mut addresses: Vec<SocketAddr> = found.iter().map(|address| (address, url.port).into()).collect();
    addresses.sort_unstable_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    if addresses.is_empty() {
        let code = Code::DnsError { rcode: None, info_code: None };
        return Err(RequestError::new(code, format!("{name} has no address")));
    }
    Ok(addresses)
}

/// Connects to the first address that answers.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, RequestError> {
    let mut attempts = JoinSet::new();
    let mut rest = addresses.iter().take(MAX_ADDRESSES);
    let mut last = None;
    loop {
        if let Some(&address) = rest.next() {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let next = tokio::time::timeout(NEXT_ADDRESS, attempts.join_next()).await;
        match next {
            Ok(Some(Ok((_, Ok(stream))))) => {
                // Small requests are sent at once.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Some(Ok((address, Err(error))))) => last = Some(RequestError::connect(&error, address)),
            Ok(Some(Err(error))) => last = Some(RequestError::new(Code::InternalError(None), error.to_string())),
            Ok(None) if rest.len() == 0 => {
                let none = || RequestError::new(Code::DestinationUnavailable, "there is no address");
                return Err(last.unwrap_or_else(none));
            }
            Ok(None) | Err(_) => {}
        }
    }
}

async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, RequestError> {
    let mut builder = http1::Builder::new();
    builder.max_header_size(HEAD_BYTES).max_buf_size(BUFFER);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let task = tokio::spawn(async move {
        // The request gets the error.
        let _ = connection.await;
    });
    Ok(Connection::Http1(Http1 { sender, _task: AbortOnDrop::from(task) }))
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection, RequestError> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES as u32);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Connection::Http2(Http2 { sender, _task: Arc::new(AbortOnDrop::from(task)) }))
}
