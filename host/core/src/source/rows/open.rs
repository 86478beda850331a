//! An open file of a binary format.

use std::error::Error;
use std::io::Read;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::signature::{FileKind, SIGNATURE_BYTES};
use crate::format::Format;

/// An error of a library, or a limit that was exceeded.
pub(super) type RowError = Box<dyn Error + Send + Sync>;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, RowError>> + Send>;

/// An open file whose schema is read.
pub(super) struct OpenRows {
    /// The file's schema. The batches may have other layouts of the same types, such as views of texts.
    pub(super) schema: SchemaRef,
    /// The rows in order, in batches of any size.
    pub(super) batches: Batches,
    /// Whether the batches may be smaller than a chunk has to be.
    pub(super) has_small_batches: bool,
    /// Number of rows, if the format states it. The bytes read are then not counted.
    pub(super) total_rows: Option<u64>,
    /// The file's size, if `total_rows` is known.
    pub(super) bytes: u64,
    /// Messages about types that are not kept.
    pub(super) warnings: Vec<String>,
}

/// Reads the first bytes of a file, and checks that they are not those of a file of another kind.
///
/// # Errors
/// They are, or the file cannot be read.
pub(super) fn read_start(file: &InputFile, input: &mut impl Read, format: Format) -> Result<Vec<u8>, SourceError> {
    let mut start = Vec::new();
    let read = input.take(SIGNATURE_BYTES as u64).read_to_end(&mut start);
    read.map_err(|source| file.io("read", source))?;
    match FileKind::from_binary(&start).filter(|kind| !kind.is(format)) {
        Some(kind) => Err(SourceError::in_file(&file.name, SourceErrorKind::OtherKind(kind))),
        None => Ok(start),
    }
}
