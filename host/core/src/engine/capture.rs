//! A guest's log, standard streams and panic report. Only the end of each is retained.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::followed::LineFollower;
use crate::failure::{ENTRY_OVERHEAD, Location, LogEntry, LogLevel};
use crate::text::cut;

/// The report that a guest made just before it trapped.
#[derive(Debug, Clone)]
pub(crate) struct PanicReport {
    pub(crate) message: String,
    pub(crate) location: Option<Location>,
    pub(crate) row: Option<u32>,
}

/// The end of an instance by a guest that tells its exit status.
#[derive(Debug, thiserror::Error)]
#[error("the step exited with status {status}")]
pub(crate) struct ReportedExit {
    pub(crate) status: i32,
    pub(crate) row: Option<u32>,
}

/// The last bytes of a stream.
#[derive(Debug)]
struct Tail {
    bytes: Vec<u8>,
    keep: usize,
    /// Bytes since the last call began.
    new: usize,
    /// Passes on what is written in this call.
    follower: Option<LineFollower>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.new = self.new.saturating_add(bytes.len());
        if let Some(follower) = &mut self.follower {
            follower.push(bytes);
        }
        let new = &bytes[bytes.len().saturating_sub(self.keep)..];
        // The buffer may grow to twice its bound, so that moving its end to the front costs little per byte.
        if self.bytes.len() + new.len() > self.keep.saturating_mul(2) {
            let surplus = (self.bytes.len() + new.len()).saturating_sub(self.keep).min(self.bytes.len());
            self.bytes.drain(..surplus);
        }
        self.bytes.extend_from_slice(new);
    }

    /// Returns the last bytes, at most `most`.
    fn last(&self, most: usize) -> String {
        String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(self.keep.min(most))..]).into_owned()
    }
}

/// Standard output or standard error of a guest. Clones are the same stream.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput {
    tail: Arc<Mutex<Tail>>,
}

impl GuestOutput {
    pub(crate) fn new(keep: u64) -> Self {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        Self { tail: Arc::new(Mutex::new(Tail { bytes: Vec::new(), keep, new: 0, follower: None })) }
    }

    pub(crate) fn text(&self) -> String {
        self.lock().last(usize::MAX)
    }

    /// Marks the begin of a call, which the follower belongs to.
    pub(super) fn begin(&self, follower: Option<LineFollower>) {
        let mut tail = self.lock();
        tail.new = 0;
        tail.follower = follower;
    }

    /// Marks the end of a call.
    pub(super) fn end(&self) {
        let follower = self.lock().follower.take();
        if let Some(follower) = follower {
            follower.finish();
        }
    }

    /// Returns the text since the last call began.
    pub(crate) fn text_of_call(&self) -> String {
        let tail = self.lock();
        tail.last(tail.new)
    }

    fn lock(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock()
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// Bytes that a guest may write at once; it makes more calls for more.
const PERMIT: usize = 64 << 10;

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lock().push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.lock().push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The last messages of a guest's log.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    bytes: usize,
    keep: usize,
}

impl Log {
    pub(crate) fn new(keep: u64) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, keep: usize::try_from(keep).unwrap_or(usize::MAX) }
    }

    /// Adds a message that was [truncated](Self::cut) before. Truncating it twice would report the length of the first
    /// result.
    pub(crate) fn push(&mut self, level: LogLevel, message: String) {
        self.bytes += message.len() + ENTRY_OVERHEAD;
        self.entries.push_back(LogEntry { level, message });
        // The last message remains, whatever its size: it was truncated before.
        while self.bytes > self.keep.saturating_add(ENTRY_OVERHEAD) && self.entries.len() > 1 {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.message.len() + ENTRY_OVERHEAD;
        }
    }

    /// Truncates a message to the bound of the log.
    pub(crate) fn cut(&self, message: &str) -> String {
        cut(message, self.keep)
    }

    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.entries.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_bytes() {
        let mut tail = Tail { bytes: Vec::new(), keep: 4, new: 0, follower: None };
        for byte in b"abcdefghij" {
            tail.push(&[*byte]);
            assert!(tail.bytes.len() <= 8);
        }
        assert_eq!(tail.last(usize::MAX), "ghij");
        tail.push(b"0123456789");
        assert_eq!(tail.last(usize::MAX), "6789");
        tail.new = 0;
        assert_eq!(tail.last(tail.new), "");
        tail.push(b"ab");
        assert_eq!(tail.last(tail.new), "ab");
    }

    #[test]
    fn a_log_is_bounded_by_bytes_and_by_entries() {
        let mut log = Log::new(100);
        log.push(LogLevel::Info, log.cut(&"é".repeat(1000)));
        assert_eq!(log.entries()[0].message, format!("{} … (1900 bytes more)", "é".repeat(50)));
        for _ in 0..1000 {
            log.push(LogLevel::Info, String::new());
        }
        assert_eq!(log.entries().len(), 4);
    }
}
