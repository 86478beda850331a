//! Finds the ends of rows: of lines, or of JSON values.

use super::super::error::SourceError;
use super::super::text::{OpenTextFile, RowEnd, RowSplitter};
use super::values::{ValueSplitter, is_blank, is_space};
use crate::format::{Format, JsonLayout};

/// Finds the ends of rows, in the layout of each file.
#[derive(Debug)]
pub(super) struct JsonSplitter {
    format: Format,
    /// The layout of all files. `None`: by the first character of each file.
    layout: Option<JsonLayout>,
    lines: LineSplitter,
    /// `None` in a file whose rows are lines.
    values: Option<ValueSplitter>,
}

impl JsonSplitter {
    pub(super) fn new(format: Format, layout: Option<JsonLayout>) -> Self {
        Self { format, layout, lines: LineSplitter::default(), values: None }
    }

    /// Returns the layout of a file that starts with this character.
    fn layout_of(&self, first: Option<u8>) -> JsonLayout {
        match (first, self.format) {
            (Some(b'['), _) => JsonLayout::Array,
            (_, Format::JsonLines) => JsonLayout::Lines,
            _ => JsonLayout::Objects,
        }
    }
}

impl RowSplitter for JsonSplitter {
    fn begin(&mut self, file: &mut OpenTextFile) -> Result<(), SourceError> {
        let layout = match self.layout {
            Some(layout) => layout,
            None => self.layout_of(first_character(file)?),
        };
        self.values = (layout != JsonLayout::Lines).then(|| ValueSplitter::new(layout));
        file.layout_mut().has_values = self.values.is_some();
        Ok(())
    }

    fn restart(&mut self) {
        self.lines.seen = 0;
        self.values.iter_mut().for_each(ValueSplitter::restart);
    }

    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        match &mut self.values {
            None => self.lines.next(bytes, start, last),
            Some(values) => values.next(bytes, start, last),
        }
    }

    fn accept(&mut self) {
        self.values.iter_mut().for_each(ValueSplitter::accept);
    }
}

/// Reads until there is a character that is not white space, and returns it; `None` if the file has none.
fn first_character(file: &mut OpenTextFile) -> Result<Option<u8>, SourceError> {
    loop {
        let first = file.buffer().iter().copied().find(|byte| !is_space(*byte));
        if first.is_some() || file.has_ended() {
            return Ok(first);
        }
        // Blank lines are not kept, so that any number of them takes no memory.
        file.take_blank_lines();
        file.fill()?;
    }
}

/// Finds the ends of lines.
#[derive(Debug, Default)]
struct LineSplitter {
    /// Bytes of the row scanned so far, without a line break.
    seen: usize,
}

impl LineSplitter {
    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        let from = start + self.seen;
        let (end, lines) = match memchr::memchr(b'\n', &bytes[from..]) {
            Some(newline) => (from + newline + 1, 1),
            None if last && start < bytes.len() => (bytes.len(), 0),
            None => {
                self.seen = bytes.len() - start;
                return RowEnd::NeedMore;
            }
        };
        self.seen = 0;
        RowEnd::At { end, lines, row: !is_blank(&bytes[start..end]) }
    }
}
