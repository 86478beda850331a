//! Bounds what the instances of a step write to files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

/// The bytes that the instances of a step may still write.
#[derive(Debug)]
pub(crate) struct WriteQuota {
    limit: u64,
    left: AtomicU64,
    is_exceeded: AtomicBool,
}

impl WriteQuota {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: AtomicU64::new(limit), is_exceeded: AtomicBool::new(false) }
    }

    /// Takes a number of bytes. Returns whether there were as many.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_err() {
            self.is_exceeded.store(true, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    /// Returns whether more was to be written.
    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded.load(Ordering::Relaxed)
    }

    /// The number of bytes in total.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }
}

/// A stream that stops when the quota is used up.
pub(super) struct MeteredStream {
    inner: DynOutputStream,
    quota: Arc<WriteQuota>,
}

impl MeteredStream {
    pub(super) fn new(inner: DynOutputStream, quota: Arc<WriteQuota>) -> Self {
        Self { inner, quota }
    }
}

#[async_trait::async_trait]
impl Pollable for MeteredStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for MeteredStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if self.quota.take(bytes.len() as u64) {
            return self.inner.write(bytes);
        }
        // Guests read the code of the operating system from it.
        let error = std::io::Error::from(std::io::ErrorKind::QuotaExceeded);
        Err(StreamError::LastOperationFailed(wasmtime::Error::new(error)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
