//! Writes encoded batches in order.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use super::SinkSpec;
use super::arrow::ArrowFile;
use super::csv::preamble;
use super::delivered::{DeliveredRows, pieces};
use super::encode::{Encoded, compress};
use super::error::{SinkError, SinkErrorKind};
use super::output::{Output, sync_folder};
use super::parquet::ParquetFile;
use super::rows::written_schema;
use super::synced::{StagingDir, SyncedLength};
use crate::format::{Compression, Format};
use crate::spill::SpillError;

/// Bytes that are collected before they are written to a file.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// Writes one output. Dropped without [`Writer::finish`] it leaves an earlier file as it was, and nothing else unless it is
/// to be kept.
pub(crate) struct Writer {
    output: Arc<str>,
    format: Format,
    kind: Kind,
    /// The file that is written beside its place.
    partial: Option<PathBuf>,
    /// Text that is written as it goes is so in pieces, and they are counted.
    delivered: Option<Arc<DeliveredRows>>,
}

enum Kind {
    Bytes {
        out: Output,
        compression: Compression,
        /// Bytes that are written. If there are none, the end is still to make a valid file: not even an empty one is
        /// valid as gzip.
        length: u64,
    },
    Parquet(Box<ParquetFile>),
    ArrowFile(Box<ArrowFile>),
    ArrowStream(Box<StreamWriter<BufWriter<Output>>>),
}

/// An error of any of the libraries.
pub(super) enum Failure {
    Io(io::Error),
    Arrow(ArrowError),
    Parquet(ParquetError),
    Kept(SpillError),
}

impl Writer {
    /// Opens the output and writes what stands before the first batch.
    pub(super) fn open(
        spec: &SinkSpec,
        output: Arc<str>,
        run: Option<&str>,
        aside: Option<&StagingDir<'_>>,
    ) -> Result<Self, SinkError> {
        let (format, compression) = (spec.format, spec.compression);
        let durable = aside.and_then(|aside| aside.durable);
        let out = Output::open(&spec.location, &output, run, durable)?;
        let partial = out.partial().map(Path::to_owned);
        // What is written as it goes has no second chance.
        let aside = aside.filter(|_| partial.is_some());
        let is_text = matches!(format, Format::JsonLines | Format::Csv) && compression == Compression::None;
        let delivered = (is_text && partial.is_none()).then(Arc::default);
        let schema = written_schema(format, &spec.schema);
        let seekless = matches!(out, Output::Stdout(_));
        let kind = (|| {
            Ok(match format {
                Format::JsonLines | Format::Csv => {
                    let length = aside.and_then(|aside| aside.durable).map_or(0, |durable| durable.length);
                    let mut kind = Kind::Bytes { out, compression, length };
                    let preamble = preamble(format, &schema)?;
                    if length == 0 && !preamble.is_empty() {
                        kind.write(Encoded::Bytes(compress(compression, preamble)?))?;
                    }
                    kind
                }
                Format::Parquet => Kind::Parquet(Box::new(ParquetFile::open(out, &schema, aside)?)),
                Format::Arrow if seekless => {
                    let out = BufWriter::with_capacity(BUFFER_BYTES, out);
                    Kind::ArrowStream(Box::new(StreamWriter::try_new(out, &schema)?))
                }
                Format::Arrow => Kind::ArrowFile(Box::new(ArrowFile::open(out, &schema, aside)?)),
            })
        })();
        match kind {
            Ok(kind) => Ok(Self { output, format, kind, partial, delivered }),
            Err(failure) => Err(failed(&output, format, failure)),
        }
    }

    /// The file that is there until this is finished or dropped.
    pub(crate) fn partial(&self) -> Option<&Path> {
        self.partial.as_deref()
    }

