//! The file of a bundle: a frame for the head, one for the component, and one for every batch.
//!
//! | frame | content |
//! |---|---|
//! | head | JSON: [`BundleHead`] |
//! | component | the bytes of the component, compressed with Zstandard; empty if they are left out |
//! | batches | an Arrow IPC stream with one batch each |
//!
//! A bundle may come from anyone. Every length is compared with a limit before memory is allocated for it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Metadata, Schema};

use super::head::BundleHead;
use crate::failure::{Failure, RowPlace};
use crate::frame::{FrameError, FrameFormat};
use crate::limits::Limits;
use crate::row_size::plain_bytes_up_to;
use crate::source::{OverBudget, first_batch_within};

/// The frames of a bundle.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillbd", 1);

/// The largest file that is read.
pub(super) const MAX_FILE: u64 = 256 << 20;
/// The largest head that is read. Bodies and answers have at most 12 MiB, and bodies of 12 MiB take 16 MiB in base64. A text of control
/// characters takes six times its bytes in JSON, so a head may be larger; such a bundle is not written.
const MAX_HEAD: usize = 32 << 20;
/// The largest component that is unpacked.
pub(super) const MAX_COMPONENT: u64 = 256 << 20;
/// The largest row that is read.
const MAX_ROW: u64 = 16 << 20;
/// The most rows of all batches.
const MAX_ROWS: usize = 10_000_000;
/// The most bytes of all batches: their columns, their buffers after decompression, and their values as plain data. Compression,
/// dictionaries, runs and views make short streams of large values.
const MAX_BATCHES: u64 = 1 << 30;
/// The memory of a column without its buffers, at most.
const COLUMN_BYTES: u64 = 512;
/// The level of compression. Higher ones take longer than the rest of a failing run.
const LEVEL: i32 = 3;

/// A call that failed, read from a file. Nothing in it has been run.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(crate) head: BundleHead,
    pub(crate) component: Option<Vec<u8>>,
    pub(crate) batches: Vec<RecordBatch>,
}

/// Why a file cannot be used as a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file cannot be read.
    #[error("the bundle cannot be read")]
    Read(#[source] io::Error),
    /// The file is not a bundle, or is of another version of the format.
    #[error("this is not a bundle that this version of Stillbox reads: {0}")]
    Format(String),
    /// A part of the bundle is malformed.
    #[error("{part} of the bundle is malformed")]
    #[non_exhaustive]
    Malformed {
        /// The part.
        part: &'static str,
        /// The problem.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A part of the bundle is too large.
    #[error("{part} of the bundle is larger than {limit} bytes")]
    #[non_exhaustive]
    TooLarge {
        /// The part.
        part: &'static str,
        /// The limit.
        limit: u64,
    },
    /// All batches together have too many rows.
    #[error("the bundle has more than {limit} rows")]
    #[non_exhaustive]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
}

impl From<FrameError> for BundleError {
    fn from(error: FrameError) -> Self {
        Self::Format(error.to_string())
    }
}

impl Bundle {
    /// Reads a bundle. It may come from anyone: nothing of it is run, and the memory that it takes is bounded.
    ///
    /// # Errors
    /// The file cannot be read, or is not a bundle.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let file = File::open(path).map_err(BundleError::Read)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(BundleError::Read)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(BundleError::TooLarge { part: "the file", limit: MAX_FILE });
        }
        Self::from_bytes(&bytes)
    }

    /// Reads the bytes of a bundle.
    ///
    /// # Errors
    /// They are not a bundle.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let (packed, bundle) = Self::without_component(bytes)?;
        let component = if packed.is_empty() { None } else { Some(unpacked(packed)?) };
        Ok(Self { component, ..bundle })
    }

    /// Reads everything but the component. Returns its compressed bytes.
    ///
    /// # Errors
    /// The bytes are not a bundle.
    pub(super) fn without_component(bytes: &[u8]) -> Result<(&[u8], Self), BundleError> {
        let (head, rest) = FORMAT.split(bytes)?;
        if head.len() > MAX_HEAD {
            return Err(BundleError::TooLarge { part: "the head", limit: MAX_HEAD as u64 });
        }
        let head: BundleHead = serde_json::from_slice(head)
            .map_err(|error| BundleError::Malformed { part: "the head", source: error.into() })?;
        let (packed, mut rest) = FORMAT.split(rest)?;
        let (mut batches, mut budget) = (Vec::new(), RowBudget::default());
        for _ in 0..head.batches {
            let (batch, after) = FORMAT.split(rest)?;
            batches.push(budget.read(batch)?);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(FrameError::Surplus.into());
        }
        Ok((packed, Self { head, component: None, batches }))
    }

    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// Arrow cannot encode the rows.
    pub(super) fn to_bytes(
        head: &BundleHead,
        component: Option<&[u8]>,
        batches: &[Vec<u8>],
    ) -> Result<Vec<u8>, serde_json::Error> {
        let mut out = Vec::new();
        let head = serde_json::to_vec(head)?;
        for part in [&*head, component.unwrap_or_default()].into_iter().chain(batches.iter().map(Vec::as_slice)) {
            out.extend_from_slice(&FORMAT.header(&[part]));
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// Returns the name of the step.
    pub fn step(&self) -> &str {
        &self.head.step
    }

    /// Returns the name of the pipeline.
    pub fn pipeline(&self) -> &str {
        &self.head.pipeline
    }

    /// Returns the version of Stillbox that wrote the bundle.
    pub fn stillbox(&self) -> &str {
        &self.head.stillbox
    }

    /// Returns the digest of the component: `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.head.component.digest
    }

    /// Returns the name of the component's file, without its folder.
    pub fn component_file(&self) -> &str {
        &self.head.component.file
    }

    /// Returns the bytes of the component, if they are in the bundle. They are not checked.
    pub fn component(&self) -> Option<&[u8]> {
        self.component.as_deref()
    }

    /// Returns the parameters: the text of a JSON object.
    pub fn parameters(&self) -> &str {
        &self.head.parameters
    }

    /// Returns the batches that the instance was given, the failing one last. A source has none.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Returns the columns that were left out.
    pub fn left_out(&self) -> &[String] {
        &self.head.left_out
    }

    /// Returns the limits of the instance, at most 4 GiB of memory and an hour for a call.
    pub fn limits(&self) -> Limits {
        self.head.limits.limits()
    }

    /// Returns the record of the failure.
    pub fn failure(&self) -> &Failure {
        &self.head.failure
    }

    /// Returns the place of a row of the last batch in the input, if it is known.
    pub fn place(&self, row: usize) -> Option<&RowPlace> {
        self.head.places.get(row)
    }

    /// Returns the index of the failing row in the last batch.
    pub fn failing_row(&self) -> Option<usize> {
        let row = self.head.failure.row.as_ref()?;
        let first = self.head.places.first().map_or(0, |place| place.index);
        let row = usize::try_from(row.index.checked_sub(first)?).ok()?;
        (row < self.batches.last()?.num_rows()).then_some(row)
    }
}

