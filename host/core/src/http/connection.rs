//! One connection to a server, by HTTP/1.1 or HTTP/2.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};

use super::body::RequestBody;
use super::task::AbortOnDrop;

/// An open connection. Its socket is closed when it is dropped.
pub(super) enum Connection {
    /// Carries one request at a time.
    Http1(Http1),
    /// Carries many requests. Clones are the same connection.
    Http2(Http2),
}

pub(super) struct Http1 {
    pub(super) sender: http1::SendRequest<RequestBody>,
    pub(super) _task: AbortOnDrop<()>,
}

#[derive(Clone)]
pub(super) struct Http2 {
    pub(super) sender: http2::SendRequest<RequestBody>,
    pub(super) _task: Arc<AbortOnDrop<()>>,
}

impl Connection {
    pub(super) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Returns whether the server has not closed the connection, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Http1(connection) => !connection.sender.is_closed(),
            Self::Http2(connection) => !connection.sender.is_closed(),
        }
    }

    /// Sends a request, and waits for the head of its response. An error contains the request if it was not sent.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Http1(connection) => connection.sender.try_send_request(request).await,
            Self::Http2(connection) => connection.sender.try_send_request(request).await,
        }
    }

    /// Waits until another request can be sent. Returns `None` if the connection is closed.
    pub(super) async fn ready(mut self) -> Option<Self> {
        let ready = match &mut self {
            Self::Http1(connection) => connection.sender.ready().await,
            Self::Http2(connection) => connection.sender.ready().await,
        };
        ready.is_ok().then_some(self)
    }
}
