//! The lines of a guest's streams, passed on as they come.

use std::sync::Arc;

use super::access::Access;
use crate::monitor::{CallMonitor, GuestStream};
use crate::text::LineSplitter;

/// The longest line that is passed on as one, in bytes. The rest follows as further lines.
const LINE_BYTES: usize = 16 << 10;

/// Passes on the lines of a stream during one call.
#[derive(Debug)]
pub(super) struct LineFollower {
    call: CallMonitor,
    stream: GuestStream,
    access: Option<Arc<Access>>,
    lines: LineSplitter,
}

impl LineFollower {
    /// Follows a stream of this call. Returns `None` if nothing follows the output of guests.
    pub(super) fn new(call: &CallMonitor, stream: GuestStream, access: Option<&Arc<Access>>) -> Option<Self> {
        let follower =
            || Self { call: call.clone(), stream, access: access.cloned(), lines: LineSplitter::new(LINE_BYTES) };
        call.is_output_followed().then(follower)
    }

    /// Passes on the lines that end in these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Self { call, stream, access, lines } = self;
        lines.add(bytes, |line| pass_on(call, *stream, line, access.as_deref()));
    }

    /// Passes on the last line, if it has no end.
    pub(super) fn finish(mut self) {
        let Self { call, stream, access, lines } = &mut self;
        lines.end(|line| pass_on(call, *stream, line, access.as_deref()));
    }
}

/// Passes on a text without the secrets of the step, if anything follows the output of guests.
pub(super) fn pass_on(call: &CallMonitor, stream: GuestStream, text: &str, access: Option<&Access>) {
    match access.filter(|_| call.is_output_followed()) {
        Some(access) => call.output(stream, &access.redactor().redact(text)),
        None => call.output(stream, text),
    }
}
