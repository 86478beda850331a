//! Reads complete inputs like a run, and checks rows, positions and messages.

mod bad_rows;
mod carried;
mod chunks;
mod columnar_bounds;
mod compressed;
mod csv;
mod dialects;
mod folders;
mod json;
mod jsonl;
mod kinds;
mod rows;
mod wide;

use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use tempfile::TempDir;

use super::{BadRow, SourceError, SourceLocation, SourcePath, SourceSchema, SourceSpec, open};
use crate::data_type::DataType;
use crate::format::{Compression, Format};
use crate::sink;

/// A folder of input files, and how to read them.
struct InputFolder {
    folder: TempDir,
    spec: SourceSpec,
}

/// The rows that were read, with their positions.
#[derive(Debug)]
struct ReadRows {
    batch: Option<RecordBatch>,
    bad: Vec<BadRow>,
    positions: Vec<String>,
    chunks: Vec<usize>,
    bytes_read: Vec<u64>,
}

impl InputFolder {
    fn new(format: Format, pattern: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = SourcePath { base: folder.path().to_owned(), written: pattern.into() };
        let spec = SourceSpec::new(SourceLocation::Paths(vec![path]), format, 1000);
        Self { folder, spec }
    }

    /// Creates an input of one file.
    fn from_content(format: Format, content: impl AsRef<[u8]>) -> Self {
        Self::new(format, "in").file("in", content)
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn columns(mut self, columns: &[(&str, DataType)]) -> Self {
        self.spec.columns = columns.iter().map(|(name, data_type)| ((*name).to_owned(), *data_type)).collect();
        self
    }

    fn batch_rows(mut self, rows: usize) -> Self {
        self.spec.batch_rows = rows;
        self
    }

    fn compression(mut self, compression: Compression) -> Self {
        self.spec.compression = Some(compression);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut SourceSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn try_read(&self) -> Result<ReadRows, SourceError> {
        let mut source = open(&self.spec)?;
        let mut rows = ReadRows {
            batch: None,
            bad: Vec::new(),
            positions: Vec::new(),
            chunks: Vec::new(),
            bytes_read: Vec::new(),
        };
        let mut batches = Vec::new();
        while let Some(chunk) = source.reader.next_chunk()? {
            rows.bytes_read.push(chunk.bytes_read);
            let (decoded, bad) = source.decoder.decode_all(chunk)?;
            rows.bad.extend(bad);
            rows.chunks.push(decoded.rows.num_rows());
            let places = (0..decoded.rows.num_rows()).map(|row| decoded.positions.position(row).to_string());
            rows.positions.extend(places.map(|place| self.anonymous(&place)));
            batches.push(decoded.rows);
        }
        if let SourceSchema::Known(schema) = source.schema {
            rows.batch = Some(concat_batches(&schema, &batches).unwrap());
        }
        Ok(rows)
    }

    fn read(&self) -> ReadRows {
        self.try_read().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Returns the message of the error and of its causes.
    fn error(&self) -> String {
        let error = self.try_read().expect_err("the input is malformed");
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message = format!("{message}\n  {error}");
            cause = error.source();
        }
        self.anonymous(&message)
    }

    /// Removes the temporary folder from a message.
    fn anonymous(&self, message: &str) -> String {
        message.replace(&format!("{}/", self.path().display()), "")
    }
}

impl ReadRows {
    /// Returns the bad rows: the reason of each, and its text.
    fn bad(&self, input: &InputFolder) -> String {
        let line = |bad: &BadRow| format!("{} | {}\n", input.anonymous(&bad.error.to_string()), bad.raw.escape_debug());
        self.bad.iter().map(line).collect()
    }

    /// Returns the columns with their types, and then the rows as JSON Lines.
    fn shown(&self) -> String {
        let Some(batch) = &self.batch else { return "empty".to_owned() };
        let column = |field: &std::sync::Arc<arrow_schema::Field>| {
            let data_type =
                DataType::from_field(field).map_or_else(|| field.data_type().to_string(), |known| known.to_string());
            format!("{}: {data_type}", field.name())
        };
        let columns: Vec<String> = batch.schema_ref().fields().iter().map(column).collect();
        format!("{}\n{}", columns.join(", "), self.json())
    }

    /// Returns the rows as JSON Lines.
    fn json(&self) -> String {
        let batch = self.batch.as_ref().expect("columns are known");
        written(batch, Format::JsonLines)
    }
}

/// Returns a batch as text in a format.
fn written(batch: &RecordBatch, format: Format) -> String {
    String::from_utf8(encode_file(batch, format)).unwrap()
}

/// Returns a batch as a file of a format.
fn encode_file(batch: &RecordBatch, format: Format) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("out");
    let spec = sink::SinkSpec {
        location: sink::SinkLocation::Path(path.clone()),
        format,
        compression: Compression::None,
        non_finite: crate::format::NonFinite::Error,
        schema: batch.schema(),
    };
    let (encoder, mut writer) = sink::open(&spec, None, None).unwrap();
    writer.write(encoder.encode(batch).unwrap()).unwrap();
    writer.finish().unwrap();
    fs::read(path).unwrap()
}
