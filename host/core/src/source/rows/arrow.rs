//! Opens an Arrow IPC file: the file format or the stream format.
//!
//! The lengths in a file are checked before the library reads it, because it allocates as much memory as they claim.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileReader, read_dictionary, read_footer_length, read_record_batch};
use arrow_ipc::{Block, CompressionType, Message, root_as_footer, root_as_message};
use arrow_schema::SchemaRef;

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::row_limits::RowLimits;
use super::open::{OpenRows, RowError, read_start};
use super::unreadable;
use crate::format::Format;
use crate::panics::caught;

/// The first bytes of the file format. The stream format has no magic number.
const FILE_MAGIC: &[u8] = b"ARROW1";
/// The bytes after the footer: its length, and the magic number.
const END: usize = 10;
/// The mark before the length of a message, except in files of old versions.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The bytes before a compressed buffer: its length without compression.
const LENGTH: u64 = 8;
/// Memory that is reserved at once for bytes that are still to come.
const STEP: u64 = 64 << 20;

/// A message whose lengths cannot be right.
#[derive(Debug, thiserror::Error)]
enum MessageError {
    #[error("a message or its footer is malformed")]
    Malformed,
    #[error("its numbers have the byte order of another kind of processor")]
    ByteOrder,
    #[error("a buffer of {compressed} bytes claims to have {length} when decompressed")]
    Length { compressed: u64, length: i64 },
}

/// Opens a file. Adds the bytes read to `count`.
///
/// # Errors
/// It cannot be read, is not Arrow IPC, or exceeds a limit.
pub(super) fn open(file: &InputFile, count: &Arc<AtomicU64>, limits: RowLimits) -> Result<OpenRows, SourceError> {
    let mut input = file.open(count)?;
    let start = read_start(file, &mut input, Format::Arrow)?;
    let failed = |source: RowError| unreadable(file, Format::Arrow, source);
    if !start.starts_with(FILE_MAGIC) {
        // A pipe cannot be rewound, so the bytes read here are put in front of the remaining ones.
        let input = BufReader::new(Cursor::new(start).chain(input));
        let stream = MessageStream::open(input, limits).map_err(failed)?;
        let schema = Arc::clone(&stream.schema);
        return Ok(OpenRows {
            schema,
            batches: Box::new(stream),
            has_small_batches: false,
            total_rows: None,
            bytes: 0,
            warnings: Vec::new(),
        });
    }
    drop(input);
    let (Some(input), Some(checked)) = (file.open_seekable(count)?, file.open_seekable(&Arc::default())?) else {
        let what = "the file format of Arrow IPC";
        let advice = "it has its index at the end; use its stream format here";
        return Err(SourceError::in_file(&file.name, SourceErrorKind::NeedsFile { what, advice }));
    };
    let blocks = CheckedBlocks::open(checked.into_inner(), limits).map_err(failed)?;
    let reader = FileReader::try_new(BufReader::new(input), None).map_err(|error| failed(error.into()))?;
    let schema = reader.schema();
    let batches = Box::new(BlockRows { blocks, reader, next: 0 });
    Ok(OpenRows { schema, batches, has_small_batches: false, total_rows: None, bytes: 0, warnings: Vec::new() })
}

/// Reads the first batch of a stream that Stillbox wrote, and that something may have changed. The memory is bounded by the length of
/// the stream.
///
/// # Errors
/// The stream is malformed.
pub(crate) fn first_batch(stream: &[u8]) -> Result<Option<RecordBatch>, RowError> {
    let read = || MessageStream::open(stream, RowLimits::new(u64::MAX))?.read();
    // The library panics where buffers do not fit the columns.
    caught(read).unwrap_or_else(|_| Err(MessageError::Malformed.into()))
}

/// The batches of the file format.
struct BlockRows<R: io::Read + io::Seek> {
    blocks: CheckedBlocks,
    reader: FileReader<R>,
    next: usize,
}

