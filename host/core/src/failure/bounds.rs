//! Bounds on a guest's texts in a failure record.
//!
//! A guest may produce text of any length, and thousands of rows may fail in one batch, whose records are in memory
//! until the batch is written. So every text in a record has a bound, and so has every list. Bytes are counted in
//! UTF-8, as they are in memory; in JSON each control character takes six.

use super::record::{Failure, LogEntry};
use crate::stack::Frame;

/// The largest size of each part of a record, in bytes. Omitted text is marked by an ellipsis.
///
/// The log, standard error and standard output are each bounded by the step's limit `log-bytes`. With its default, the
/// parts of a record that ends a run are 296 KiB in all.
pub(crate) struct Bounds {
    /// The message; its beginning remains.
    message: usize,
    /// The hint, and the name of each source file.
    text: usize,
    /// All causes together; the nearest remain, and none takes more than half.
    causes: usize,
    /// All lines of the trace together; the last remain, where Python has the innermost call, and none takes more than
    /// half.
    trace: usize,
    /// All frames of the backtrace together; the innermost remain.
    backtrace: usize,
    /// Standard error, and as much of the log; the end remains.
    said: usize,
}

/// Bound of a guest's message, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 32 << 10;
/// Bound of a hint or of a file name, in bytes.
pub(crate) const TEXT_BYTES: usize = 4 << 10;

/// The bounds of a record that ends a run.
pub(crate) const WHOLE: Bounds = Bounds {
    message: MESSAGE_BYTES,
    text: TEXT_BYTES,
    causes: 16 << 10,
    trace: 16 << 10,
    backtrace: 32 << 10,
    said: usize::MAX,
};

/// The bounds of a rejected row's record: 34 KiB in all.
pub(crate) const REJECTED: Bounds =
    Bounds { message: 8 << 10, text: 1 << 10, causes: 4 << 10, trace: 4 << 10, backtrace: 8 << 10, said: 4 << 10 };

/// The bounds of the record of one of many rejected rows in a batch: 2 KiB in all.
pub(crate) const BRIEF: Bounds = Bounds { message: 512, text: 128, causes: 512, trace: 0, backtrace: 512, said: 0 };

/// Bound of the number of causes, lines of a trace, or frames, so that empty ones are bounded, too.
pub(crate) const LINES: usize = 256;

/// Bytes that a log entry counts besides its text, so that empty messages are bounded, too.
pub(crate) const ENTRY_OVERHEAD: usize = 32;

/// Room for the mark of [`cut`](crate::text::cut), and for the line that says that there are more, so that a text that
/// was shortened once is not shortened again.
const MARK_BYTES: usize = 48;

impl Bounds {
    /// Shortens texts and lists that exceed their bounds.
    pub(crate) fn keep(&self, failure: &mut Failure) {
        shorten(&mut failure.message, self.message);
        let files = failure.backtrace.iter_mut().filter_map(|frame| frame.location.as_mut());
        files.chain(&mut failure.location).for_each(|location| shorten(&mut location.file, self.text));
        failure.hint.iter_mut().for_each(|hint| shorten(hint, self.text));
        self.keep_causes(&mut failure.causes);
        self.keep_trace(&mut failure.trace);
        self.keep_backtrace(&mut failure.backtrace);
        self.keep_written(&mut failure.stderr);
        self.keep_written(&mut failure.stdout);
        self.keep_log(&mut failure.log);
    }

    fn keep_causes(&self, causes: &mut Vec<String>) {
        for cause in &mut *causes {
            shorten(cause, self.causes / 2);
        }
        if let Some(kept) = fitting(&causes.iter().map(String::len), self.causes) {
            causes.truncate(kept);
            causes.push("(more causes)".into());
            causes.shrink_to_fit();
        }
    }

    fn keep_trace(&self, trace: &mut Vec<String>) {
        for line in &mut *trace {
            shorten(line, self.trace / 2);
        }
        if let Some(kept) = fitting(&trace.iter().rev().map(String::len), self.trace) {
            trace.drain(..trace.len() - kept);
            trace.insert(0, "(more lines before)".into());
            trace.shrink_to_fit();
        }
    }

    /// Shortens a stack of a guest.
    pub(crate) fn keep_backtrace(&self, frames: &mut Vec<Frame>) {
        for frame in &mut *frames {
            shorten(&mut frame.function, self.text);
        }
        let size = |frame: &Frame| frame.function.len() + frame.location.as_ref().map_or(0, |place| place.file.len());
        if let Some(kept) = fitting(&frames.iter().map(size), self.backtrace) {
            frames.truncate(kept);
            frames.push(Frame { function: "(more frames)".into(), location: None });
            frames.shrink_to_fit();
        }
    }

    fn keep_written(&self, text: &mut String) {
        let surplus = text.len().saturating_sub(self.said);
        text.drain(..text.ceil_char_boundary(surplus));
        text.shrink_to_fit();
    }

