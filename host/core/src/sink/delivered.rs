//! Writes text directly to a pipe or device, in chunks that end with a complete row.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memchr::{memchr, memchr2};

use crate::format::Format;

/// Bytes that a pipe accepts completely or not at all, even if the process ends while it waits: `PIPE_BUF` on Linux.
const ATOMIC_WRITE_BYTES: usize = 4096;

/// Counts the rows that the reader of an output has received. Shared with the dispatcher, which can stop the output.
#[derive(Debug, Default)]
pub(crate) struct DeliveredRows {
    rows: AtomicU64,
    stopped: AtomicBool,
}

impl DeliveredRows {
    /// Returns the number of rows written completely.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Acquire)
    }

    /// Prevents further chunks from being written.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::AcqRel);
    }
}

/// Splits text into chunks of whole rows, each with its number of rows. A chunk has at most [`ATOMIC_WRITE_BYTES`],
/// unless one row is longer.
pub(super) fn whole_row_chunks(format: Format, mut rest: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    std::iter::from_fn(move || {
        let (mut end, mut rows) = (0, 0);
        while end < rest.len() {
            let row = row_end(format, &rest[end..]);
            if rows > 0 && end + row > ATOMIC_WRITE_BYTES {
                break;
            }
            end += row;
            rows += 1;
        }
        let (chunk, after) = rest.split_at(end);
        rest = after;
        (rows > 0).then_some((chunk, rows))
    })
}

/// Returns the length of the first row, with its line break. In CSV, a line break inside quotation marks does not
/// count.
fn row_end(format: Format, text: &[u8]) -> usize {
    if format != Format::Csv {
        return memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    }
    let (mut at, mut quoted) = (0, false);
    while let Some(found) = memchr2(b'\n', b'"', &text[at..]) {
        at += found + 1;
        if text[at - 1] == b'"' {
            quoted = !quoted;
        } else if !quoted {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(format: Format, text: &str) -> Vec<(usize, u64)> {
        whole_row_chunks(format, text.as_bytes()).map(|(chunk, rows)| (chunk.len(), rows)).collect()
    }

    #[test]
    fn chunks_end_with_a_row() {
        let row = format!("{}\n", "x".repeat(999));
        assert_eq!(split(Format::JsonLines, &row.repeat(9)), [(4000, 4), (4000, 4), (1000, 1)]);
        let long = format!("{}\n", "x".repeat(9999));
        assert_eq!(split(Format::JsonLines, &format!("{row}{long}{row}")), [(1000, 1), (10_000, 1), (1000, 1)]);
        assert_eq!(split(Format::JsonLines, ""), []);
    }

    #[test]
    fn a_line_break_between_quotation_marks_does_not_end_a_row() {
        let row = format!("\"{}\"\"\n{}\",1\n", "x".repeat(1500), "y".repeat(1500));
        let length = row.len();
        assert_eq!(split(Format::Csv, &row.repeat(2)), [(length, 1), (length, 1)]);
    }
}
