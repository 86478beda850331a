//! Sinks: write rows to files or standard output.
//!
//! An [`Encoder`] turns a batch into bytes, on any thread. A [`Writer`] writes the bytes in order, on one thread.
//!
//! **Files** are written to a hidden temporary file in the target's folder, whose name starts with the target's. At the
//! end it is renamed to the target. Until then, and after a failure, an existing target is unchanged. If the target is
//! a symbolic link, the file that it points to is replaced. The new file takes over the permissions of the old one;
//! without an old one, the umask decides. A target that is not a regular file (a device, a named pipe) is written
//! directly, uncompressed text in chunks of whole rows.
//!
//! **Resumable runs** retain the temporary file. When such a run is resumed, text and Arrow IPC files are truncated to
//! the synced length of the last checkpoint, and continued. Parquet needs additional files: see [`parquet`].
//!
//! **JSON Lines**: one compact object per line with all columns, nulls included. Text is escaped only where JSON
//! requires it. Floats have the fewest digits that parse to the same value. `json` columns preserve their text, except
//! for line breaks between tokens. Bytes are base64, vectors are lists, dates and times are ISO 8601 text, decimals are
//! numbers with all their digits. A float that is not finite is an error.
//!
//! **CSV** (RFC 4180, LF): a header, even without rows; quotation marks where needed. Null is an empty field. Floats
//! that are not finite are `NaN`, `inf` and `-inf`. Lists, structs and maps are JSON.
//!
//! **Parquet** is compressed inside (Zstandard), in row groups of at most 131,072 rows and about 32 MiB. **Arrow IPC**
//! is the file format in files and the stream format on standard output; dictionaries are written as plain values.
//!
//! **Compression** of the text formats uses one gzip member or Zstandard frame per batch, so that batches are
//! compressed in parallel and the bytes do not depend on the number of threads.

mod arrow;
mod batches;
mod csv;
mod delivered;
mod encode;
mod error;
mod format_error;
mod formats;
mod free_texts;
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

use crate::format::{Compression, Format, NonFinite};
use batches::BatchEncoder;
use encode::Target;
use free_texts::FreeTexts;
use parquet::CarriedLayout;
use rows::written_schema;

pub(crate) use batches::BatchSink;
pub(crate) use delivered::DeliveredRows;
pub(crate) use encode::{Encoded, Encoder, compress};
pub(crate) use error::{SinkError, SinkErrorKind};
pub(crate) use output::{LOCK_ENDING, copy_path, is_lock_path, lock_path, part_path, resolve_links, sync_folder};
pub(crate) use parquet::SinkCarried;
pub(crate) use synced::{StagingDir, SyncedLength};
pub(crate) use writer::Writer;

/// Describes an output: its location, format and columns.
#[derive(Debug, Clone)]
pub(crate) struct SinkSpec {
    /// The location.
    pub(crate) location: SinkLocation,
    /// The format.
    pub(crate) format: Format,
    /// Compression of the whole output; text formats only.
    pub(crate) compression: Compression,
    /// The form of numbers that are not finite.
    pub(crate) non_finite: NonFinite,
    /// The columns of all rows.
    pub(crate) schema: SchemaRef,
}

/// The location of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SinkLocation {
    /// A file, absolute or relative to the working directory.
    Path(PathBuf),
    /// Standard output.
    Stdout,
    /// A function of the calling program. Format and compression do not apply.
    Batches(BatchSink),
}

/// Checks that the format supports the columns, without opening the output.
///
/// # Errors
///
/// The format does not support a column's type.
pub(crate) fn check_types(spec: &SinkSpec) -> Result<(), SinkError> {
    match spec.location {
        // The calling program takes any type.
        SinkLocation::Batches(_) => Ok(()),
        SinkLocation::Path(_) | SinkLocation::Stdout => {
            formats::check_types(&output_name(spec), spec.format, &spec.schema)
        }
    }
}

/// Returns the output's name in messages.
fn output_name(spec: &SinkSpec) -> Arc<str> {
    match &spec.location {
        SinkLocation::Path(path) => {
            path.to_string_lossy().chars().flat_map(char::escape_debug).collect::<String>().into()
        }
        SinkLocation::Stdout => "standard output".into(),
        SinkLocation::Batches(_) => "record batches".into(),
    }
}

/// Opens an output. If this fails, or the writer is dropped before its end, no file is left. With the id of a run, the
/// temporary file is at [`part_path`]. With `staging` as well, the file can be retained and opened again to resume.
///
/// # Errors
///
/// The format does not support a column's type or the compression, the folder is missing or not writable, or the output
/// is a directory.
pub(crate) fn open(
    spec: &SinkSpec,
    run: Option<&str>,
    staging: Option<&StagingDir<'_>>,
) -> Result<(Arc<dyn Encoder>, Writer), SinkError> {
    open_carrying(spec, run, staging, None)
}

/// As [`open`], for a sink that copies columns of a source if the format is Parquet.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn open_carrying(
    spec: &SinkSpec,
    run: Option<&str>,
    staging: Option<&StagingDir<'_>>,
    carried: Option<SinkCarried>,
) -> Result<(Arc<dyn Encoder>, Writer), SinkError> {
    let free_texts = FreeTexts::default();
    let output = output_name(spec);
    let carried = carried.filter(|_| spec.format == Format::Parquet);
    let carried = carried.and_then(|carried| {
        let written = written_schema(spec.format, &spec.schema).ok()?;
        CarriedLayout::new(&spec.schema, &written, carried).map(Arc::new)
    });
    let encoder = encoder_with(spec, staging.is_some(), free_texts.clone(), carried.clone())?;
    let writer = match &spec.location {
        SinkLocation::Batches(sink) => Writer::for_batches(output, sink.clone()),
        SinkLocation::Path(_) | SinkLocation::Stdout => {
            Writer::open(spec, (output, free_texts), run, staging, carried)?
        }
    };
    Ok((encoder, writer))
}

/// Returns the encoder of an output, without opening it. `saves_rows` is whether the writer saves rows until the output is
/// synced, so that the run can be resumed.
///
/// # Errors
///
/// The format does not support a column's type or the compression.
pub(crate) fn encoder(spec: &SinkSpec, saves_rows: bool) -> Result<Arc<dyn Encoder>, SinkError> {
    encoder_with(spec, saves_rows, FreeTexts::default(), None)
}

/// Returns the encoder of an output whose texts have memory of earlier ones, and whose writer copies carried columns.
fn encoder_with(
    spec: &SinkSpec,
    saves_rows: bool,
    free_texts: FreeTexts,
    carried: Option<Arc<CarriedLayout>>,
) -> Result<Arc<dyn Encoder>, SinkError> {
    let output = output_name(spec);
    let SinkSpec { format, compression, non_finite, .. } = *spec;
    let schema = Arc::clone(&spec.schema);
    if let SinkLocation::Batches(_) = &spec.location {
        let compression = Compression::None;
        let target = Target { output, format, compression, non_finite, schema, saves_rows: false, free_texts };
        return Ok(Arc::new(BatchEncoder { target }));
    }
    if matches!(format, Format::Parquet | Format::Arrow) && compression != Compression::None {
        return Err(SinkError::new(&output, SinkErrorKind::CompressedRows { format, compression }));
    }
    let target = Target { output, format, compression, non_finite, schema, saves_rows, free_texts };
    formats::encoder(target, carried)
}
