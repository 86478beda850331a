//! Rejected rows, as the reject file has them.

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::batch::Rows;
use crate::failure::Failure;
use crate::sandbox::{ENTRY_OVERHEAD, cut};
use crate::sink::json::{Encoding, JsonValues, NoJson, write_serde};
use crate::text::escape_controls_in_json;

/// A row that did not pass, and why.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The row's index in the batch as it entered the step.
    pub(crate) row: usize,
    pub(crate) failure: Failure,
    /// The row's columns as it entered the step: a JSON object.
    columns: Vec<u8>,
}

impl Rejected {
    pub(super) fn new(rows: &Rows, row: usize, mut failure: Failure) -> Self {
        shorten(&mut failure);
        Self { row, failure, columns: object(&rows.columns, row) }
    }

    /// Adds the line of the reject file: `{"row": …, "failure": …}`.
    pub(super) fn write(&self, run: &Arc<str>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"row\":");
        out.extend_from_slice(&self.columns);
        out.extend_from_slice(b",\"failure\":");
        let failure = Failure { run: Some(Arc::clone(run)), ..self.failure.clone() };
        // The columns are data, and stay as they are; the failure has the words of a guest.
        let json = serde_json::to_string(&failure).expect("a record is made of texts and numbers");
        out.extend_from_slice(escape_controls_in_json(&json).as_bytes());
        out.extend_from_slice(b"}\n");
    }
}

/// The most bytes of standard error, and of log messages, that a rejected row keeps. A batch may reject thousands of
/// rows, and they are held until it is written.
const SAID_BYTES: usize = 4 << 10;

/// Keeps the last of what the guest said.
fn shorten(failure: &mut Failure) {
    let surplus = failure.stderr.len().saturating_sub(SAID_BYTES);
    failure.stderr.drain(..failure.stderr.ceil_char_boundary(surplus));
    failure.stderr.shrink_to_fit();
    let mut left = SAID_BYTES;
    let kept = failure.log.iter().rev().take_while(|entry| {
        let fits = left > 0;
        left = left.saturating_sub(entry.message.len() + ENTRY_OVERHEAD);
        fits
    });
    let surplus = failure.log.len() - kept.count();
    failure.log.drain(..surplus);
    failure.log.shrink_to_fit();
    // The oldest of them may be long.
    for entry in &mut failure.log {
        entry.message = cut(&entry.message, SAID_BYTES);
    }
}

/// One row as a JSON object. What JSON cannot hold, such as a float that is not a number, is there as text: a row that
/// is set aside must not fail a second time.
pub(crate) fn object(columns: &RecordBatch, row: usize) -> Vec<u8> {
    let mut out = vec![b'{'];
    let encoding = Encoding::new();
    for (field, array) in columns.schema_ref().fields().iter().zip(columns.columns()) {
        if out.len() > 1 {
            out.push(b',');
        }
        write_serde(&mut out, field.name());
        out.push(b':');
        let before = out.len();
        let value = array.slice(row, 1);
        let problem = match JsonValues::new(&value, field, &encoding) {
            Ok(mut values) => match values.write(0, &mut out) {
                Ok(()) => continue,
                Err(NoJson::NotFinite(text) | NoJson::NoText(text)) => text,
            },
            Err(error) => error.to_string(),
        };
        out.truncate(before);
        write_serde(&mut out, &problem);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FailureKind, LogEntry, LogLevel};

    #[test]
    fn the_last_words_are_kept() {
        let mut failure = Failure::new(FailureKind::Panic, "it panicked");
        failure.stderr = "é".repeat(40_000) + "!";
        let entry = |number: usize| LogEntry { level: LogLevel::Info, message: format!("{number} {}", "a".repeat(50)) };
        failure.log = (0..1000).map(entry).collect();
        shorten(&mut failure);
        assert!(failure.stderr.ends_with("é!") && failure.stderr.len() <= SAID_BYTES, "{}", failure.stderr.len());
        assert!(failure.log.len() < 60, "{}", failure.log.len());
        assert_eq!(failure.log.last(), Some(&entry(999)));

        failure.log = vec![LogEntry { level: LogLevel::Warn, message: "b".repeat(60_000) }];
        shorten(&mut failure);
        assert_eq!(failure.log.len(), 1);
        assert!(failure.log[0].message.len() < SAID_BYTES + 100);
        // What is short stays as it is.
        let before = failure.clone();
        shorten(&mut failure);
        assert_eq!((before.stderr, before.log.len()), (failure.stderr, failure.log.len()));
    }
}
