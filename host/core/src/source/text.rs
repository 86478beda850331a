//! Cuts text into chunks at the ends of rows, for JSON Lines and CSV.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf as _, Bytes, BytesMut};

use super::chunk::{Chunk, ChunkData, Reader};
use super::error::{SourceError, SourceErrorKind};
use super::files::{InputFile, InputStream};
use super::place::FilePosition;

/// Maximum text in a chunk, in bytes. Arrow's offsets have 32 bits, and a decoded chunk takes a multiple of its text in
/// memory, so wide rows make smaller batches. A larger row has a chunk of its own.
pub(crate) const CHUNK_BYTES: usize = 16 << 20;

/// Maximum text in a row, in bytes. A row must fit in memory, so this bounds the memory for any input.
pub(crate) const ROW_BYTES: usize = 64 << 20;

/// Number of rows sampled to infer columns and types, from the start of the input.
pub(crate) const SAMPLE_ROWS: usize = 1000;

/// Maximum text buffered while columns are inferred, in bytes. Wide rows end the sample early.
const SAMPLE_BYTES: usize = 64 << 20;

/// Maximum number of columns in an inferred schema. Every column takes memory in every batch, even if all its rows are
/// null.
pub(crate) const MAX_COLUMNS: usize = 10_000;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds the ends of rows in the bytes of one file, in order.
pub(crate) trait RowSplitter: Send {
    /// Forgets the current row. The next call starts the row again, or starts another file.
    fn restart(&mut self);

    /// Looks for the end of the row that starts at `start`. After [`RowEnd::NeedMore`] it is called again for the same
    /// row with more bytes, and does not scan the earlier ones again. `last` says that no bytes follow.
    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd;
}

/// The result of [`RowSplitter::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowEnd {
    /// The row or blank line ends here.
    At {
        /// The index of the first byte after it.
        end: usize,
        /// Number of line breaks in it.
        lines: u64,
        /// Whether it is a row, and not a blank line.
        row: bool,
    },
    /// More bytes are needed.
    NeedMore,
    /// The file ends inside a quotation.
    OpenQuote,
}

/// Called with the first row of each file, if the format has a header. Returns the order of the columns.
pub(crate) type OnHeader = Box<dyn FnMut(&InputFile, u64, &[u8]) -> Result<Option<Arc<[usize]>>, SourceError> + Send>;

/// Reads text files one after the other.
pub(crate) struct TextReader<B> {
    splitter: B,
    batch_rows: usize,
    files: VecDeque<InputFile>,
    on_header: Option<OnHeader>,
    current: Option<OpenTextFile>,
    count: Arc<AtomicU64>,
    sampled: VecDeque<Chunk>,
}

/// The file that is being read.
struct OpenTextFile {
    input: InputStream,
    /// Bytes that are not in a chunk yet.
    buffer: BytesMut,
    /// Whether the whole file is read.
    ended: bool,
    /// The number of the first line in the buffer.
    line: u64,
    fields: Option<Arc<[usize]>>,
}

/// A number of rows at the start of the buffer.
struct RowRun {
    end: usize,
    lines: u64,
    /// Line breaks before the last row.
    lines_before: u64,
    rows: usize,
}

impl<B: RowSplitter> TextReader<B> {
    /// Creates a reader of these files. With `on_header`, the first row of every file is a header.
    pub(crate) fn new(
        splitter: B,
        batch_rows: usize,
        files: impl IntoIterator<Item = InputFile>,
        on_header: Option<OnHeader>,
    ) -> Self {
        Self {
            splitter,
            batch_rows: batch_rows.max(1),
            files: files.into_iter().collect(),
            on_header,
            current: None,
            count: Arc::default(),
            sampled: VecDeque::new(),
        }
    }