    fn keep_log(&self, log: &mut Vec<LogEntry>) {
        for entry in &mut *log {
            shorten(&mut entry.message, self.said);
        }
        let mut left = self.said.saturating_add(ENTRY_OVERHEAD + MARK_BYTES);
        // The last message fits, whatever its size: it was truncated when it was logged.
        let kept = log.iter().rev().take_while(|entry| {
            let rest = left.checked_sub(entry.message.len() + ENTRY_OVERHEAD);
            left = rest.unwrap_or_default();
            rest.is_some()
        });
        let surplus = log.len() - kept.count();
        log.drain(..surplus);
        log.shrink_to_fit();
    }
}

/// Returns how many of the first lines fit next to a line that says that there are more, or `None` if all fit. Lines
/// that were shortened once fit.
fn fitting(sizes: &(impl Iterator<Item = usize> + Clone), bytes: usize) -> Option<usize> {
    let fits = |most: usize, lines: usize| {
        let mut left = most;
        let fits = move |size: &usize| {
            let rest = left.checked_sub(*size);
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        sizes.clone().take(lines).take_while(fits).count()
    };
    if fits(bytes + MARK_BYTES, LINES) == sizes.clone().count() { None } else { Some(fits(bytes, LINES - 1)) }
}

/// Shortens a text, unless it is only longer by the mark that it got when it was shortened before.
fn shorten(text: &mut String, bytes: usize) {
    if text.len() > bytes.saturating_add(MARK_BYTES) {
        crate::text::shorten(text, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FailureKind, Location, LogLevel};

    fn length(failure: &Failure) -> usize {
        let file = |location: &Option<Location>| location.as_ref().map_or(0, |location| location.file.len());
        let texts = failure.causes.iter().chain(&failure.trace).chain(&failure.hint);
        let frames = failure.backtrace.iter().map(|frame| frame.function.len() + file(&frame.location));
        let log = failure.log.iter().map(|entry| entry.message.len() + ENTRY_OVERHEAD);
        failure.message.len()
            + file(&failure.location)
            + texts.map(String::len).chain(frames).chain(log).sum::<usize>()
            + failure.stderr.len()
            + failure.stdout.len()
    }

    /// A failure in which every part has `count` copies of a text.
    fn talkative(text: &str, count: usize) -> Failure {
        let location = || Some(Location { file: text.into(), line: 1, column: None });
        let mut failure = Failure::new(FailureKind::GuestError, text);
        failure.hint = Some(text.into());
        failure.location = location();
        failure.causes = vec![text.into(); count];
        failure.trace = vec![text.into(); count];
        failure.backtrace = vec![Frame { function: text.into(), location: location() }; count];
        failure.stderr = text.into();
        failure.stdout = text.into();
        failure.log = vec![LogEntry { level: LogLevel::Info, message: text.into() }; count];
        failure
    }

    #[test]
    fn a_record_is_bounded_whatever_is_said() {
        for (text, count) in [("é".repeat(1 << 20), 3), ("b".repeat(500), 10_000), (String::new(), 100_000)] {
            let mut whole = talkative(&text, count);
            (whole.stderr, whole.stdout, whole.log) = (String::new(), String::new(), Vec::new());
            WHOLE.keep(&mut whole);
            assert!(length(&whole) < 106 << 10, "{}", length(&whole));
            let lists = [whole.causes.len(), whole.trace.len(), whole.backtrace.len()];
            assert!(lists.iter().all(|length| *length <= LINES), "{lists:?}");

            let mut rejected = talkative(&text, count);
            REJECTED.keep(&mut rejected);
            assert!(length(&rejected) < 40 << 10, "{}", length(&rejected));
            // A second application changes nothing.
            let before = rejected.clone();
            REJECTED.keep(&mut rejected);
            assert_eq!(before, rejected);
        }
    }

    #[test]
    fn the_nearest_causes_and_the_last_lines_are_kept() {
        let mut failure = Failure::new(FailureKind::GuestError, "no");
        let lines = |letter: char| (0..300).map(|number| format!("{letter}{number}")).collect::<Vec<_>>();
        (failure.causes, failure.trace) = (lines('c'), lines('t'));
        WHOLE.keep(&mut failure);
        assert_eq!(
            (&*failure.causes[0], &*failure.causes[254], &*failure.causes[255]),
            ("c0", "c254", "(more causes)")
        );
        assert_eq!(
            (&*failure.trace[0], &*failure.trace[1], &*failure.trace[255]),
            ("(more lines before)", "t45", "t299")
        );
    }

    #[test]
    fn what_is_short_stays_as_it_is() {
        let before = talkative("some words", 3);
        let mut failure = before.clone();
        REJECTED.keep(&mut failure);
        assert_eq!(failure, before);
    }

    #[test]
    fn the_last_words_of_a_rejected_row_are_kept() {
        let mut failure = Failure::new(FailureKind::Panic, "it panicked");
        failure.stderr = "é".repeat(40_000) + "!";
        let entry = |number: usize| LogEntry { level: LogLevel::Info, message: format!("{number} {}", "a".repeat(50)) };
        failure.log = (0..1000).map(entry).collect();
        REJECTED.keep(&mut failure);
        assert!(failure.stderr.ends_with("é!") && failure.stderr.len() <= REJECTED.said, "{}", failure.stderr.len());
        assert!(failure.log.len() < 60, "{}", failure.log.len());
        assert_eq!(failure.log.last(), Some(&entry(999)));
    }
}
