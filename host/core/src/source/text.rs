//! Cuts text into chunks at the ends of rows, for JSON Lines, JSON and CSV.

mod checked;
mod open;
mod read_buffer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bad_row::BadRow;
use super::chunk::{Chunk, ChunkData, Reader};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use crate::policy::Then;
pub(crate) use checked::CheckedText;
pub(crate) use open::OpenTextFile;

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

/// Maximum number of bytes of a file that are read again to find the rows in a quotation that does not end. A hostile
/// file could otherwise have every line start such a quotation, which takes the square of its length.
const REREAD_BYTES: usize = 512 << 20;

/// Finds the ends of rows in the bytes of one file, in order.
pub(crate) trait RowSplitter: Send {
    /// Starts a file: looks at its first bytes, sets its layout, and takes what is not a row, such as a header.
    ///
    /// # Errors
    ///
    /// The input cannot be read, or its start is malformed.
    fn begin(&mut self, file: &mut OpenTextFile) -> Result<(), SourceError>;

    /// Forgets the current row. The next call of `next` starts the row again.
    fn restart(&mut self);

    /// Looks for the end of the row that starts at `start`. After [`RowEnd::NeedMore`] it is called again for the same
    /// row with more bytes, and does not scan the earlier ones again. `last` says that no bytes follow.
    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd;

    /// Called after the row that `next` has found is taken. Otherwise `next` will find it again.
    fn accept(&mut self) {}
}

/// The result of [`RowSplitter::next`].
#[derive(Debug)]
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
    /// The line is not a row, but another row may start after it.
    Bad {
        /// The index of the first byte after the line.
        end: usize,
        /// The index up to which bytes were searched for the end of the row.
        searched: usize,
        /// The reason. In a box, because this is returned for every row.
        kind: Box<SourceErrorKind>,
    },
    /// The rest of the file cannot be split into rows.
    Malformed {
        /// The index of the byte at fault.
        at: usize,
        /// The reason.
        kind: Box<SourceErrorKind>,
    },
}

/// Reads text files one after the other.
pub(crate) struct TextReader<B> {
    splitter: B,
    batch_rows: usize,
    on_bad_row: Then,
    files: VecDeque<InputFile>,
    current: Option<OpenTextFile>,
    count: Arc<AtomicU64>,
    sampled: VecDeque<Chunk>,
    /// Bad rows of the current file that are not in a chunk yet.
    bad: Vec<BadRow>,
}

/// A number of rows at the start of the buffer.
#[derive(Default)]
struct RowRun {
    end: usize,
    lines: u64,
    rows: usize,
}