    /// Reads ahead, and calls `look` with each chunk and the number of rows still wanted, until [`SAMPLE_ROWS`] rows
    /// are seen. `look` returns the number of rows it used. The chunks are buffered, and returned again by
    /// `next_chunk`.
    ///
    /// # Errors
    ///
    /// The input cannot be read, or `look` fails.
    pub(crate) fn sample(
        &mut self,
        mut look: impl FnMut(&Chunk, usize) -> Result<usize, SourceError>,
    ) -> Result<usize, SourceError> {
        let mut rows = 0;
        let mut bytes = 0;
        while rows < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let Some(chunk) = self.read_chunk()? else { break };
            if let ChunkData::Text { bytes: text, .. } = &chunk.data {
                bytes += text.len();
            }
            let seen = look(&chunk, SAMPLE_ROWS - rows);
            self.sampled.push_back(chunk);
            rows += seen?;
        }
        Ok(rows)
    }

    fn read_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => match self.files.pop_front() {
                    None => return Ok(None),
                    Some(file) => self.begin(&file)?,
                },
            };
            let part = self.find_rows(&mut current, self.batch_rows)?;
            if part.end == 0 {
                continue;
            }
            // No copy: chunks from the same read share its memory.
            let bytes = current.buffer.split_to(part.end).freeze();
            let (first_line, fields) = (current.line, current.fields.clone());
            current.line += part.lines;
            let file = Arc::clone(&current.input.file().name);
            if !(current.ended && current.buffer.is_empty()) {
                self.current = Some(current);
            }
            if part.rows > 0 {
                let data = ChunkData::Text { bytes, first_line, fields };
                let bytes_read = self.count.load(Ordering::Relaxed);
                return Ok(Some(Chunk { file, data, rows: part.rows, bytes_read }));
            }
        }
    }

    /// Reads only the header of the next file. For a reader created just for this.
    ///
    /// # Errors
    ///
    /// The input cannot be read, or the header is malformed.
    pub(crate) fn read_header(&mut self) -> Result<(), SourceError> {
        match self.files.pop_front() {
            Some(file) => self.begin(&file).map(drop),
            None => Ok(()),
        }
    }

    /// Opens a file and reads its header.
    fn begin(&mut self, file: &InputFile) -> Result<OpenTextFile, SourceError> {
        let input = file.open(&self.count)?;
        let mut current = OpenTextFile { input, buffer: BytesMut::new(), ended: false, line: 1, fields: None };
        // A pipe may return fewer bytes than the byte order mark has.
        while !current.ended
            && current.buffer.len() < BYTE_ORDER_MARK.len()
            && BYTE_ORDER_MARK.starts_with(&current.buffer)
        {
            current.fill()?;
        }
        if current.buffer.starts_with(BYTE_ORDER_MARK) {
            current.buffer.advance(BYTE_ORDER_MARK.len());
        }
        if self.on_header.is_none() {
            return Ok(current);
        }
        let header = self.first_row(&mut current)?;
        if let (Some((line, row)), Some(on_header)) = (header, &mut self.on_header) {
            current.fields = on_header(file, line, &row)?;
        }
        Ok(current)
    }

    /// Takes the first row from the buffer, with its line number; `None` if the file has no row.
    fn first_row(&mut self, current: &mut OpenTextFile) -> Result<Option<(u64, Bytes)>, SourceError> {
        loop {
            let part = self.find_rows(current, 1)?;
            if part.end == 0 {
                return Ok(None);
            }
            // Blank lines before the row are in the same run.
            let line = current.line + part.lines_before;
            let row = current.buffer.split_to(part.end).freeze();
            current.line += part.lines;
            if part.rows > 0 {
                return Ok(Some((line, row)));
            }
        }
    }

    /// Reads until there are `rows` rows, or enough text for a chunk, or the file ends.
    fn find_rows(&mut self, current: &mut OpenTextFile, rows: usize) -> Result<RowRun, SourceError> {
        let mut part = RowRun { end: 0, lines: 0, lines_before: 0, rows: 0 };
        self.splitter.restart();
        loop {
            match self.splitter.next(&current.buffer, part.end, current.ended) {
                RowEnd::At { end, lines, row } => {
                    if end > CHUNK_BYTES && part.end > 0 {
                        // The row goes into the next chunk, where the search starts again at its first byte.
                        return Ok(part);
                    }
                    if end - part.end > ROW_BYTES {
                        return Err(current.too_long(part.lines, lines > 1));
                    }
                    let lines_before = if row { part.lines } else { part.lines_before };
                    part = RowRun { end, lines: part.lines + lines, lines_before, rows: part.rows + usize::from(row) };
                    if part.rows == rows {
                        return Ok(part);
                    }
                }
                RowEnd::OpenQuote => {
                    return Err(current.on_line(part.lines, SourceErrorKind::OpenQuote));
                }
                RowEnd::NeedMore => {
                    if current.buffer.len() > CHUNK_BYTES && part.end > 0 {
                        return Ok(part);
                    }
                    if current.buffer.len() - part.end > ROW_BYTES {
                        let quoted = memchr::memchr(b'\n', &current.buffer[part.end..]).is_some();
                        return Err(current.too_long(part.lines, quoted));
                    }
                    if current.ended {
                        return Ok(part);
                    }
                    current.fill()?;
                }
            }
        }
    }
}

impl OpenTextFile {
    fn fill(&mut self) -> Result<(), SourceError> {
        self.ended = self.input.read_more(&mut self.buffer)? == 0;
        Ok(())
    }

    fn on_line(&self, lines: u64, kind: SourceErrorKind) -> SourceError {
        SourceError::on_line(&self.input.file().name, self.line + lines, kind)
    }

    fn too_long(&self, lines: u64, quoted: bool) -> SourceError {
        self.on_line(lines, SourceErrorKind::RowTooLong { limit: ROW_BYTES, quoted })
    }
}

impl<B: RowSplitter> Reader for TextReader<B> {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        match self.sampled.pop_front() {
            Some(chunk) => Ok(Some(chunk)),
            None => self.read_chunk(),
        }
    }
}

/// Returns the text of a chunk up to the first line that is not UTF-8, and the error for that line.
pub(crate) fn utf8<'a>(file: &Arc<str>, bytes: &'a [u8], first_line: u64) -> (&'a str, Option<SourceError>) {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return (text, None);
    }
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => return (text, None),
        Err(error) => error.valid_up_to(),
    };
    let line_start = memchr::memrchr(b'\n', &bytes[..valid]).map_or(0, |newline| newline + 1);
    let line = first_line + memchr::memchr_iter(b'\n', &bytes[..line_start]).count() as u64;
    let byte = (valid - line_start) as u64 + 1;
    let error = SourceError::at(file, FilePosition::Byte(line, byte), SourceErrorKind::NotUtf8 { byte });
    (std::str::from_utf8(&bytes[..line_start]).unwrap_or_default(), Some(error))
}
