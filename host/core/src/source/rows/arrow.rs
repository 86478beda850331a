//! Opens an Arrow IPC file: the file format or the stream format.
//!
//! The lengths in a file are checked before the library reads it, because it allocates as much memory as they claim. Texts in views are
//! read as bytes: the rows are measured first, and then become text chunk by chunk, in parallel.

mod views;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_footer_length, read_record_batch};
use arrow_ipc::{Block, CompressionType, Message, root_as_footer, root_as_message};
use arrow_schema::SchemaRef;

use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::row_limits::{OverBudget, RowLimits};
use super::open::{OpenRows, RowError, read_start};
use super::unreadable;
use crate::format::Format;
use crate::os;
use crate::panics::caught;
use crate::row_size::plain_bytes_up_to;
pub(super) use views::has_bytes_for_text;
use views::{Within, texts_as_bytes};

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
        let MessageStream { input, messages } = MessageStream::open(input, limits).map_err(failed)?;
        let schema = Arc::clone(&messages.schema);
        return Ok(open_rows(schema, MessageStream { input, messages: messages.with_texts_as_bytes() }));
    }
    drop(input);
    let Some(input) = file.open_seekable(&Arc::default())? else {
        let what = "the file format of Arrow IPC";
        let advice = "it has its index at the end; use its stream format here";
        return Err(SourceError::in_file(&file.name, SourceErrorKind::NeedsFile { what, advice }));
    };
    let blocks = BlockRows::open(input.into_inner(), count, limits).map_err(failed)?;
    let schema = Arc::clone(&blocks.messages.schema);
    Ok(open_rows(schema, BlockRows { messages: blocks.messages.with_texts_as_bytes(), ..blocks }))
}

/// Reads the first batch of a stream that Stillbox wrote, and that something may have changed. The memory is bounded by the length of
/// the stream.
///
/// # Errors
/// The stream is malformed.
pub(crate) fn first_batch(stream: &[u8]) -> Result<Option<RecordBatch>, RowError> {
    let mut unlimited = u64::MAX;
    read_first(stream, RowLimits::new(u64::MAX), &mut unlimited)
}

/// Reads the first batch of a stream that anyone may have written. A row has at most `row` bytes, and a batch 16 times as many.
/// Subtracts the bytes of all its buffers, and of its dictionaries, from `budget` before they are decompressed.
///
/// # Errors
/// The stream is malformed, or exceeds the limit, or the budget: [`OverBudget`].
pub(crate) fn first_batch_within(stream: &[u8], row: u64, budget: &mut u64) -> Result<Option<RecordBatch>, RowError> {
    read_first(stream, RowLimits::new(row), budget)
}

fn read_first(stream: &[u8], limits: RowLimits, budget: &mut u64) -> Result<Option<RecordBatch>, RowError> {
    let read = || {
        let mut stream = MessageStream::open(stream, limits)?;
        stream.messages.budget = *budget;
        let batch = stream.read();
        *budget = stream.messages.budget;
        batch
    };
    // The library panics where buffers do not fit the columns.
    caught(read).unwrap_or_else(|_| Err(MessageError::Malformed.into()))
}

fn open_rows(
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, RowError>> + Send + 'static,
) -> OpenRows {
    let batches = Box::new(batches);
    let warnings = Vec::new();
    OpenRows { schema, batches, has_small_batches: false, total_rows: None, bytes: 0, warnings }
}

/// The batches of the file format.
struct BlockRows {
    file: File,
    length: u64,
    /// The bytes that were read.
    count: Arc<AtomicU64>,
    batches: std::vec::IntoIter<Block>,
    messages: Messages,
}

impl Iterator for BlockRows {
    type Item = Result<RecordBatch, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.batches.next()?;
        let read = self.block(&block).and_then(|bytes| self.messages.read(bytes));
        Some(read.and_then(|batch| batch.ok_or_else(|| MessageError::Malformed.into())))
    }
}