impl<R: io::Read + io::Seek> Iterator for BlockRows<R> {
    type Item = Result<RecordBatch, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(block) = self.blocks.batches.get(self.next) {
            self.next += 1;
            if let Err(error) = self.blocks.check(block) {
                return Some(Err(error));
            }
        }
        Some(self.reader.next()?.map_err(Into::into))
    }
}

/// Checks the blocks of the file format: its dictionaries at once, its batches one by one.
struct CheckedBlocks {
    file: File,
    length: u64,
    limits: RowLimits,
    batches: Vec<Block>,
}

impl CheckedBlocks {
    fn open(file: File, limits: RowLimits) -> Result<Self, RowError> {
        let length = file.metadata()?.len();
        let mut end = [0; END];
        let footer_end = length.checked_sub(END as u64).ok_or(MessageError::Malformed)?;
        file.read_exact_at(&mut end, footer_end)?;
        let size = read_footer_length(end)?;
        limits.check("its footer", size as u64, limits.metadata())?;
        let start = footer_end.checked_sub(size as u64).ok_or(MessageError::Malformed)?;
        let mut footer = vec![0; size];
        file.read_exact_at(&mut footer, start)?;
        let footer = root_as_footer(&footer).map_err(|_| MessageError::Malformed)?;
        let blocks =
            Self { file, length, limits, batches: footer.recordBatches().into_iter().flatten().copied().collect() };
        footer.dictionaries().into_iter().flatten().try_for_each(|block| blocks.check(block))?;
        Ok(blocks)
    }

    /// Checks a block before the library reads it.
    fn check(&self, block: &Block) -> Result<(), RowError> {
        let part = |length: i64| u64::try_from(length).map_err(|_| MessageError::Malformed);
        let (at, head) = (part(block.offset())?, part(block.metaDataLength().into())?);
        let body = part(block.bodyLength())?;
        let end = at.checked_add(head).and_then(|at| at.checked_add(body));
        end.filter(|end| *end <= self.length).ok_or(MessageError::Malformed)?;
        self.limits.check("the metadata of a batch", head, self.limits.metadata())?;
        self.limits.check("a batch", body, self.limits.plain_block())?;
        let mut bytes = vec![0; head as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        let skipped = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = bytes.get(skipped..).and_then(|bytes| root_as_message(bytes).ok());
        let message = message.ok_or(MessageError::Malformed)?;
        check_buffers(&message, body, self.limits, |offset| {
            let mut length = [0; LENGTH as usize];
            self.file.read_exact_at(&mut length, at + head + offset)?;
            Ok(length)
        })
    }
}

/// Checks the lengths of compressed buffers. `length_at` returns the bytes at an offset of the body.
fn check_buffers(
    message: &Message<'_>,
    body: u64,
    limits: RowLimits,
    length_at: impl Fn(u64) -> io::Result<[u8; LENGTH as usize]>,
) -> Result<(), RowError> {
    let batch = match message.header_as_dictionary_batch() {
        Some(dictionary) => dictionary.data(),
        None => message.header_as_record_batch(),
    };
    let Some(batch) = batch else { return Ok(()) };
    let Some(compression) = batch.compression() else { return Ok(()) };
    // A byte of LZ4 adds at most 255 bytes to the length of a match; a block of 128 KiB of Zstandard takes four bytes.
    let expansion = if compression.codec() == CompressionType::LZ4_FRAME { 256 } else { 40_000 };
    let mut all = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (offset, length) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length()));
        let (offset, length) =
            (offset.map_err(|_| MessageError::Malformed)?, length.map_err(|_| MessageError::Malformed)?);
        if offset.checked_add(length).is_none_or(|end| end > body) {
            return Err(MessageError::Malformed.into());
        }
        let Some(compressed) = length.checked_sub(LENGTH) else { continue };
        let length = i64::from_le_bytes(length_at(offset)?);
        // Negative lengths are left to the library; one of them stands for a buffer without compression.
        let plain = u64::try_from(length).unwrap_or(compressed);
        if plain > compressed.saturating_mul(expansion).saturating_add(1 << 10) {
            return Err(MessageError::Length { compressed, length }.into());
        }
        all = all.saturating_add(plain);
    }
    Ok(limits.check("a batch", all, limits.block())?)
}

