//! JSON Lines: one object per line (<https://jsonlines.org>).
//!
//! **Columns.** If columns are declared, they are exactly the columns, in that order. Otherwise columns and types are
//! inferred from the first 1000 rows of the input (fewer if they have more than 64 MiB), in the order in which keys
//! first appear. Booleans, integers (64 bits), floats and text have these types. Integers mixed with floats are floats,
//! unless an integer has no exact float. Everything else is `json`: other mixtures, objects, lists, columns of nulls,
//! numbers out of range. A later row with another key, or with a value that does not fit, is an error.
//!
//! **Values.** A missing key is null. `json` preserves the exact text of the value: spelling, key order, duplicate
//! keys, any depth of nesting; escapes in it are not checked. A declared `float` accepts integers with an exact float,
//! `text` only text, `binary` text in base64 (RFC 4648, with padding), `vector` lists of numbers with as many elements
//! as the first vector in the sample. As an integer, `-0` is 0.
//!
//! **Lines** end with LF or CRLF; the last line may end without. Lines of white space are skipped, but count as lines.
//! Text is UTF-8; a byte order mark at the start of a file is skipped. Half of a surrogate pair in a text is an error,
//! and so is a duplicate key in an object.

mod decode;
mod fast_path;
mod infer;
mod object;

use std::sync::Arc;

use super::chunk::{Chunk, ChunkData};
use super::column::{TextColumn, TextColumns};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::text::{RowEnd, RowSplitter, SAMPLE_ROWS, TextReader, utf8};
use super::{OpenSource, SourceSchema};
use crate::data_type::DataType;
use decode::JsonDecoder;
use infer::Inference;
pub(crate) use object::diagnostic;

/// Opens a JSON Lines source.
///
/// # Errors
///
/// The first rows cannot be read, or columns cannot be inferred from them.
pub(crate) fn open(
    files: Vec<InputFile>,
    declared: &[(String, DataType)],
    batch_rows: usize,
) -> Result<OpenSource, SourceError> {
    let mut reader = TextReader::new(LineSplitter::default(), batch_rows, files, None);
    let columns = if declared.is_empty() {
        let mut inference = Inference::default();
        reader.sample(|chunk, rows| sample_chunk(chunk, rows, &mut inference))?;
        inference.columns()
    } else {
        Some(declared_columns(&mut reader, declared)?)
    };
    let known = columns.is_some();
    let columns = Arc::new(TextColumns::new(columns.unwrap_or_default()));
    let schema = if known { SourceSchema::Known(Arc::clone(&columns.schema)) } else { SourceSchema::Empty };
    Ok(OpenSource::new(schema, Box::new(reader), Arc::new(JsonDecoder { columns })))
}

/// Returns the declared columns. The width of vectors is taken from the sample.
fn declared_columns(
    reader: &mut TextReader<LineSplitter>,
    declared: &[(String, DataType)],
) -> Result<Vec<TextColumn>, SourceError> {
    let mut inference = Inference::default();
    let has_vectors = declared.iter().any(|(_, data_type)| *data_type == DataType::Vector);
    let rows = if has_vectors { reader.sample(|chunk, rows| sample_chunk(chunk, rows, &mut inference))? } else { 0 };
    let column = |(name, data_type): &(String, DataType)| {
        let width = match data_type {
            DataType::Vector => vector_width(name, inference.width(name), rows)?,
            _ => 0,
        };
        Ok(TextColumn { name: name.clone(), data_type: *data_type, width, declared: true })
    };
    declared.iter().map(column).collect()
}

/// Returns the width of a declared vector. Without rows, any width is correct.
pub(crate) fn vector_width(name: &str, width: Option<usize>, rows: usize) -> Result<usize, SourceError> {
    match width {
        Some(width) => Ok(width),
        None if rows == 0 => Ok(1),
        None => {
            let column = crate::text::named(name);
            Err(SourceError::anywhere(SourceErrorKind::VectorWidth { column, rows }))
        }
    }
}

/// Adds up to `rows` rows of a chunk to the sample.
fn sample_chunk(chunk: &Chunk, rows: usize, inference: &mut Inference) -> Result<usize, SourceError> {
    debug_assert!(rows <= SAMPLE_ROWS);
    let ChunkData::Text { bytes, first_line, .. } = &chunk.data else {
        unreachable!("the JSON Lines reader makes chunks of text")
    };
    let (text, not_utf8) = utf8(&chunk.file, bytes, *first_line);
    let lines = (*first_line..).zip(text.split_terminator('\n'));
    let mut seen = 0;
    for (line, text) in lines.filter(|(_, text)| !object::is_blank(text.as_bytes())).take(rows) {
        inference.observe(&chunk.file, line, text)?;
        seen += 1;
    }
    match not_utf8 {
        Some(error) if seen < rows => Err(error),
        _ => Ok(seen),
    }
}

/// Finds the ends of rows: a row is a line.
#[derive(Debug, Default)]
struct LineSplitter {
    /// Bytes of the row scanned so far, without a line break.
    seen: usize,
}

impl RowSplitter for LineSplitter {
    fn restart(&mut self) {
        self.seen = 0;
    }

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
        RowEnd::At { end, lines, row: !object::is_blank(&bytes[start..end]) }
    }
}
