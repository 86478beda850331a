//! Input files of every format.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::format::{Format, NonFinite};
use crate::json::json_texts;
use crate::source::{self, SourceLocation, SourceSchema, SourceSpec};

/// The formats of input files, by the names of their files.
pub const FORMATS: [&str; 5] = ["csv", "jsonl", "json", "parquet", "arrow"];

/// Reads a file completely, in batches of at most so many rows, and writes its values as JSON. Returns the rows as one batch,
/// or `None` for an input without columns.
///
/// # Errors
/// The message of the error that a run would have.
pub fn read_input(path: &Path, format: &str, batch_rows: usize) -> Result<Option<RecordBatch>, String> {
    let format = match format {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        "json" => Format::Json,
        "parquet" => Format::Parquet,
        _ => Format::Arrow,
    };
    let spec = SourceSpec::new(SourceLocation::path(path.to_owned()), format, batch_rows);
    let mut open = source::open(&spec).map_err(|error| error.to_string())?;
    let SourceSchema::Known(schema) = open.schema.clone() else { return Ok(None) };
    let mut batches = Vec::new();
    while let Some(chunk) = open.reader.next_chunk().map_err(|error| error.to_string())? {
        let rows = open.decoder.decode(chunk).map_err(|error| error.to_string())?.rows;
        for (column, field) in rows.columns().iter().zip(schema.fields()) {
            // A type that JSON cannot represent is an error of `check`.
            let _ = json_texts(column, field, NonFinite::Text);
        }
        batches.push(rows);
    }
    concat_batches(&schema, &batches).map(Some).map_err(|error| error.to_string())
}
