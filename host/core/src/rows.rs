//! Rows in memory for programs: read from an input file as a pipeline reads them, and written as JSON.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::batch::RowOrigins;
use crate::data_type::DataType;
use crate::failure::RowPlace;
use crate::format::Format;
use crate::source::{self, OpenSource, SourceError, SourceLocation, SourceSchema, SourceSpec};
use crate::stage;

/// Reads a file of rows, batch by batch.
#[derive(Debug)]
pub struct RowReader {
    source: OpenSource,
}

/// Consecutive rows of a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InputBatch {
    /// The rows.
    pub rows: RecordBatch,
    origins: RowOrigins,
}

/// An error of an input file: it cannot be read, or a row of it is malformed. The message has the file and the line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReadRowsError(#[from] SourceError);

impl RowReader {
    /// Opens a file of JSON Lines. `columns` are its columns with their types; if there are none, they are inferred from the
    /// first 1000 rows. A batch has at most `batch_rows` rows, and ends early at 16 MiB of text.
    ///
    /// # Errors
    /// The file cannot be opened, or one of its first rows is malformed.
    pub fn json_lines(path: &Path, columns: &[(String, DataType)], batch_rows: usize) -> Result<Self, ReadRowsError> {
        let location = SourceLocation::path(path.to_owned());
        let spec = SourceSpec { columns: columns.to_vec(), ..SourceSpec::new(location, Format::JsonLines, batch_rows) };
        let source = source::open(&spec)?;
        Ok(Self { source })
    }

    /// Returns the columns of all rows, or `None` if the file has no row to infer them from.
    pub fn schema(&self) -> Option<&SchemaRef> {
        match &self.source.schema {
            SourceSchema::Known(schema) => Some(schema),
            SourceSchema::Empty => None,
        }
    }

    /// Returns the next rows, or `None` at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read, or a row is malformed or does not have the columns.
    pub fn next_batch(&mut self) -> Result<Option<InputBatch>, ReadRowsError> {
        let Some(chunk) = self.source.reader.next_chunk()? else { return Ok(None) };
        let decoded = self.source.decoder.decode(chunk)?;
        let origins = RowOrigins::new(decoded.positions, 0, decoded.rows.num_rows());
        Ok(Some(InputBatch { rows: decoded.rows, origins }))
    }
}

impl InputBatch {
    /// Returns the place of a row in the file. `row` is its index in the batch, from 0.
    ///
    /// # Panics
    /// The batch has no such row.
    pub fn place(&self, row: usize) -> RowPlace {
        self.origins.place(row)
    }
}

/// Returns a row as a JSON object. A value that JSON cannot represent, such as NaN, becomes text.
///
/// # Panics
/// The batch has no such row.
pub fn row_as_json(batch: &RecordBatch, row: usize) -> String {
    String::from_utf8(stage::row_as_json(batch, row)).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_batches_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.jsonl");
        std::fs::write(&path, "{\"a\":1}\n\n{\"a\":2}\n{\"a\":null}\n").unwrap();
        let mut reader = RowReader::json_lines(&path, &[], 2).unwrap();
        assert_eq!(reader.schema().unwrap().field(0).name(), "a");
        let first = reader.next_batch().unwrap().unwrap();
        assert_eq!((first.rows.num_rows(), first.place(1).line), (2, Some(3)));
        let second = reader.next_batch().unwrap().unwrap();
        assert_eq!(row_as_json(&second.rows, 0), r#"{"a":null}"#);
        assert_eq!((second.place(0).index, second.place(0).line), (0, Some(4)));
        assert!(reader.next_batch().unwrap().is_none());
    }

    #[test]
    fn a_file_without_rows_has_no_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.jsonl");
        std::fs::write(&path, "").unwrap();
        assert!(RowReader::json_lines(&path, &[], 2).unwrap().schema().is_none());
        let missing = RowReader::json_lines(&folder.path().join("missing.jsonl"), &[], 2).unwrap_err();
        assert!(missing.to_string().contains("missing.jsonl"), "{missing}");
    }
}