impl BlockRows {
    /// Reads the footer and all dictionaries.
    fn open(file: File, count: &Arc<AtomicU64>, limits: RowLimits) -> Result<Self, RowError> {
        let length = file.metadata()?.len();
        let mut end = [0; END];
        let footer_end = length.checked_sub(END as u64).ok_or(MessageError::Malformed)?;
        os::read_exact_at(&file, &mut end, footer_end)?;
        let size = read_footer_length(end)?;
        limits.check("its footer", size as u64, limits.metadata())?;
        let start = footer_end.checked_sub(size as u64).ok_or(MessageError::Malformed)?;
        let mut footer = vec![0; size];
        os::read_exact_at(&file, &mut footer, start)?;
        let footer = root_as_footer(&footer).map_err(|_| MessageError::Malformed)?;
        let messages = Messages::new(footer.schema().ok_or(MessageError::Malformed)?, limits)?;
        let batches: Vec<Block> = footer.recordBatches().into_iter().flatten().copied().collect();
        let mut blocks = Self { file, length, count: Arc::clone(count), batches: batches.into_iter(), messages };
        for block in footer.dictionaries().into_iter().flatten() {
            let bytes = blocks.block(block)?;
            if blocks.messages.read(bytes)?.is_some() {
                return Err(MessageError::Malformed.into());
            }
        }
        Ok(blocks)
    }

    /// Reads the message of a block.
    fn block(&self, block: &Block) -> Result<MessageBytes, RowError> {
        let limits = self.messages.limits;
        let part = |length: i64| u64::try_from(length).map_err(|_| MessageError::Malformed);
        let (at, head) = (part(block.offset())?, part(block.metaDataLength().into())?);
        let body = part(block.bodyLength())?;
        let end = at.checked_add(head).and_then(|at| at.checked_add(body));
        end.filter(|end| *end <= self.length).ok_or(MessageError::Malformed)?;
        limits.check("the metadata of a batch", head, limits.metadata())?;
        limits.check("a batch", body, limits.plain_block())?;
        let mut bytes = vec![0; head as usize];
        os::read_exact_at(&self.file, &mut bytes, at)?;
        let skipped = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let head_bytes = bytes.split_off(skipped.min(bytes.len()));
        let mut message = MessageBytes { head: head_bytes, body: Vec::new(), plain: 0 };
        message.plain = check_buffers(&message.message()?, body, limits, |offset| {
            let mut length = [0; LENGTH as usize];
            os::read_exact_at(&self.file, &mut length, at + head + offset)?;
            Ok(length)
        })?;
        message.body = vec![0; body as usize];
        os::read_exact_at(&self.file, &mut message.body, at + head)?;
        self.count.fetch_add(head + body, Ordering::Relaxed);
        Ok(message)
    }
}

/// Checks the lengths of compressed buffers. `length_at` returns the bytes at an offset of the body. Returns the bytes of all buffers after
/// decompression. Those of a malformed message may overlap, and are copied if they are not aligned.
fn check_buffers(
    message: &Message<'_>,
    body: u64,
    limits: RowLimits,
    length_at: impl Fn(u64) -> io::Result<[u8; LENGTH as usize]>,
) -> Result<u64, RowError> {
    let batch = match message.header_as_dictionary_batch() {
        Some(dictionary) => dictionary.data(),
        None => message.header_as_record_batch(),
    };
    let Some(batch) = batch else { return Ok(0) };
    let Some(compression) = batch.compression() else {
        let lengths = batch.buffers().into_iter().flatten().map(|buffer| u64::try_from(buffer.length()).unwrap_or(0));
        return Ok(lengths.fold(0, u64::saturating_add));
    };
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
    limits.check("a batch", all, limits.block())?;
    Ok(all)
}

/// Reads messages after the schema.
struct Messages {
    schema: SchemaRef,
    /// The schema of the batches.
    read_as: SchemaRef,
    limits: RowLimits,
    dictionaries: HashMap<i64, ArrayRef>,
    /// The bytes that the buffers of the messages to come may take.
    budget: u64,
}

