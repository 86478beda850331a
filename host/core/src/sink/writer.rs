//! Writes encoded batches in order.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;

use super::SinkSpec;
use super::arrow::ArrowFile;
use super::batches::BatchSink;
use super::csv::preamble;
use super::delivered::{DeliveredRows, whole_row_chunks};
use super::encode::{Encoded, compress};
use super::error::{SinkError, SinkErrorKind};
use super::format_error::{FormatError, sink_error};
use super::free_texts::FreeTexts;
use super::output::{BUFFER_BYTES, OutputFile, sync_folder};
use super::parquet::{CarriedLayout, ParquetOutput};
use super::rows::written_schema;
use super::synced::{StagingDir, SyncedLength};
use crate::format::{Compression, Format};
use crate::writeback::Durability;

/// Writes one output. A writer dropped without [`Writer::finish`] leaves an existing file unchanged, and no other file
/// unless a checkpoint needs it.
pub(crate) struct Writer {
    output: Arc<str>,
    format: Format,
    kind: FormatWriter,
    /// The path of the temporary file.
    partial: Option<PathBuf>,
    /// Counts rows of text that is written directly, in chunks.
    delivered: Option<Arc<DeliveredRows>>,
}

enum FormatWriter {
    Bytes {
        out: OutputFile,
        compression: Compression,
        /// Bytes written so far. If there are none, an empty gzip member or Zstandard frame is written at the end,
        /// because an empty file is not valid as gzip.
        length: u64,
        /// Takes the memory of texts that are written.
        free_texts: FreeTexts,
    },
    Parquet(Box<ParquetOutput>),
    ArrowFile(Box<ArrowFile>),
    ArrowStream(Box<StreamWriter<BufWriter<OutputFile>>>),
    Batches(BatchSink),
}

impl Writer {
    /// Creates a writer that passes the rows to a function of the calling program.
    pub(super) fn for_batches(output: Arc<str>, sink: BatchSink) -> Self {
        Self { output, format: Format::Arrow, kind: FormatWriter::Batches(sink), partial: None, delivered: None }
    }

    /// Opens the output and writes the bytes before the first batch.
    pub(super) fn open(
        spec: &SinkSpec,
        (output, free_texts): (Arc<str>, FreeTexts),
        run: Option<&str>,
        staging: Option<&StagingDir<'_>>,
        carried: Option<Arc<CarriedLayout>>,
    ) -> Result<Self, SinkError> {
        let (format, compression) = (spec.format, spec.compression);
        let out = OutputFile::open(&spec.location, &output, run, staging)?;
        let partial = out.partial().map(Path::to_owned);
        // Output that is written directly cannot be resumed.
        let staging = staging.filter(|_| partial.is_some());
        let is_text = matches!(format, Format::JsonLines | Format::Csv) && compression == Compression::None;
        let delivered = (is_text && partial.is_none()).then(Arc::default);
        let schema = written_schema(format, &spec.schema);
        let schema = schema.map_err(|(_, error)| error).expect("the types were checked when the encoder was created");
        let is_stdout = matches!(out, OutputFile::Stdout(_));
        let kind = (|| {
            Ok(match format {
                Format::JsonLines | Format::Csv => {
                    let length = staging.and_then(|staging| staging.synced).map_or(0, |synced| synced.length);
                    let mut kind = FormatWriter::Bytes { out, compression, length, free_texts };
                    let preamble = preamble(format, &schema)?;
                    if length == 0 && !preamble.is_empty() {
                        kind.write(Encoded::Bytes(compress(compression, preamble)?))?;
                    }
                    kind
                }
                Format::Json => unreachable!("sinks do not write this format"),
                Format::Parquet => FormatWriter::Parquet(Box::new(ParquetOutput::open(
                    out,
                    &spec.schema,
                    &schema,
                    (staging, carried),
                )?)),
                Format::Arrow if is_stdout => {
                    let out = BufWriter::with_capacity(BUFFER_BYTES, out);
                    FormatWriter::ArrowStream(Box::new(StreamWriter::try_new(out, &schema)?))
                }
                Format::Arrow => FormatWriter::ArrowFile(Box::new(ArrowFile::open(out, &schema, staging)?)),
            })
        })();
        match kind {
            Ok(kind) => Ok(Self { output, format, kind, partial, delivered }),
            Err(failure) => Err(sink_error(&output, format, failure)),
        }
    }

    /// Returns whether it encodes columns on the threads of the tasks.
    pub(crate) fn uses_threads(&self) -> bool {
        matches!(&self.kind, FormatWriter::Parquet(file) if file.has_carried())
    }

    /// Returns the path of the temporary file, which exists until the writer is finished or dropped.
    pub(crate) fn partial(&self) -> Option<&Path> {
        self.partial.as_deref()
    }

    /// Writes the next batch. Standard output is flushed, so that its reader gets every batch at once.
    ///
    /// # Errors
    ///
    /// The output cannot be written: the disk is full, or the reader closed the pipe.
    pub(crate) fn write(&mut self, encoded: Encoded) -> Result<(), SinkError> {
        match (&mut self.kind, encoded, &self.delivered) {
            (FormatWriter::Bytes { out, length, .. }, Encoded::Bytes(bytes), Some(delivered)) => {
                *length += bytes.len() as u64;
                whole_row_chunks(self.format, &bytes).try_for_each(|(chunk, rows)| {
                    if delivered.is_stopped() {
                        return Err(SinkError::new(&self.output, SinkErrorKind::ReaderTooSlow));
                    }
                    out.write_all(chunk)
                        .and_then(|()| out.flush())
                        .map_err(|error| sink_error(&self.output, self.format, error.into()))?;
                    delivered.add(rows);
                    Ok(())
                })
            }
            (kind, encoded, _) => kind.write(encoded).map_err(|failure| sink_error(&self.output, self.format, failure)),
        }
    }

