//! Writes the Arrow IPC file format.
//!
//! The framing of the batches is written here and not by the library. The library's writer records the positions of all
//! batches in memory, and cannot be given those of a file that another process started. Here they are found by reading
//! the headers of the batches. (Apache Arrow, "Columnar Format", section "IPC File Format".)

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message};
use arrow_ipc::{Block, FooterBuilder, MetadataVersion, root_as_message};
use arrow_schema::SchemaRef;
use flatbuffers::FlatBufferBuilder;

use super::format_error::FormatError;
use super::output::{BUFFER_BYTES, OutputFile};
use super::synced::StagingDir;
use crate::corrupt::CorruptFile;

const MAGIC: &[u8; 6] = b"ARROW1";
/// Bytes before the schema: the magic number and zeros, which give the same alignment as in the library's files.
const HEADER: u64 = 64;
/// The first bytes of a message. Followed by a length of 0, they mark the end of all messages.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// An unfinished file.
pub(super) struct ArrowFile {
    out: BufWriter<OutputFile>,
    schema: SchemaRef,
    options: IpcWriteOptions,
    dictionaries: DictionaryTracker,
    encoder: IpcDataGenerator,
    /// The positions of the batches.
    blocks: Vec<Block>,
    /// Bytes written so far.
    length: u64,
}

impl ArrowFile {
    /// Starts a file, or resumes one.
    pub(super) fn open(
        out: OutputFile,
        schema: &SchemaRef,
        staging: Option<&StagingDir<'_>>,
    ) -> Result<Self, FormatError> {
        let synced = staging.and_then(|staging| staging.synced).map(|synced| synced.length);
        let blocks = match (synced, out.partial()) {
            (Some(length), Some(path)) => blocks_in(path, length)?,
            _ => Vec::new(),
        };
        let mut file = Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            schema: SchemaRef::clone(schema),
            options: IpcWriteOptions::default(),
            dictionaries: DictionaryTracker::new(true),
            encoder: IpcDataGenerator::default(),
            blocks,
            length: synced.unwrap_or(0),
        };
        if file.length == 0 {
            let mut header = [0; HEADER as usize];
            header[..MAGIC.len()].copy_from_slice(MAGIC);
            file.out.write_all(&header)?;
            let schema = file.encoder.schema_to_bytes_with_dictionary_tracker(
                &file.schema,
                &mut file.dictionaries,
                &file.options,
            );
            let (head, body) = write_message(&mut file.out, schema, &file.options)?;
            file.length = HEADER + (head + body) as u64;
        }
        Ok(file)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        // Dictionary columns were converted to plain values, so no dictionary precedes the batch.
        let (_, encoded) =
            self.encoder.encode(batch, &mut self.dictionaries, &self.options, &mut IpcWriteContext::default())?;
        let (head, body) = write_message(&mut self.out, encoded, &self.options)?;
        self.blocks.push(Block::new(self.length as i64, head as i32, body as i64));
        self.length += (head + body) as u64;
        Ok(())
    }

    /// Flushes all bytes to the operating system, and returns the length of the file.
    pub(super) fn flush(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.length)
    }

    /// Writes the end marker and the footer.
    pub(super) fn write_end(&mut self) -> Result<(), FormatError> {
        self.out.write_all(&CONTINUATION)?;
        self.out.write_all(&[0; 4])?;
        let mut builder = FlatBufferBuilder::new();
        let none: [Block; 0] = [];
        let dictionaries = builder.create_vector(&none);
        let batches = builder.create_vector(&self.blocks);
        let schema = IpcSchemaEncoder::new()
            .with_dictionary_tracker(&mut self.dictionaries)
            .schema_to_fb_offset(&mut builder, &self.schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        let footer = footer.finish();
        builder.finish(footer, None);
        let footer = builder.finished_data();
        self.out.write_all(footer)?;
        self.out.write_all(&(footer.len() as i32).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(self.out.flush()?)
    }

    pub(super) fn output(&mut self) -> &mut OutputFile {
        self.out.get_mut()
    }
}

/// Returns the positions of the batches in an unfinished file of this length.
fn blocks_in(path: &Path, length: u64) -> io::Result<Vec<Block>> {
    let corrupt = || CorruptFile::new(path, "a batch in it is malformed");
    let mut file = BufReader::new(File::open(path)?);
    let mut at = file.seek(SeekFrom::Start(HEADER))?;
    let mut blocks = Vec::new();
    let mut is_schema = true;
    while at < length {
        let mut start = [0; 8];
        file.read_exact(&mut start)?;
        let size = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
        if start[..4] != CONTINUATION || u64::from(size) > length - at {
            return Err(corrupt().into());
        }
        let mut head = vec![0; size as usize];
        file.read_exact(&mut head)?;
        let body = root_as_message(&head).map_err(|_| corrupt())?.bodyLength();
        let head = 8 + u64::from(size);
        if !std::mem::take(&mut is_schema) {
            blocks.push(Block::new(at as i64, head as i32, body));
        }
        file.seek_relative(body)?;
        at = u64::try_from(body).ok().and_then(|body| at.checked_add(head + body)).ok_or_else(corrupt)?;
    }
    if at == length { Ok(blocks) } else { Err(corrupt().into()) }
}
