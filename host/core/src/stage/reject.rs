//! Rejected rows, in the form of the reject file.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};

use crate::batch::Rows;
use crate::failure::{BRIEF, Failure, REJECTED};
use crate::format::{Compression, NonFinite};
use crate::json::{JsonValues, NoJson, write_serde};
use crate::sink::{Encoded, compress};
use crate::source::{BadRow, Carried};
use crate::text::escape_controls_in_json;

/// A rejected row with its failure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RejectRecord {
    /// The row's index in the batch, as it entered the step.
    pub(crate) row: usize,
    pub(crate) failure: Failure,
    content: RejectedContent,
}

/// The content of a rejected row.
#[derive(Debug, Serialize, Deserialize)]
enum RejectedContent {
    /// The row's columns as it entered a step, as a JSON object.
    Columns(String),
    /// The text of a row that a source cannot read.
    Raw(String),
}

/// The number of rejected rows of a batch whose records have all that [`REJECTED`] allows. The records of a batch are in memory until
/// it is written.
const MAX_DETAILED: usize = 256;

impl RejectRecord {
    /// Creates a record. `before` is the number of records of the same batch.
    pub(crate) fn new(rows: &Rows, row: usize, mut failure: Failure, before: usize) -> Self {
        let bounds = if before < MAX_DETAILED { REJECTED } else { BRIEF };
        bounds.keep(&mut failure);
        Self { row, failure, content: RejectedContent::Columns(row_text(rows, row)) }
    }

    /// Creates the record of a row that a source cannot read. `index` is its index among those of the batch.
    pub(crate) fn of_bad_row(index: usize, bad: BadRow, batch: u64) -> Self {
        let mut failure = bad.error.to_failure();
        failure.batch = Some(batch);
        REJECTED.keep(&mut failure);
        Self { row: index, failure, content: RejectedContent::Raw(bad.raw) }
    }

    /// Returns the row as JSON: an object of its columns, or a string if the source cannot read it.
    pub(crate) fn content(&self) -> String {
        match &self.content {
            RejectedContent::Columns(columns) => columns.clone(),
            RejectedContent::Raw(raw) => serde_json::Value::from(raw.as_str()).to_string(),
        }
    }

    /// Adds the line for the reject file: `{"row": …, "failure": …}`, or `{"raw": …, "failure": …}` without columns.
    fn write(&self, run: &Arc<str>, out: &mut Vec<u8>) {
        match &self.content {
            RejectedContent::Columns(columns) => {
                out.extend_from_slice(b"{\"row\":");
                out.extend_from_slice(columns.as_bytes());
            }
            RejectedContent::Raw(raw) => {
                out.extend_from_slice(b"{\"raw\":");
                write_serde(out, raw);
            }
        }
        out.extend_from_slice(b",\"failure\":");
        let failure = Failure { run: Some(Arc::clone(run)), ..self.failure.clone() };
        // Only the failure is escaped. It contains text of the guest, whereas the columns are data and stay unchanged.
        let json = serde_json::to_string(&failure).expect("a record is made of texts and numbers");
        out.extend_from_slice(escape_controls_in_json(&json).as_bytes());
        out.extend_from_slice(b"}\n");
    }
}

/// Returns the lines for the reject file, if there are any.
pub(super) fn encode_rejects(
    rejected: &[RejectRecord],
    run: &Arc<str>,
    compression: Compression,
) -> io::Result<Option<Encoded>> {
    if rejected.is_empty() {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for rejected in rejected {
        rejected.write(run, &mut lines);
    }
    compress(compression, lines).map(|bytes| Some(Encoded::Bytes(bytes)))
}

/// Returns a row as a JSON object, with the columns that are not arrays. Columns that cannot be decoded are null, and the task fails
/// with their error when the step has returned.
pub(super) fn row_text(rows: &Rows, row: usize) -> String {
    let chunk_row = rows.origin.row(row);
    let text = match rows.origin.carried() {
        None => row_as_json(&rows.columns, row),
        Some(Carried::Text(carried)) => {
            let texts: HashMap<&str, &str> = carried.values(chunk_row).collect();
            object(&rows.columns, row, |name| texts.get(name).copied().map(CarriedValue::Text))
        }
        Some(Carried::Rows(carried)) => {
            let decoded = carried.decoded();
            let value = |name: &str| Some(CarriedValue::Value(decoded?.column_by_name(name)?.slice(chunk_row, 1)));
            object(&rows.columns, row, value)
        }
    };
    String::from_utf8(text).expect("JSON is text")
}

/// The value of a carried column.
enum CarriedValue<'a> {
    Text(&'a str),
    /// An array of this value alone.
    Value(ArrayRef),
}

/// Returns a row as a JSON object. Values that JSON cannot represent, such as NaN, become text, because a rejected row
/// must not fail again.
pub(crate) fn row_as_json(columns: &RecordBatch, row: usize) -> Vec<u8> {
    object(columns, row, |_| None)
}

fn object<'a>(columns: &RecordBatch, row: usize, carried: impl Fn(&str) -> Option<CarriedValue<'a>>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (field, array) in columns.schema_ref().fields().iter().zip(columns.columns()) {
        if out.len() > 1 {
            out.push(b',');
        }
        write_serde(&mut out, field.name());
        out.push(b':');
        let value = match carried(field.name()) {
            Some(CarriedValue::Text(value)) => {
                out.extend_from_slice(value.as_bytes());
                continue;
            }
            Some(CarriedValue::Value(value)) => value,
            None => array.slice(row, 1),
        };
        let before = out.len();
        let problem = match JsonValues::new(&value, field, NonFinite::Text) {
            Ok(values) => match values.write(0, &mut out) {
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