impl<B: RowSplitter> TextReader<B> {
    /// Creates a reader of these files.
    pub(crate) fn new(
        splitter: B,
        batch_rows: usize,
        on_bad_row: Then,
        files: impl IntoIterator<Item = InputFile>,
    ) -> Self {
        Self {
            splitter,
            batch_rows: batch_rows.max(1),
            on_bad_row,
            files: files.into_iter().collect(),
            current: None,
            count: Arc::default(),
            sampled: VecDeque::new(),
            bad: Vec::new(),
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
            if let ChunkData::Text { bytes: text, bad, .. } = &chunk.data {
                bytes += text.len() + bad.iter().map(BadRow::size).sum::<usize>();
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
            let (first_line, bytes_before, first_row) = (current.line, current.bytes_before, current.rows + 1);
            let bytes = current.take(part.end, part.lines);
            current.rows += part.rows as u64;
            let file = Arc::clone(current.name());
            let layout = Arc::clone(&current.layout);
            if !current.is_at_end() || !self.may_end() {
                self.current = Some(current);
            }
            if part.rows > 0 || !self.bad.is_empty() {
                let bad = std::mem::take(&mut self.bad);
                let data = ChunkData::Text { bytes, first_line, bytes_before, first_row, layout, bad };
                let bytes_read = self.count.load(Ordering::Relaxed);
                return Ok(Some(Chunk { file, data, rows: part.rows, bytes_read }));
            }
        }
    }

    /// Returns whether a file may end after the rows that were found. Otherwise its end is an error, which follows them.
    fn may_end(&mut self) -> bool {
        self.splitter.restart();
        !matches!(self.splitter.next(&[], 0, true), RowEnd::Malformed { .. })
    }

    /// Reads only the start of the next file, such as its header. For a reader created just for this.
    ///
    /// # Errors
    ///
    /// The input cannot be read, or the header is malformed.
    pub(crate) fn read_start(&mut self) -> Result<(), SourceError> {
        match self.files.pop_front() {
            Some(file) => self.begin(&file).map(drop),
            None => Ok(()),
        }
    }

    fn begin(&mut self, file: &InputFile) -> Result<OpenTextFile, SourceError> {
        let mut current = OpenTextFile::open(file, &self.count)?;
        self.splitter.begin(&mut current)?;
        Ok(current)
    }

    /// Reads until there are `rows` rows, or enough text for a chunk, or enough bad rows, or the file ends. Skips what is
    /// not a row before the first one, so that it takes no memory.
    fn find_rows(&mut self, current: &mut OpenTextFile, rows: usize) -> Result<RowRun, SourceError> {
        let mut part = RowRun::default();
        self.splitter.restart();
        loop {
            match self.splitter.next(current.buffer(), part.end, current.ended) {
                RowEnd::At { end, lines, row: false } if part.rows == 0 => {
                    self.splitter.accept();
                    current.take(end, lines);
                }
                RowEnd::At { end, .. } if end > CHUNK_BYTES && part.end > 0 => {
                    // The row goes into the next chunk, where the search starts again at its first byte.
                    return Ok(part);
                }
                RowEnd::At { end, lines, .. } if end - part.end > ROW_BYTES => {
                    self.too_long(current, end, lines > 1)?;
                }
                RowEnd::At { end, lines, row } => {
                    self.splitter.accept();
                    part = RowRun { end, lines: part.lines + lines, rows: part.rows + usize::from(row) };
                    if part.rows == rows {
                        return Ok(part);
                    }
                }
                // The rows before are returned first, because one of them may be at fault as well.
                RowEnd::Bad { .. } | RowEnd::Malformed { .. } if part.end > 0 => return Ok(part),
                RowEnd::Bad { end, searched, kind } if current.layout.has_values => {
                    let error = current.error_at(end - 1, *kind);
                    self.splitter.accept();
                    self.bad(current, error, (end, searched))?;
                }
                RowEnd::Bad { end, searched, kind } => {
                    let error = SourceError::on_line(current.name(), current.line, *kind);
                    self.bad(current, error, (end, searched))?;
                }
                RowEnd::Malformed { at, kind } => return Err(current.error_at(at, *kind)),
                RowEnd::NeedMore if current.buffer().len() > CHUNK_BYTES && part.end > 0 => return Ok(part),
                RowEnd::NeedMore if current.buffer().len() > ROW_BYTES => {
                    let searched = current.buffer().len();
                    self.too_long(current, searched, false)?;
                }
                RowEnd::NeedMore if current.ended => return Ok(part),
                RowEnd::NeedMore => current.fill()?,
            }
            if self.bad.len() >= self.batch_rows {
                return Ok(part);
            }
        }
    }

    /// Rejects the row at the start of the buffer, or returns its error. `searched` is the end of the row, or of the bytes
    /// in which it was searched for.
    fn too_long(&mut self, current: &mut OpenTextFile, searched: usize, quoted: bool) -> Result<(), SourceError> {
        let line_end = current.layout.line_end.find(&current.buffer()[..searched]);
        let quoted = quoted || line_end.is_some_and(|(end, _)| end < searched);
        let error = SourceError::on_line(
            current.name(),
            current.line,
            SourceErrorKind::RowTooLong { limit: ROW_BYTES, quoted },
        );
        if current.layout.has_values {
            // The end of a value cannot be found without its start.
            return Err(error);
        }
        self.bad(current, error, (line_end.map_or(searched, |(end, _)| end), searched))?;
        if line_end.is_none() {
            current.skip_line()?;
        }
        Ok(())
    }

    /// Rejects a line at the start of the buffer, or returns its error. If too many bytes were searched in vain in this
    /// file, all lines that were searched are rejected at once.
    fn bad(
        &mut self,
        current: &mut OpenTextFile,
        error: SourceError,
        (end, searched): (usize, usize),
    ) -> Result<(), SourceError> {
        if self.on_bad_row == Then::Stop {
            return Err(error);
        }
        current.reread += searched - end;
        let end = if current.reread > REREAD_BYTES {
            current.layout.line_end.last_line(&current.buffer()[..searched]).max(end)
        } else {
            end
        };
        let line = current.take_lines(end);
        self.bad.push(BadRow::new(error, &line));
        self.splitter.restart();
        Ok(())
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
