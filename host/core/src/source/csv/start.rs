//! Starts CSV files: finds the dialect, and reads the header.

use std::sync::Arc;

use super::super::chunk::LineEnd;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::text::{OpenTextFile, RowEnd, RowSplitter};
use super::dialect::Dialect;
use super::header::Header;
use super::sniff::{CANDIDATES, FirstLine};
use super::splitter::CsvRowSplitter;
use crate::format::{CsvSettings, is_tab_separated};

impl RowSplitter for CsvRowSplitter {
    fn begin(&mut self, file: &mut OpenTextFile) -> Result<(), SourceError> {
        begin(self, file)
    }

    fn restart(&mut self) {
        self.restart();
    }

    fn next(&mut self, bytes: &[u8], start: usize, last: bool) -> RowEnd {
        self.next(bytes, start, last)
    }
}

/// Starts a file: skips lines, finds the line ends and the delimiter, and reads the header.
///
/// # Errors
///
/// The file cannot be read, its delimiter is not certain, or its header is malformed or differs from that of the first
/// file.
fn begin(splitter: &mut CsvRowSplitter, file: &mut OpenTextFile) -> Result<(), SourceError> {
    let settings = Arc::clone(&splitter.settings);
    file.layout_mut().line_end = LineEnd::Lf;
    if settings.skip_lines > 0 {
        skip_lines(file, settings.skip_lines)?;
    }
    let first_line = FirstLine::read(file, &settings)?;
    if settings.skip_lines == 0 && first_line.ends_with_cr {
        file.layout_mut().line_end = LineEnd::Any;
    }
    let is_tabs = file.file().path.as_deref().is_some_and(is_tab_separated);
    file.layout_mut().delimiter = settings.delimiter.unwrap_or(if is_tabs { b'\t' } else { b',' });
    splitter.dialect = Dialect::new(&settings, &file.layout);
    let Some((end, lines)) = first_record(splitter, file)? else { return Ok(()) };
    if settings.header.is_none() && is_json(&file.buffer()[..end]) {
        return Err(file.on_line(SourceErrorKind::HeaderOfJson));
    }
    if settings.delimiter.is_none() && !is_tabs {
        check_delimiter(&first_line, &settings).map_err(|kind| file.on_line(kind))?;
    }
    let header = Header::read(file, end, &settings, splitter.dialect)?;
    if settings.header != Some(false) {
        file.take(end, lines);
    }
    splitter.dialect.blank_rows = header.names.len() == 1;
    if let Some(first) = splitter.first.get() {
        let order = if settings.names.is_empty() && settings.header != Some(false) {
            first.column_order(&header)?
        } else {
            first.check_count(&header)?;
            None
        };
        file.layout_mut().fields = order;
    } else {
        // Headers are read by one reader at a time, so no other thread can set this in between.
        splitter.first.get_or_init(|| header);
    }
    Ok(())
}

/// Returns whether the first record of a file starts like JSON: an object, or an array of objects.
fn is_json(record: &[u8]) -> bool {
    let record = record.trim_ascii();
    let object = record.strip_prefix(b"[").map_or(record, <[u8]>::trim_ascii_start);
    let member = object.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    // `[` or `{` alone is the first line of a pretty-printed file.
    matches!(record, b"[" | b"{") || member.is_some_and(|member| matches!(member, [b'"' | b'}', ..]))
}

/// Skips lines, which may be in another dialect. The first of them shows the line ends of the file.
fn skip_lines(file: &mut OpenTextFile, lines: u64) -> Result<(), SourceError> {
    let settings = CsvSettings { quote: None, ..CsvSettings::default() };
    if FirstLine::read(file, &settings)?.ends_with_cr {
        file.layout_mut().line_end = LineEnd::Any;
    }
    for _ in 0..lines {
        if !file.skip_line()? {
            break;
        }
    }
    Ok(())
}

/// Finds the first record, which is then at the start of the buffer. Returns its end and its number of lines; `None` if
/// the file has no record.
fn first_record(splitter: &mut CsvRowSplitter, file: &mut OpenTextFile) -> Result<Option<(usize, u64)>, SourceError> {
    splitter.restart();
    loop {
        match splitter.next(file.buffer(), 0, file.has_ended()) {
            RowEnd::At { end, lines, row: false } => drop(file.take(end, lines)),
            RowEnd::At { end, lines, row: true } => return Ok(Some((end, lines))),
            RowEnd::NeedMore if file.has_ended() => return Ok(None),
            RowEnd::NeedMore => {
                file.check_row_length()?;
                file.fill()?;
            }
            RowEnd::Bad { kind, .. } | RowEnd::Malformed { kind, .. } => return Err(file.on_line(*kind)),
        }
    }
}

/// Checks that the first line of a file has more commas than other delimiters, unless it has none of them.
fn check_delimiter(first_line: &FirstLine, settings: &CsvSettings) -> Result<(), SourceErrorKind> {
    let [commas, others @ ..] = first_line.counts;
    let (most, index) =
        others.iter().zip(1..).max_by_key(|(count, index)| (**count, usize::MAX - index)).unwrap_or((&0, 0));
    // The field of a file with one column may be any text.
    let is_one_column = settings.header == Some(false) && settings.names.len() == 1;
    if *most <= commas || is_one_column {
        return Ok(());
    }
    let (_, name, written) = CANDIDATES[index];
    Err(SourceErrorKind::OtherDelimiter { commas, name, count: *most, written })
}
