//! The lines of a guest's streams, passed on as they come.

use std::sync::Arc;

use memchr::memchr;

use super::access::Access;
use crate::monitor::{CallMonitor, GuestStream};

/// The longest line that is passed on as one, in bytes. The rest follows as further lines.
const LINE_BYTES: usize = 16 << 10;

/// Passes on the lines of a stream during one call.
#[derive(Debug)]
pub(super) struct LineFollower {
    call: CallMonitor,
    stream: GuestStream,
    access: Option<Arc<Access>>,
    /// The begin of a line.
    pending: Vec<u8>,
}

impl LineFollower {
    /// Follows a stream of this call. Returns `None` if nothing follows the output of guests.
    pub(super) fn new(call: &CallMonitor, stream: GuestStream, access: Option<&Arc<Access>>) -> Option<Self> {
        let follower = || Self { call: call.clone(), stream, access: access.cloned(), pending: Vec::new() };
        call.is_output_followed().then(follower)
    }

    /// Passes on the lines that end in these bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = &bytes[..bytes.len().min(LINE_BYTES - self.pending.len())];
            if let Some(end) = memchr(b'\n', room) {
                self.pending.extend_from_slice(&bytes[..end]);
                bytes = &bytes[end + 1..];
                self.pass_on(self.pending.len());
            } else {
                self.pending.extend_from_slice(room);
                bytes = &bytes[room.len()..];
                if self.pending.len() == LINE_BYTES {
                    self.pass_on(whole_characters(&self.pending));
                }
            }
        }
    }

    /// Passes on the last line, if it has no end.
    pub(super) fn finish(mut self) {
        if !self.pending.is_empty() {
            self.pass_on(self.pending.len());
        }
    }

    fn pass_on(&mut self, length: usize) {
        let line = self.pending[..length].strip_suffix(b"\r").unwrap_or(&self.pending[..length]);
        pass_on(&self.call, self.stream, &String::from_utf8_lossy(line), self.access.as_deref());
        self.pending.drain(..length);
    }
}

/// Passes on a text without the secrets of the step, if anything follows the output of guests.
pub(super) fn pass_on(call: &CallMonitor, stream: GuestStream, text: &str, access: Option<&Access>) {
    match access.filter(|_| call.is_output_followed()) {
        Some(access) => call.output(stream, &access.redactor().redact(text)),
        None => call.output(stream, text),
    }
}

/// Returns the length without a character that is cut off at the end.
fn whole_characters(text: &[u8]) -> usize {
    let is_first = |byte: &u8| *byte & 0b1100_0000 != 0b1000_0000;
    match text.iter().rev().take(4).position(is_first) {
        Some(after) if text[text.len() - 1 - after] >= 0b1100_0000 => text.len() - 1 - after,
        _ => text.len(),
    }
}
