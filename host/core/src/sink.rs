//! Sinks: where rows go.
//!
//! An encoder turns a batch into bytes, on any thread; a writer writes them, on one thread, in order.
//!
//! **Files** are written aside, in the target's folder, under a hidden name that starts with the target's, and take the
//! target's place at the end: until then, and after any failure, an earlier file is as it was. A symbolic link stays; the
//! file that it points to is replaced. A replaced file keeps its permissions, a new one has those of the umask. What is
//! no regular file (a device, a named pipe) is written directly, uncompressed text in pieces of whole rows.
//!
//! **A run that can go on** keeps what it has written aside. Text, compressed or not, is cut to what was known to be on the
//! disk and continued; so is Arrow IPC, whose end is made from the file. What Parquet needs besides is beside it: see
//! [`parquet`].
//!
//! **JSON Lines**: a compact object a line with all columns, null included; text is escaped only where JSON requires it;
//! floats have the fewest digits that read back the same; `json` columns keep their text, but for line breaks between
//! tokens; bytes are base64, vectors lists, dates and times texts in ISO 8601, decimals numbers with all their digits. A
//! float that is not finite is an error.
//!
//! **CSV** (RFC 4180, LF): a header, also if there are no rows; quotation marks where needed; null is empty; floats that
//! are not finite are `NaN`, `inf` and `-inf`; lists, structs and maps are JSON.
//!
//! **Parquet** is compressed inside (Zstandard), in row groups of at most 131,072 rows and about 32 MiB. **Arrow IPC** is
//! the file format in files and the stream format on standard output; dictionaries are written out.
//!
//! **Compression** of the text formats: a gzip member or Zstandard frame for each batch, so that it runs in parallel and
//! the bytes do not depend on the number of threads.

mod arrow;
mod csv;
mod delivered;
mod encode;
mod error;
mod jsonl;
mod output;
mod parquet;
mod rows;
mod synced;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::format::{Compression, Format};
use encode::Target;

pub(crate) use delivered::DeliveredRows;
pub(crate) use encode::{Encoded, Encoder, compress};
pub(crate) use error::{SinkError, SinkErrorKind};
pub(crate) use output::{copy_path, part_path, resolve_links, sync_folder};
pub(crate) use synced::{StagingDir, SyncedLength};
pub(crate) use writer::Writer;

/// What to write, and as what.
#[derive(Debug, Clone)]
pub(crate) struct SinkSpec {
    /// Where to.
    pub(crate) location: SinkLocation,
    /// The format.
    pub(crate) format: Format,
    /// How the whole output is compressed; text formats only.
    pub(crate) compression: Compression,
    /// The columns of all rows.
    pub(crate) schema: SchemaRef,
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkLocation {
    /// A file, absolute or relative to the working directory.
    Path(PathBuf),
    /// Standard output.
    Stdout,
}

/// Opens an output. If this fails, or the writer is dropped before its end, nothing is left behind. With the id of the run
/// the file that is written aside is at [`part_path`] the output; with `staging` besides it can be told to stay, and be opened
/// again where it was.
///
/// # Errors
///
/// The format cannot hold a column's type or be compressed as asked, the folder is missing or not writable, or the
/// output is a directory.
pub(crate) fn open(
    spec: &SinkSpec,
    run: Option<&str>,
    staging: Option<&StagingDir<'_>>,
) -> Result<(Arc<dyn Encoder>, Writer), SinkError> {
    let output: Arc<str> = match &spec.location {
        SinkLocation::Path(path) => {
            path.to_string_lossy().chars().flat_map(char::escape_debug).collect::<String>().into()
        }
        SinkLocation::Stdout => "standard output".into(),
    };
    let (format, compression) = (spec.format, spec.compression);
    if matches!(format, Format::Parquet | Format::Arrow) && compression != Compression::None {
        return Err(SinkError::new(&output, SinkErrorKind::CompressedRows { format, compression }));
    }
    let (schema, saves_rows) = (Arc::clone(&spec.schema), staging.is_some());
    let target = Target { output: Arc::clone(&output), format, compression, schema, saves_rows };
    let encoder = encode::encoder(target)?;
    let writer = Writer::open(spec, output, run, staging)?;
    Ok((encoder, writer))
}