    /// Returns the counter of delivered rows, if the output is written directly.
    pub(crate) fn delivered(&self) -> Option<Arc<DeliveredRows>> {
        self.delivered.clone()
    }

    /// Returns the length for a checkpoint of all written bytes.
    ///
    /// # Errors
    ///
    /// The disk is full, or a write fails.
    pub(crate) fn checkpoint(&mut self, durability: Durability) -> Result<SyncedLength, SinkError> {
        self.kind.checkpoint(durability).map_err(|failure| sink_error(&self.output, self.format, failure))
    }

    /// Called after a checkpoint was saved: retains the temporary file, and removes files of earlier checkpoints, which are of no
    /// use once a later one is on the disk.
    pub(crate) fn checkpoint_saved(&mut self, durability: Durability) {
        if let (FormatWriter::Parquet(file), Durability::OnDisk) = (&mut self.kind, durability) {
            file.checkpoint_saved();
        }
        if let Some(output) = self.kind.output() {
            output.disable_cleanup();
        }
    }

    /// Returns the paths of the temporary file and of the target.
    pub(crate) fn paths(&mut self) -> Option<(&Path, &Path)> {
        self.kind.output()?.paths()
    }

    /// Writes the end, and renames the file to the target.
    ///
    /// # Errors
    ///
    /// The output cannot be written. An existing file is then unchanged, and no other file is left.
    pub(crate) fn finish(mut self) -> Result<(), SinkError> {
        self.write_end()?;
        self.publish()
    }

    /// Writes the end, and returns when all bytes are on disk.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn write_end(&mut self) -> Result<(), SinkError> {
        self.kind.write_end().map_err(|failure| sink_error(&self.output, self.format, failure))
    }

    /// Renames a finished file to the target.
    ///
    /// # Errors
    ///
    /// The folder was removed, or is not writable.
    pub(crate) fn publish(mut self) -> Result<(), SinkError> {
        let published = self.kind.output().map_or(Ok(()), OutputFile::publish);
        published.map_err(|error| sink_error(&self.output, self.format, error.into()))
    }

    /// Publishes a copy with an end. The temporary file can still be resumed.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(crate) fn publish_copy(mut self) -> Result<(), SinkError> {
        self.write_end()?;
        let published = self.kind.output().map_or(Ok(()), OutputFile::publish_copy);
        published.map_err(|error| sink_error(&self.output, self.format, error.into()))
    }
}

impl FormatWriter {
    fn write(&mut self, encoded: Encoded) -> Result<(), FormatError> {
        match (self, encoded) {
            (Self::Bytes { out, length, free_texts, .. }, Encoded::Bytes(bytes)) => {
                *length += bytes.len() as u64;
                out.write_all(&bytes)?;
                out.flush()?;
                free_texts.put(bytes);
            }
            (Self::Parquet(writer), Encoded::Rows(batch, frame)) => writer.write(&batch, frame)?,
            (Self::ArrowFile(writer), Encoded::Rows(batch, _)) => writer.write(&batch)?,
            (Self::ArrowStream(writer), Encoded::Rows(batch, _)) => {
                writer.write(&batch)?;
                writer.flush()?;
            }
            (Self::Batches(sink), Encoded::Rows(batch, _)) => sink.take(batch).map_err(FormatError::Handler)?,
            _ => unreachable!("an encoder and its writer have the same format"),
        }
        Ok(())
    }

    fn write_end(&mut self) -> Result<(), FormatError> {
        match self {
            Self::Bytes { out, compression, length: 0, .. } => out.write_all(&compress(*compression, Vec::new())?)?,
            Self::Bytes { .. } | Self::Batches(_) => {}
            Self::Parquet(file) => file.write_end()?,
            Self::ArrowFile(file) => file.write_end()?,
            Self::ArrowStream(writer) => {
                writer.finish()?;
                writer.get_mut().flush()?;
            }
        }
        self.output().map_or(Ok(()), |output| Ok(output.sync()?))
    }

    fn checkpoint(&mut self, durability: Durability) -> Result<SyncedLength, FormatError> {
        let length = match self {
            Self::Bytes { length, .. } => SyncedLength { length: *length, groups: None },
            Self::Parquet(file) => file.checkpoint(durability)?,
            Self::ArrowFile(file) => SyncedLength { length: file.flush()?, groups: None },
            Self::ArrowStream(_) | Self::Batches(_) => SyncedLength::default(),
        };
        if let (Some(output), Durability::OnDisk) = (self.output(), durability) {
            output.sync()?;
            // The name of a new file must reach the disk as well.
            output.partial().into_iter().for_each(sync_folder);
        }
        Ok(length)
    }

    fn output(&mut self) -> Option<&mut OutputFile> {
        Some(match self {
            Self::Bytes { out, .. } => out,
            Self::Parquet(file) => file.output(),
            Self::ArrowFile(file) => file.output(),
            Self::ArrowStream(writer) => writer.get_mut().get_mut(),
            Self::Batches(_) => return None,
        })
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("output", &self.output).field("format", &self.format).finish_non_exhaustive()
    }
}
