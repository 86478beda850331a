//! An open file of a binary format.

use std::error::Error;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

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
}
