//! Passes on the logs and the output of guests while they run.

use super::Monitor;
use crate::log_level::LogLevel;

/// Where a guest has put a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuestStream {
    /// The log of the SDK, at this level.
    Log(LogLevel),
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

impl GuestStream {
    /// The name of the level, or of the stream: `info`, `stdout`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log(level) => level.name(),
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A message that a guest has logged, or a line that it has written. Secrets are removed; control characters are not.
#[derive(Debug)]
#[non_exhaustive]
pub struct GuestMessage<'a> {
    /// The step. `None` before it has a name: its component is asked for its manifest.
    pub step: Option<&'a str>,
    /// The number of the batch. `None` outside of batches.
    pub batch: Option<u64>,
    /// Where the text was put.
    pub stream: GuestStream,
    /// The text, without the end of the line. A message of the log may have several lines.
    pub text: &'a str,
}

pub(super) type OutputListener = Box<dyn Fn(&GuestMessage<'_>) + Send + Sync>;

impl Monitor {
    /// Calls a function with everything that guests log and write, as it comes: each message of the log, and each line of standard
    /// output and standard error. It is called on the thread of the guest, which waits for it within its time limit. Only the first
    /// function counts.
    pub fn on_output(&self, listener: impl Fn(&GuestMessage<'_>) + Send + Sync + 'static) {
        let _ = self.state.shared.output.set(Box::new(listener));
    }
}