/// Compresses a component.
pub(super) fn packed(component: &[u8]) -> io::Result<Vec<u8>> {
    zstd::encode_all(component, LEVEL)
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, BundleError> {
    let malformed = |error: io::Error| BundleError::Malformed { part: "the component", source: error.into() };
    let decoder = zstd::Decoder::with_buffer(packed).map_err(malformed)?;
    let mut bytes = Vec::new();
    decoder.take(MAX_COMPONENT + 1).read_to_end(&mut bytes).map_err(malformed)?;
    if bytes.len() as u64 > MAX_COMPONENT {
        return Err(BundleError::TooLarge { part: "the component", limit: MAX_COMPONENT });
    }
    Ok(bytes)
}

/// Encodes a batch.
///
/// # Errors
/// Arrow cannot encode it.
pub(super) fn write_batch(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, batch.schema_ref())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// The rows and bytes that all batches to come may have.
struct RowBudget {
    rows: usize,
    bytes: u64,
}

impl Default for RowBudget {
    fn default() -> Self {
        Self { rows: MAX_ROWS, bytes: MAX_BATCHES }
    }
}

impl RowBudget {
    fn read(&mut self, stream: &[u8]) -> Result<RecordBatch, BundleError> {
        const TOO_LARGE: BundleError = BundleError::TooLarge { part: "the rows", limit: MAX_BATCHES };
        let malformed = |source| BundleError::Malformed { part: "a batch of rows", source };
        let batch = first_batch_within(stream, MAX_ROW, &mut self.bytes);
        let batch = batch.map_err(|error| if error.is::<OverBudget>() { TOO_LARGE } else { malformed(error) })?;
        let batch = batch.ok_or_else(|| malformed("there are no rows".into()))?;
        let rows = batch.num_rows();
        self.rows = self.rows.checked_sub(rows).ok_or(BundleError::TooManyRows { limit: MAX_ROWS })?;
        self.bytes = self.bytes.checked_sub(schema_bytes(batch.schema_ref())).ok_or(TOO_LARGE)?;
        let values = plain_bytes_up_to(batch.columns(), 0..rows, self.bytes);
        self.bytes = self.bytes.checked_sub(values).ok_or(TOO_LARGE)?;
        Ok(batch)
    }
}

/// Returns the memory of columns without their buffers. The message of a schema can name a text once and use it in all fields.
fn schema_bytes(schema: &Schema) -> u64 {
    let bytes = |metadata: &Metadata| metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    let fields = schema.flattened_fields().into_iter();
    let fields = fields.map(|field| COLUMN_BYTES + (field.name().len() + bytes(field.metadata())) as u64);
    fields.sum::<u64>() + bytes(schema.metadata()) as u64
}

#[cfg(test)]
pub(super) mod tests;
