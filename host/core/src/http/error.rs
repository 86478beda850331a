//! Errors of requests: the code that the guest gets, and the description in the failure's record.

use std::error::Error as _;
use std::io;

use wasmtime_wasi_http::Error as Code;

use crate::grants::Denial;

/// Why a request failed.
#[derive(Debug)]
pub(super) struct RequestError {
    /// What the guest gets.
    pub(super) code: Code,
    /// What happened, for the failure's record.
    pub(super) detail: String,
    /// Set if a grant is missing.
    pub(super) denial: Option<Box<Denial>>,
}

impl RequestError {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), denial: None }
    }

    pub(super) fn denied(code: Code, denial: Denial) -> Self {
        Self { code, detail: String::new(), denial: Some(Box::new(denial)) }
    }

    /// The body of a request could not be read.
    pub(super) fn of_body(code: Code) -> Self {
        match code {
            Code::HttpRequestBodySize(_) => Self::new(code, "the request is too large"),
            _ => Self::new(Code::HttpProtocolError, "the step broke off the body of its request"),
        }
    }

    /// An error while connecting to an address.
    pub(super) fn connect(error: &io::Error, address: impl std::fmt::Display) -> Self {
        let code = match error.kind() {
            io::ErrorKind::ConnectionRefused => Code::ConnectionRefused,
            io::ErrorKind::TimedOut => Code::ConnectionTimeout,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Code::DestinationIpUnroutable,
            _ => Code::DestinationUnavailable,
        };
        Self::new(code, format!("cannot connect to {address}: {error}"))
    }

    /// An error of the TLS handshake.
    pub(super) fn tls(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let code = match inner {
            Some(rustls::Error::InvalidCertificate(_)) => Code::TlsCertificateError,
            Some(rustls::Error::AlertReceived(alert)) => {
                Code::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: Some(format!("{alert:?}")) }
            }
            Some(_) => Code::TlsProtocolError,
            None => Code::ConnectionTerminated,
        };
        Self::new(code, format!("TLS: {error}"))
    }
}

impl From<hyper::Error> for RequestError {
    fn from(error: hyper::Error) -> Self {
        let mut detail = error.to_string();
        let (mut is_incomplete, mut is_terminated) = (error.is_incomplete_message(), false);
        let mut source = error.source();
        while let Some(cause) = source {
            // The body of the request has failed: the guest broke it off, or it is too large.
            match cause.downcast_ref::<Code>() {
                Some(Code::HttpRequestBodySize(size)) => {
                    return Self::new(Code::HttpRequestBodySize(*size), "the request is too large");
                }
                Some(_) => return Self::new(Code::HttpProtocolError, "the step broke off the body of its request"),
                None => {}
            }
            // The body of a response reports an early end in this way.
            let ended = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            match ended {
                Some(io::ErrorKind::UnexpectedEof) => is_incomplete = true,
                Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => is_terminated = true,
                _ => {}
            }
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
            source = cause.source();
        }
        let code = if error.is_parse_too_large() {
            Code::HttpResponseHeaderSectionSize(None)
        } else if is_incomplete {
            Code::HttpResponseIncomplete
        } else if error.is_timeout() {
            Code::HttpResponseTimeout
        } else if is_terminated || error.is_canceled() || error.is_closed() {
            Code::ConnectionTerminated
        } else {
            Code::HttpProtocolError
        };
        Self::new(code, detail)
    }
}
