//! Files as a run reads and writes them, without what is between.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::BenchError;
use crate::format::{Compression, Format, NonFinite};
use crate::sink::{self, Encoded, Encoder, SinkLocation, SinkSpec, Writer};
use crate::source::{self, Chunk, Decoder, OpenSource, SourceLocation, SourceSchema, SourceSpec};

/// A JSON Lines file that is cut into pieces.
pub struct BenchInput(OpenSource);

/// A piece that is not parsed yet.
pub struct Raw {
    chunk: Chunk,
    decoder: Arc<dyn Decoder>,
}

impl BenchInput {
    /// Opens a file, and looks at its first rows.
    ///
    /// # Errors
    /// It cannot be read, or is no JSON Lines.
    pub fn open(path: &Path, batch_rows: usize) -> Result<Self, BenchError> {
        let location = SourceLocation::path(path.to_owned());
        Ok(Self(source::open(&SourceSpec::new(location, Format::JsonLines, batch_rows))?))
    }

    /// The columns.
    pub fn schema(&self) -> Option<SchemaRef> {
        match &self.0.schema {
            SourceSchema::Known(schema) => Some(Arc::clone(schema)),
            SourceSchema::Empty => None,
        }
    }

    /// The next piece, until there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_chunk(&mut self) -> Result<Option<Raw>, BenchError> {
        let chunk = self.0.reader.next_chunk()?;
        Ok(chunk.map(|chunk| Raw { chunk, decoder: Arc::clone(&self.0.decoder) }))
    }
}

impl Raw {
    /// Parses the piece.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(self) -> Result<RecordBatch, BenchError> {
        Ok(self.decoder.decode(self.chunk)?.rows)
    }
}

/// A JSON Lines file that is written.
pub struct BenchOutput {
    encoder: Arc<dyn Encoder>,
    writer: Writer,
}

impl BenchOutput {
    /// Opens a file for rows with these columns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: &Path, schema: SchemaRef) -> Result<Self, BenchError> {
        let spec = SinkSpec {
            location: SinkLocation::Path(path.to_owned()),
            format: Format::JsonLines,
            compression: Compression::None,
            non_finite: NonFinite::Error,
            schema,
        };
        let (encoder, writer) = sink::open(&spec, None, None)?;
        Ok(Self { encoder, writer })
    }

    /// Returns a function that encodes rows, for any thread.
    ///
    /// # Errors
    /// The function fails where the rows do not fit.
    pub fn encoder(&self) -> impl Fn(&RecordBatch) -> Result<Vec<u8>, BenchError> + Clone + Send + Sync + use<> {
        let encoder = Arc::clone(&self.encoder);
        move |rows| match encoder.encode(rows)? {
            Encoded::Bytes(text) => Ok(text),
            Encoded::Rows(..) => Err("JSON Lines are text".into()),
        }
    }

    /// Writes text.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, text: Vec<u8>) -> Result<(), BenchError> {
        Ok(self.writer.write(Encoded::Bytes(text))?)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), BenchError> {
        Ok(self.writer.finish()?)
    }
}