/// The batches of the stream format.
struct MessageStream<R> {
    input: R,
    limits: RowLimits,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

/// A message with its body.
struct MessageBytes {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl<R: Read> MessageStream<R> {
    fn open(mut input: R, limits: RowLimits) -> Result<Self, RowError> {
        let no_schema = || MessageError::Malformed;
        let first = MessageBytes::read(&mut input, limits)?.ok_or_else(no_schema)?;
        let schema = first.message()?.header_as_schema().ok_or_else(no_schema)?;
        if !schema.endianness().equals_to_target_endianness() {
            return Err(MessageError::ByteOrder.into());
        }
        let schema = Arc::new(try_fb_to_schema(schema)?);
        Ok(Self { input, limits, schema, dictionaries: HashMap::new() })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, RowError> {
        while let Some(mut bytes) = MessageBytes::read(&mut self.input, self.limits)? {
            let body = Buffer::from_vec(std::mem::take(&mut bytes.body));
            let message = bytes.message()?;
            let (version, schema) = (message.version(), Arc::clone(&self.schema));
            if let Some(batch) = message.header_as_record_batch() {
                let batch = read_record_batch(&body, batch, schema, &self.dictionaries, None, &version);
                return Ok(Some(batch?));
            }
            let dictionary = message.header_as_dictionary_batch().ok_or(MessageError::Malformed)?;
            read_dictionary(&body, dictionary, &schema, &mut self.dictionaries, &version)?;
        }
        Ok(None)
    }
}

impl<R: Read> Iterator for MessageStream<R> {
    type Item = Result<RecordBatch, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl MessageBytes {
    /// Reads the next message, or `None` at the end of the stream.
    fn read(input: &mut impl Read, limits: RowLimits) -> Result<Option<Self>, RowError> {
        let mut length = Vec::new();
        if !read_more(input, 4, &mut length)? {
            return if length.is_empty() {
                Ok(None)
            } else {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            };
        }
        let is_marked = length == CONTINUATION;
        if is_marked {
            length.clear();
            read_exactly(input, 4, &mut length)?;
        }
        let length = length.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
        if length == 0 {
            return Ok(None);
        }
        // Without the mark, any text looks like the length of a message.
        if !is_marked && u64::from(length) > limits.metadata() {
            return Err(MessageError::Malformed.into());
        }
        limits.check("the metadata of a batch", length.into(), limits.metadata())?;
        let mut bytes = Self { head: Vec::new(), body: Vec::new() };
        read_exactly(input, length.into(), &mut bytes.head)?;
        let size = u64::try_from(bytes.message()?.bodyLength()).map_err(|_| MessageError::Malformed)?;
        limits.check("a batch", size, limits.plain_block())?;
        read_exactly(input, size, &mut bytes.body)?;
        check_buffers(&bytes.message()?, size, limits, |offset| {
            let length = bytes.body.get(offset as usize..).and_then(<[u8]>::first_chunk);
            length.copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        })?;
        Ok(Some(bytes))
    }

    fn message(&self) -> Result<Message<'_>, MessageError> {
        root_as_message(&self.head).map_err(|_| MessageError::Malformed)
    }
}

/// Adds this number of bytes to the buffer.
fn read_exactly(input: &mut impl Read, count: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    if read_more(input, count, buffer)? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Adds up to this number of bytes to the buffer. Returns false at an early end. Memory is reserved as the bytes come.
fn read_more(input: &mut impl Read, count: u64, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let wanted = buffer.len() as u64 + count;
    while (buffer.len() as u64) < wanted {
        let part = (wanted - buffer.len() as u64).min(STEP);
        buffer.try_reserve_exact(part as usize)?;
        if input.by_ref().take(part).read_to_end(buffer)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
