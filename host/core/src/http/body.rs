//! Bodies of requests and responses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use wasmtime_wasi_http::Error as Code;

use super::task::AbortOnDrop;

/// The body of a request on its way to the server.
pub(super) type RequestBody = LimitedBody;

/// The body that the guest writes, up to a number of bytes.
pub(super) struct LimitedBody {
    inner: UnsyncBoxBody<Bytes, Code>,
    left: u64,
    limit: u64,
    /// Set when the instance is dropped.
    is_broken_off: Arc<AtomicBool>,
    /// Is called with each part that is sent, if it is recorded.
    sending: Option<PartObserver>,
    /// Is called with the length of each part, if all bodies together are bounded. Returns whether there is room for it.
    room: Option<RoomForPart>,
}

/// Is called with the length of each part of a body.
type RoomForPart = Box<dyn FnMut(usize) -> bool + Send>;

/// Is called with each part of a body.
type PartObserver = Box<dyn FnMut(&[u8]) + Send>;

/// A copy of a body. Clones are the same copy.
pub(super) type Copy = Arc<Mutex<Vec<u8>>>;

impl LimitedBody {
    pub(super) fn new(inner: UnsyncBoxBody<Bytes, Code>, limit: u64, is_broken_off: Arc<AtomicBool>) -> Self {
        Self { inner, left: limit, limit, is_broken_off, sending: None, room: None }
    }

    /// Reads the whole body, and returns it with a body that sends the same.
    ///
    /// # Errors
    /// The body is larger than its limit, or the guest breaks it off.
    pub(super) async fn collected(self) -> Result<(Bytes, Self), Code> {
        let (limit, is_broken_off) = (self.limit, Arc::clone(&self.is_broken_off));
        let bytes = self.collect().await?.to_bytes();
        let inner = whole(bytes.clone());
        Ok((bytes, Self::new(inner, limit, is_broken_off)))
    }

    /// Bounds the body by a function that returns whether there is room for so many more bytes.
    pub(super) fn bounded(mut self, room: impl FnMut(usize) -> bool + Send + 'static) -> Self {
        self.room = Some(Box::new(room));
        self
    }

    /// Calls a function with each part that is sent.
    pub(super) fn observed(mut self, sending: impl FnMut(&[u8]) + Send + 'static) -> Self {
        self.sending = Some(Box::new(sending));
        self
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Code>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let length =
            frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(Code::HttpRequestBodySize(Some(self.limit)))));
        };
        self.left = left;
        if let Some(room) = &mut self.room
            && !room(length as usize)
        {
            return Poll::Ready(Some(Err(Code::HttpRequestBodySize(None))));
        }
        if let Some(sending) = &mut self.sending
            && let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref())
        {
            sending(data);
        }
        // The body of an instance that was dropped in the middle ends like a complete one. A server must not take it for
        // one.
        if frame.is_none() && self.is_broken_off.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(Code::HttpProtocolError)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Returns a body of bytes that are known.
pub(super) fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, Code> {
    UnsyncBoxBody::new(Full::new(bytes).map_err(|never| match never {}))
}

/// A part of a response.
pub(super) enum BodyPart {
    Frame(Frame<Bytes>),
    Failed(Code),
    End,
}

/// The body of a response on its way to the guest. When it is dropped, the request ends.
pub(super) struct ResponseBody {
    parts: mpsc::Receiver<BodyPart>,
    task: Option<AbortOnDrop<()>>,
}

impl ResponseBody {
    pub(super) fn new(parts: mpsc::Receiver<BodyPart>) -> Self {
        Self { parts, task: None }
    }

    /// Ends this task when the body is dropped before its end.
    pub(super) fn ends(mut self, task: AbortOnDrop<()>) -> Self {
        self.task = Some(task);
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Code>>> {
        Poll::Ready(match std::task::ready!(self.parts.poll_recv(cx)) {
            Some(BodyPart::Frame(frame)) => Some(Ok(frame)),
            Some(BodyPart::Failed(code)) => Some(Err(code)),
            Some(BodyPart::End) => {
                self.task = None;
                None
            }
            // The task was aborted; what came is not the whole response.
            None if self.task.take().is_some() => Some(Err(Code::ConnectionTerminated)),
            None => None,
        })
    }
}
