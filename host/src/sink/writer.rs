//! Writes encoded batches in order.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as ParquetCompression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::SinkLocation;
use super::csv::preamble;
use super::encode::{Encoded, compress};
use super::error::{SinkError, SinkErrorKind};
use super::output::Output;
use super::pieces::{HandedOver, pieces};
use super::rows::written_schema;
use crate::format::{Compression, Format};

/// Rows in a row group of Parquet.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Bytes in a row group of Parquet. The writer keeps the group that it is at in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Bytes that are collected before they are written to a file.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes one output. Dropped without [`Writer::finish`] it leaves an earlier file as it was, and nothing else.
pub(crate) struct Writer {
    output: Arc<str>,
    format: Format,
    kind: Kind,
    /// The file that is written beside its place.
    unfinished: Option<PathBuf>,
    /// Text that is written as it goes is so in pieces, and they are counted.
    handed_over: Option<Arc<HandedOver>>,
}

enum Kind {
    Bytes {
        out: Output,
        compression: Compression,
        /// Whether there is nothing yet. Not even an empty file is a valid gzip file.
        empty: bool,
    },
    Parquet(Box<ArrowWriter<Output>>),
    ArrowFile(Box<FileWriter<BufWriter<Output>>>),
    ArrowStream(Box<StreamWriter<BufWriter<Output>>>),
}

/// An error of any of the libraries.
enum Failure {
    Io(io::Error),
    Arrow(ArrowError),
    Parquet(ParquetError),
}

impl Writer {
    /// Opens the output and writes what stands before the first batch.
    pub(super) fn open(
        location: &SinkLocation,
        output: Arc<str>,
        format: Format,
        compression: Compression,
        schema: &SchemaRef,
    ) -> Result<Self, SinkError> {
        let out = Output::open(location, &output)?;
        let unfinished = out.unfinished().map(Path::to_owned);
        let is_text = matches!(format, Format::JsonLines | Format::Csv) && compression == Compression::None;
        let handed_over = (is_text && unfinished.is_none()).then(Arc::default);
        let schema = written_schema(format, schema);
        let seekless = matches!(out, Output::Stdout(_));
        let kind = (|| {
            Ok(match format {
                Format::JsonLines | Format::Csv => {
                    let mut kind = Kind::Bytes { out, compression, empty: true };
                    let preamble = preamble(format, &schema)?;
                    if !preamble.is_empty() {
                        kind.write(Encoded::Bytes(compress(compression, preamble)?))?;
                    }
                    kind
                }
                Format::Parquet => {
                    let writer = ArrowWriter::try_new(out, schema, Some(parquet_properties()))?;
                    Kind::Parquet(Box::new(writer))
                }
                Format::Arrow => {
                    let out = BufWriter::with_capacity(BUFFER_BYTES, out);
                    if seekless {
                        Kind::ArrowStream(Box::new(StreamWriter::try_new(out, &schema)?))
                    } else {
                        Kind::ArrowFile(Box::new(FileWriter::try_new(out, &schema)?))
                    }
                }
            })
        })();
        match kind {
            Ok(kind) => Ok(Self { output, format, kind, unfinished, handed_over }),
            Err(failure) => Err(failed(&output, format, failure)),
        }
    }

    /// The file that is there until this is finished or dropped.
    pub(crate) fn unfinished(&self) -> Option<&Path> {
        self.unfinished.as_deref()
    }

    /// Writes the next batch. Standard output is flushed, so that its reader sees every batch as soon as it is done.
    ///
    /// # Errors
    ///
    /// The output cannot be written: the disk is full, or the reader has gone away.
    pub(crate) fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match (&mut self.kind, encoded, &self.handed_over) {
            (Kind::Bytes { out, empty, .. }, Encoded::Bytes(bytes), Some(handed_over)) => {
                *empty &= bytes.is_empty();
                pieces(self.format, &bytes).try_for_each(|(piece, rows)| {
                    if handed_over.is_held() {
                        return Err(SinkError::new(&self.output, SinkErrorKind::Held));
                    }
                    out.write_all(piece)
                        .and_then(|()| out.flush())
                        .map_err(|error| failed(&self.output, self.format, error.into()))?;
                    handed_over.add(rows);
                    Ok(())
                })
            }
            (kind, encoded, _) => kind.write(encoded).map_err(|failure| failed(&self.output, self.format, failure)),
        }
    }

    /// How much the reader has got, where that can be less than was written.
    pub(crate) fn handed_over(&self) -> Option<Arc<HandedOver>> {
        self.handed_over.clone()
    }

    /// Writes the end, and puts the file in its place.
    ///
    /// # Errors
    ///
    /// The output cannot be written; then an earlier file is still there, and nothing else.
    pub(crate) fn finish(self) -> Result<(), SinkError> {
        self.kind.finish().map_err(|failure| failed(&self.output, self.format, failure))
    }
}

impl Kind {
    fn write(&mut self, encoded: Encoded) -> Result<(), Failure> {
        match (self, encoded) {
            (Self::Bytes { out, empty, .. }, Encoded::Bytes(bytes)) => {
                *empty &= bytes.is_empty();
                out.write_all(&bytes)?;
                out.flush()?;
            }
            (Self::Parquet(writer), Encoded::Rows(batch)) => writer.write(&batch)?,
            (Self::ArrowFile(writer), Encoded::Rows(batch)) => writer.write(&batch)?,
            (Self::ArrowStream(writer), Encoded::Rows(batch)) => {
                writer.write(&batch)?;
                writer.flush()?;
            }
            _ => unreachable!("an encoder and its writer are opened together"),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        let out = match &mut self {
            Self::Bytes { out, compression, empty } => {
                if *empty {
                    out.write_all(&compress(*compression, Vec::new())?)?;
                }
                out
            }
            Self::Parquet(writer) => {
                writer.finish()?;
                writer.inner_mut()
            }
            Self::ArrowFile(writer) => {
                writer.finish()?;
                flushed(writer.get_mut())?
            }
            Self::ArrowStream(writer) => {
                writer.finish()?;
                flushed(writer.get_mut())?
            }
        };
        Ok(out.finish()?)
    }
}

fn flushed(out: &mut BufWriter<Output>) -> io::Result<&mut Output> {
    out.flush()?;
    Ok(out.get_mut())
}

fn parquet_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(ParquetCompression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build()
}

/// The error for a failure. Libraries wrap those of the operating system, which are taken out again.
fn failed(output: &Arc<str>, format: Format, failure: Failure) -> SinkError {
    let library = |source| SinkError::new(output, SinkErrorKind::Library { format, source });
    match failure {
        Failure::Io(error) | Failure::Arrow(ArrowError::IoError(_, error)) => {
            SinkError::io(output, "write this output", error)
        }
        Failure::Arrow(error) => library(error.into()),
        Failure::Parquet(ParquetError::External(error)) => match error.downcast::<io::Error>() {
            Ok(error) => SinkError::io(output, "write this output", *error),
            Err(error) => library(error),
        },
        Failure::Parquet(error) => library(error.into()),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("output", &self.output).field("format", &self.format).finish_non_exhaustive()
    }
}
