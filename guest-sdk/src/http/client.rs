//! Sends requests through the host.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, HeaderError, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use super::request::{Request, transient};
use super::response::Response;
use super::wait::ready;
use crate::{Error, Result};

/// Bytes of a body that are read at once.
const READ: u64 = 64 << 10;

/// Sends a request, and waits for the whole response.
pub(super) async fn send(request: Request) -> Result<Response> {
    let name = request.to_string();
    let failed = |code: &ErrorCode| from_code(&name, code);
    let (outgoing, options) = outgoing(&request, &name)?;
    let body = outgoing.body().map_err(|()| Error::internal("a request has one body"))?;
    let coming = handle(outgoing, Some(options)).map_err(|code| failed(&code))?;
    write(body, &request.body, &name).await?;
    ready(coming.subscribe()).await;
    let response = match coming.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(failed(&code)),
        _ => return Err(Error::internal("the host has no response")),
    };
    read(&response, &name).await
}

fn outgoing(request: &Request, name: &str) -> Result<(OutgoingRequest, RequestOptions)> {
    let invalid = |what: &str| Error::new(format_args!("cannot send {name}: {what}"));
    let (scheme, rest) = match request.url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
        _ => return Err(invalid("its URL does not start with http:// or https://")),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let headers = Fields::new();
    for (header, value) in &request.headers {
        headers.append(header, value).map_err(|error| match error {
            HeaderError::Forbidden => invalid(&format!("a step may not set the header {header:?}")),
            _ => invalid(&format!("the header {header:?} is not valid")),
        })?;
    }
    if !request.body.is_empty() && !headers.has("content-length") {
        let length = request.body.len().to_string();
        headers.append("content-length", length.as_bytes()).map_err(|_| invalid("its length is not valid"))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("its method is not valid"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("its scheme is not valid"))?;
    outgoing.set_authority(Some(authority)).map_err(|()| invalid("the host in its URL is not valid"))?;
    outgoing.set_path_with_query(Some(&path)).map_err(|()| invalid("the path of its URL is not valid"))?;
    let options = RequestOptions::new();
    if let Some(timeout) = request.timeout {
        let nanoseconds = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        let set = options.set_connect_timeout(nanoseconds).and(options.set_first_byte_timeout(nanoseconds));
        set.and(options.set_between_bytes_timeout(nanoseconds)).map_err(|()| invalid("its timeout is not valid"))?;
    }
    Ok((outgoing, options))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

async fn write(body: OutgoingBody, mut bytes: &[u8], name: &str) -> Result<()> {
    if !bytes.is_empty() {
        let stream = body.write().map_err(|()| Error::internal("a body has one stream"))?;
        while !bytes.is_empty() {
            let permitted = match stream.check_write() {
                Ok(permitted) => permitted as usize,
                // The server has answered, or gone; the response tells which.
                Err(_) => break,
            };
            if permitted == 0 {
                ready(stream.subscribe()).await;
                continue;
            }
            let (part, rest) = bytes.split_at(permitted.min(bytes.len()));
            if stream.write(part).is_err() {
                break;
            }
            bytes = rest;
        }
        drop::<OutputStream>(stream);
    }
    if !bytes.is_empty() {
        // An incomplete body cannot be finished.
        drop(body);
        return Ok(());
    }
    OutgoingBody::finish(body, None).map_err(|code| from_code(name, &code))
}

async fn read(response: &IncomingResponse, name: &str) -> Result<Response> {
    let (status, headers) = (response.status(), response.headers().entries());
    let body = response.consume().map_err(|()| Error::internal("a response has one body"))?;
    let stream = body.stream().map_err(|()| Error::internal("a body has one stream"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.read(READ) {
            Ok(part) if part.is_empty() => ready(stream.subscribe()).await,
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match wasip2::http::types::http_error_code(&error) {
                    Some(code) => from_code(name, &code),
                    None => transient(format_args!("{name} failed: {}", error.to_debug_string())),
                });
            }
        }
    }
    drop::<InputStream>(stream);
    Ok(Response::new(status, headers, bytes).to(name.to_owned()))
}

/// Returns the error for a code of the host.
fn from_code(name: &str, code: &ErrorCode) -> Error {
    let (text, is_transient) = match code {
        ErrorCode::HttpRequestDenied => ("is not granted", false),
        ErrorCode::DestinationIpProhibited => ("is not granted: the address of its host is not public", false),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => ("failed: the name of its host cannot be resolved", true),
        ErrorCode::ConnectionRefused => ("failed: the connection was refused", true),
        ErrorCode::ConnectionTimeout => ("failed: no connection in time", true),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => ("failed: no response in time", true),
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            ("failed: the server closed the connection", true)
        }
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            ("failed: its host cannot be reached", true)
        }
        ErrorCode::ConnectionLimitReached => ("failed: the batch has sent as many requests as its grant allows", false),
        ErrorCode::TlsCertificateError => ("failed: the certificate of the server is not valid", false),
        ErrorCode::HttpRequestBodySize(_) => ("failed: the request is larger than its grant allows", false),
        ErrorCode::HttpResponseBodySize(_) => ("failed: the response is larger than its grant allows", false),
        ErrorCode::HttpResponseHeaderSectionSize(_) => ("failed: the head of the response is too large", false),
        ErrorCode::HttpProtocolError => ("failed: the response is not valid HTTP", false),
        other => return Error::new(format_args!("{name} failed: {other}")),
    };
    let message = format!("{name} {text}");
    if is_transient { transient(message) } else { Error::new(message) }
}
