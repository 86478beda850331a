//! Encodes rows as bytes, in parallel.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Field, SchemaRef};

use super::error::{SinkError, SinkErrorKind};
use super::free_texts::FreeTexts;
use crate::format::{Compression, Format, NonFinite};
use crate::json::NoJson;
use crate::row_size::columns_bytes;
use crate::source::Carried;
use crate::spill::SpillFrame;
use crate::values::{ConversionError, Unsupported};

/// The level of gzip. 6 is the default of the `gzip` command.
const GZIP_LEVEL: u32 = 6;

/// The level of Zstandard. 3 is the default of the `zstd` command.
const ZSTD_LEVEL: i32 = 3;

/// The most bytes of text that the rows of one batch take. The text can be many times as large as the rows: a boolean takes a bit, and
/// six bytes with its comma; a control character takes six bytes in JSON. It is in memory until it is written.
const MAX_TEXT: usize = 1 << 30;

/// Encodes rows for the writer, on any thread and in any order. The bytes depend only on the rows.
pub(crate) trait Encoder: Send + Sync {
    /// Encodes the rows of one batch, which have the sink's schema.
    ///
    /// # Errors
    ///
    /// The rows have other columns, or the format does not support a value.
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError>;

    /// Encodes rows of a chunk with columns that are not arrays, and null in the batch. `chunk_row` returns the row of the chunk for a row
    /// of the batch. Only JSON Lines and Parquet sinks write such columns.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn encode_carried(
        &self,
        batch: &RecordBatch,
        carried: &Carried,
        _chunk_row: &dyn Fn(usize) -> usize,
    ) -> Result<Encoded, SinkError> {
        let is_here = |name: &str| batch.schema_ref().index_of(name).is_ok();
        debug_assert!(!carried.names().any(is_here), "the plan carries other columns");
        self.encode(batch)
    }
}

/// An encoded batch.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// Text, possibly compressed as one gzip member or Zstandard frame.
    Bytes(Vec<u8>),
    /// Rows for a format that its library writes in order. Resumable runs add a frame with the same rows, which is
    /// saved until the library's output is synced.
    Rows(RecordBatch, Option<SpillFrame>),
}

impl Encoded {
    /// Returns the bytes that it takes in memory, about.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Rows(rows, frame) => {
                columns_bytes(rows.columns()) as u64 + frame.as_ref().map_or(0, |frame| frame.bytes().len() as u64)
            }
        }
    }
}

/// The common parts of all encoders.
#[derive(Debug)]
pub(super) struct Target {
    /// The output's name.
    pub(super) output: Arc<str>,
    pub(super) format: Format,
    pub(super) compression: Compression,
    /// The form of numbers that are not finite.
    pub(super) non_finite: NonFinite,
    /// The schema of the rows.
    pub(super) schema: SchemaRef,
    /// Whether rows are saved until the library's output is synced.
    pub(super) saves_rows: bool,
    /// Memory for texts.
    pub(super) free_texts: FreeTexts,
}

impl Target {
    pub(super) fn error(&self, kind: SinkErrorKind) -> SinkError {
        SinkError::new(&self.output, kind)
    }

    /// Returns the rows with exactly the sink's schema.
    pub(super) fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch, SinkError> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|source| self.error(SinkErrorKind::Schema { source }))
    }

    pub(super) fn no_json(&self, column: usize, row: usize, reason: NoJson) -> SinkError {
        let column = self.schema.field(column).name().clone();
        self.error(match reason {
            NoJson::NotFinite(value) => SinkErrorKind::NotFinite { column, row, value },
            NoJson::NoText(reason) => SinkErrorKind::Value { column, row, reason },
        })
    }

    pub(super) fn type_error(&self, field: &Field, source: Unsupported) -> SinkError {
        type_error(&self.output, self.format, field, source)
    }

    /// Creates an error for a value that the type in the format cannot represent.
    pub(super) fn value_error(&self, field: &Field, error: ConversionError) -> SinkError {
        let column = field.name().clone();
        self.error(match error.row {
            Some(row) => SinkErrorKind::Value { column, row, reason: error.reason },
            None => SinkErrorKind::Schema { source: ArrowError::CastError(error.reason) },
        })
    }

    /// Checks the size of the text up to this row.
    pub(super) fn check_text(&self, row: usize, bytes: usize) -> Result<(), SinkError> {
        if bytes <= MAX_TEXT {
            return Ok(());
        }
        Err(self.error(SinkErrorKind::BatchTooLarge { format: self.format, row, limit: MAX_TEXT }))
    }

    pub(super) fn compressed(&self, bytes: Vec<u8>) -> Result<Vec<u8>, SinkError> {
        compress(self.compression, bytes).map_err(|source| SinkError::io(&self.output, "compress the rows", source))
    }
}

/// Compresses bytes as one member or frame, without a time or a name in it.
pub(crate) fn compress(compression: Compression, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(bytes),
        Compression::Gzip => {
            let out = Vec::with_capacity(bytes.len() / 3);
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(&bytes)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(&bytes, ZSTD_LEVEL),
        Compression::Bzip2 | Compression::Xz => unreachable!("sinks do not write this compression"),
    }
}

/// Creates the error about a column whose type the format does not support.
pub(super) fn type_error(output: &Arc<str>, format: Format, field: &Field, source: Unsupported) -> SinkError {
    let (column, data_type) = (field.name().clone(), field.data_type().to_string());
    SinkError::new(output, SinkErrorKind::Type { column, data_type, format, source })
}
