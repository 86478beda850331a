//! JSON Lines (<https://jsonlines.org>), and JSON with several objects in an array or one after the other.
//!
//! **Layouts.** Rows are lines with one object each, the elements of an array, or objects one after the other, each on any
//! number of lines. A file that starts with `[` is an array. Otherwise JSON Lines has lines, and JSON has objects.
//!
//! **Columns.** If columns are declared, they are exactly the columns, in that order. Otherwise columns and types are
//! inferred from the first 1000 rows of the input (fewer if they have more than 64 MiB), in the order in which keys
//! first appear. Booleans, integers (64 bits), floats and text have these types. Integers mixed with floats are floats,
//! unless an integer has no exact float. Everything else is `json`: other mixtures, objects, lists, columns of nulls,
//! numbers out of range. A later row with a value that does not fit is an error, and so is one with another key, unless the
//! settings say that such keys are ignored or collected in a column.
//!
//! **Values.** A missing key is null. `json` preserves the exact text of the value: spelling, key order, duplicate
//! keys, any depth of nesting; escapes in it are not checked. A declared `float` accepts integers with an exact float,
//! `text` only text, `binary` text in base64 (RFC 4648, with padding), `vector` lists of numbers with as many elements
//! as the first vector in the sample. As an integer, `-0` is 0. `NaN`, `Infinity` and `-Infinity` are errors, nulls or
//! floats.
//!
//! **Lines** end with LF or CRLF; the last line may end without. Lines of white space are skipped, but count as lines.
//! Text is UTF-8; a byte order mark at the start of a file is skipped. Half of a surrogate pair in a text is an error,
//! and so is a duplicate key in an object.

mod carry;
mod decode;
mod fast_path;
mod infer;
mod line_cursor;
mod messages;
mod nan;
mod object;
mod row;
mod row_error;
mod splitter;
mod unknown;
mod values;

use std::sync::Arc;

use super::chunk::{Chunk, ChunkData};
use super::column::{TextColumn, TextColumns};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::text::{CheckedText, SAMPLE_ROWS, TextReader};
use super::{OpenSource, SourceSchema, SourceSpec};
use crate::data_type::DataType;
use crate::format::UnknownKeys;
use crate::policy::Then;
use crate::text::named;
use decode::JsonDecoder;
use infer::Inference;
use row::RowFormat;
pub(crate) use row_error::diagnostic;
use splitter::JsonSplitter;
use values::JsonRow;

/// Opens a JSON Lines or JSON source.
///
/// # Errors
///
/// The first rows cannot be read, or columns cannot be inferred from them.
pub(crate) fn open(files: Vec<InputFile>, spec: &SourceSpec) -> Result<OpenSource, SourceError> {
    let splitter = JsonSplitter::new(spec.format, spec.json.layout);
    let mut reader = TextReader::new(splitter, spec.batch_rows, spec.on_bad_row, files);
    let columns = if spec.columns.is_empty() {
        let mut inference = Inference::default();
        reader.sample(|chunk, rows| sample_chunk(chunk, rows, spec, &mut inference))?;
        inference.columns()
    } else {
        Some(declared_columns(&mut reader, spec)?)
    };
    let known = columns.is_some();
    let mut columns = columns.unwrap_or_default();
    if let UnknownKeys::Into(name) = &spec.json.unknown_keys {
        if columns.iter().any(|column| column.name == *name) {
            return Err(SourceError::anywhere(SourceErrorKind::OtherKeyTaken { key: named(name) }));
        }
        let (name, data_type) = (name.clone(), DataType::Json);
        columns.push(TextColumn { name, data_type, width: 0, declared: true });
    }
    let columns = Arc::new(TextColumns::new(columns));
    let schema = if known { SourceSchema::Known(Arc::clone(&columns.schema)) } else { SourceSchema::Empty };
    let format = RowFormat { columns, settings: spec.json.clone() };
    let decoder = JsonDecoder { format: Arc::new(format), carried: None, on_bad_row: spec.on_bad_row };
    Ok(OpenSource::new(schema, Box::new(reader), Arc::new(decoder)))
}

/// Returns the declared columns. The width of vectors is taken from the sample.
fn declared_columns(reader: &mut TextReader<JsonSplitter>, spec: &SourceSpec) -> Result<Vec<TextColumn>, SourceError> {
    let declared = &spec.columns;
    let mut inference = Inference::default();
    let has_vectors = declared.iter().any(|(_, data_type)| *data_type == DataType::Vector);
    let rows =
        if has_vectors { reader.sample(|chunk, rows| sample_chunk(chunk, rows, spec, &mut inference))? } else { 0 };
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
        None => Err(SourceError::anywhere(SourceErrorKind::VectorWidth { column: named(name), rows })),
    }
}

/// Adds up to `rows` rows of a chunk to the sample. Rows that will be rejected are left out.
fn sample_chunk(
    chunk: &Chunk,
    rows: usize,
    spec: &SourceSpec,
    inference: &mut Inference,
) -> Result<usize, SourceError> {
    debug_assert!(rows <= SAMPLE_ROWS);
    let ChunkData::Text { bytes, first_line, bytes_before, layout, .. } = &chunk.data else {
        unreachable!("the JSON reader makes chunks of text")
    };
    let checked = CheckedText::new(&chunk.file, bytes, (*first_line, *bytes_before), layout, spec.on_bad_row);
    let mut seen = 0;
    let mut add = |row: JsonRow<'_>| {
        if seen == rows || values::is_blank(row.text.as_bytes()) {
            return Ok(());
        }
        let range = (row.start, row.start + row.text.len(), row.line);
        let is_rejected = spec.on_bad_row == Then::Reject
            && (checked.check_row(&chunk.file, range, layout).is_some() || !infer::is_object(row.text, spec.json.nan));
        if is_rejected {
            return Ok(());
        }
        seen += 1;
        inference.observe(row.text, spec.json.nan).map_err(|error| error.at(&chunk.file, &row, layout))
    };
    if layout.has_values {
        values::values(&checked.text, (*first_line, *bytes_before)).try_for_each(&mut add)?;
    } else {
        values::lines(&checked.text, *first_line).try_for_each(&mut add)?;
    }
    match checked.error {
        Some(error) if seen < rows => Err(error),
        _ => Ok(seen),
    }
}