impl Messages {
    fn new(schema: arrow_ipc::Schema<'_>, limits: RowLimits) -> Result<Self, RowError> {
        if !schema.endianness().equals_to_target_endianness() {
            return Err(MessageError::ByteOrder.into());
        }
        let schema = Arc::new(try_fb_to_schema(schema)?);
        Ok(Self { read_as: Arc::clone(&schema), schema, limits, dictionaries: HashMap::new(), budget: u64::MAX })
    }

    /// Reads texts in views as bytes where rows can be converted later.
    fn with_texts_as_bytes(self) -> Self {
        let read_as = Arc::new(texts_as_bytes(&self.schema, Within::Convertible));
        Self { read_as, ..self }
    }

    /// Returns the batch of a message, or `None` if it has a dictionary.
    fn read(&mut self, mut bytes: MessageBytes) -> Result<Option<RecordBatch>, RowError> {
        let body = Buffer::from_vec(std::mem::take(&mut bytes.body));
        let message = bytes.message()?;
        let version = message.version();
        self.budget = self.budget.checked_sub(bytes.plain).ok_or(OverBudget)?;
        if let Some(batch) = message.header_as_record_batch() {
            let schema = Arc::clone(&self.read_as);
            let as_bytes = Arc::new(texts_as_bytes(&schema, Within::Columns));
            if as_bytes != schema {
                let batch = read_record_batch(&body, batch, as_bytes, &self.dictionaries, None, &version)?;
                self.check_values("a batch", batch.columns())?;
            }
            return Ok(Some(read_record_batch(&body, batch, schema, &self.dictionaries, None, &version)?));
        }
        let dictionary = message.header_as_dictionary_batch().ok_or(MessageError::Malformed)?;
        let as_bytes = texts_as_bytes(&self.schema, Within::Dictionaries);
        if as_bytes != *self.schema {
            let mut read = HashMap::new();
            // A part of a dictionary stands alone here.
            let _ = read_dictionary(&body, dictionary, &as_bytes, &mut read, &version);
            read.into_values().try_for_each(|values| self.check_values("a dictionary", &[values]))?;
        }
        read_dictionary(&body, dictionary, &self.schema, &mut self.dictionaries, &version)?;
        Ok(None)
    }

    /// Checks the bytes of columns that have views of texts, before the library checks the UTF-8 of each.
    fn check_values(&self, what: &'static str, columns: &[ArrayRef]) -> Result<(), RowError> {
        let rows = columns.first().map_or(0, |column| column.len());
        let limit = self.limits.rows();
        Ok(self.limits.check(what, plain_bytes_up_to(columns, 0..rows, limit), limit)?)
    }
}

/// The batches of the stream format.
struct MessageStream<R> {
    input: R,
    messages: Messages,
}

/// A message with its body.
struct MessageBytes {
    head: Vec<u8>,
    body: Vec<u8>,
    /// The bytes of the buffers after decompression.
    plain: u64,
}

impl<R: Read> MessageStream<R> {
    fn open(mut input: R, limits: RowLimits) -> Result<Self, RowError> {
        let no_schema = || MessageError::Malformed;
        let first = MessageBytes::read(&mut input, limits)?.ok_or_else(no_schema)?;
        let messages = Messages::new(first.message()?.header_as_schema().ok_or_else(no_schema)?, limits)?;
        Ok(Self { input, messages })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, RowError> {
        while let Some(bytes) = MessageBytes::read(&mut self.input, self.messages.limits)? {
            let batch = self.messages.read(bytes)?;
            if batch.is_some() {
                return Ok(batch);
            }
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
        let mut bytes = Self { head: Vec::new(), body: Vec::new(), plain: 0 };
        read_exactly(input, length.into(), &mut bytes.head)?;
        let size = u64::try_from(bytes.message()?.bodyLength()).map_err(|_| MessageError::Malformed)?;
        limits.check("a batch", size, limits.plain_block())?;
        read_exactly(input, size, &mut bytes.body)?;
        bytes.plain = check_buffers(&bytes.message()?, size, limits, |offset| {
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