    /// Writes the next batch. Standard output is flushed, so that its reader sees every batch as soon as it is done.
    ///
    /// # Errors
    ///
    /// The output cannot be written: the disk is full, or the reader has gone away.
    pub(crate) fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match (&mut self.kind, encoded, &self.delivered) {
            (Kind::Bytes { out, length, .. }, Encoded::Bytes(bytes), Some(delivered)) => {
                *length += bytes.len() as u64;
                pieces(self.format, &bytes).try_for_each(|(piece, rows)| {
                    if delivered.is_held() {
                        return Err(SinkError::new(&self.output, SinkErrorKind::Held));
                    }
                    out.write_all(piece)
                        .and_then(|()| out.flush())
                        .map_err(|error| failed(&self.output, self.format, error.into()))?;
                    delivered.add(rows);
                    Ok(())
                })
            }
            (kind, encoded, _) => kind.write(encoded).map_err(|failure| failed(&self.output, self.format, failure)),
        }
    }

    /// How much the reader has got, where that can be less than was written.
    pub(crate) fn delivered(&self) -> Option<Arc<DeliveredRows>> {
        self.delivered.clone()
    }

    /// Returns when all that was written is on the disk, and says how much that is.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(crate) fn checkpoint(&mut self) -> Result<SyncedLength, SinkError> {
        self.kind.checkpoint().map_err(|failure| failed(&self.output, self.format, failure))
    }

    /// Has what is written stay whatever happens: it is part of a checkpoint.
    pub(crate) fn keep(&mut self) {
        if let Kind::Parquet(file) = &mut self.kind {
            file.keep_rows();
        }
        self.kind.output().keep();
    }

    /// Where the file is, and where it belongs.
    pub(crate) fn place_of(&mut self) -> Option<(&Path, &Path)> {
        self.kind.output().place_of()
    }

    /// Writes the end, and puts the file in its place.
    ///
    /// # Errors
    ///
    /// The output cannot be written; then an earlier file is still there, and nothing else.
    pub(crate) fn finish(mut self) -> Result<(), SinkError> {
        self.end()?;
        self.place()
    }

    /// Writes the end, and returns when all of it is on the disk.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn end(&mut self) -> Result<(), SinkError> {
        self.kind.end().map_err(|failure| failed(&self.output, self.format, failure))
    }

    /// Puts a file that has its end in its place.
    ///
    /// # Errors
    ///
    /// The folder is not there any more, or does not take it.
    pub(crate) fn place(mut self) -> Result<(), SinkError> {
        let placed = self.kind.output().place();
        placed.map_err(|error| failed(&self.output, self.format, error.into()))
    }

    /// Puts a copy with an end in its place; this one can still be gone on with.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn place_copy(mut self) -> Result<(), SinkError> {
        self.end()?;
        let placed = self.kind.output().place_copy();
        placed.map_err(|error| failed(&self.output, self.format, error.into()))
    }
}

impl Kind {
    fn write(&mut self, encoded: Encoded) -> Result<(), Failure> {
        match (self, encoded) {
            (Self::Bytes { out, length, .. }, Encoded::Bytes(bytes)) => {
                *length += bytes.len() as u64;
                out.write_all(&bytes)?;
                out.flush()?;
            }
            (Self::Parquet(writer), Encoded::Rows(batch, frame)) => writer.write(&batch, frame)?,
            (Self::ArrowFile(writer), Encoded::Rows(batch, _)) => writer.write(&batch)?,
            (Self::ArrowStream(writer), Encoded::Rows(batch, _)) => {
                writer.write(&batch)?;
                writer.flush()?;
            }
            _ => unreachable!("an encoder and its writer are opened together"),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        match self {
            Self::Bytes { out, compression, length: 0 } => out.write_all(&compress(*compression, Vec::new())?)?,
            Self::Bytes { .. } => {}
            Self::Parquet(file) => file.end()?,
            Self::ArrowFile(file) => file.end()?,
            Self::ArrowStream(writer) => {
                writer.finish()?;
                writer.get_mut().flush()?;
            }
        }
        Ok(self.output().sync()?)
    }

    fn checkpoint(&mut self) -> Result<SyncedLength, Failure> {
        let durable = match self {
            Self::Bytes { length, .. } => SyncedLength { length: *length, groups: None },
            Self::Parquet(file) => file.checkpoint()?,
            Self::ArrowFile(file) => SyncedLength { length: file.flush()?, groups: None },
            Self::ArrowStream(_) => SyncedLength::default(),
        };
        let output = self.output();
        output.sync()?;
        // The name of a new file has to be on the disk as well.
        output.partial().into_iter().for_each(sync_folder);
        Ok(durable)
    }

    fn output(&mut self) -> &mut Output {
        match self {
            Self::Bytes { out, .. } => out,
            Self::Parquet(file) => file.output(),
            Self::ArrowFile(file) => file.output(),
            Self::ArrowStream(writer) => writer.get_mut().get_mut(),
        }
    }
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
        Failure::Kept(error) => library(error.into()),
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

impl From<SpillError> for Failure {
    fn from(error: SpillError) -> Self {
        Self::Kept(error)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("output", &self.output).field("format", &self.format).finish_non_exhaustive()
    }
}
