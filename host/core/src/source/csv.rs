//! CSV: comma-separated values with a header (RFC 4180).
//!
//! **Columns** are those of the header; their names differ and are not empty. Types come from the first 1000 rows of the
//! input (fewer if they have more than 64 MiB), or are declared, for any of the columns. `true` and `false` are
//! booleans; integers (64 bits) and floats are spelled as in JSON, and `NaN`, `inf` and `-inf` are floats; integers and
//! floats together are floats, unless one of the integers is no float exactly; everything else is text: other mixtures,
//! numbers with leading zeros or a plus sign, columns without a value. A later field that does not fit is an error.
//!
//! **Values.** An empty field is an empty text in a text column, and null in any other. Declared types take more
//! spellings: `True`, `+7`, `007`, `.5`. A declared `json` takes any JSON value, `binary` base64 (RFC 4648, with
//! padding), `vector` a JSON list of numbers, as many as in the first field that is not empty.
//!
//! **Records.** Lines end with LF or CRLF. A quoted field may have commas, line breaks, and quotation marks written
//! twice; a quotation mark inside a field that does not start with one is text. Blank lines are skipped, and counted; a
//! record has the line on which it starts. All records have as many fields as the header.
//!
//! **Several files** have the same names in their headers; their order may differ, and that of the first file counts.

mod decode;
mod header;
mod infer;
mod record;

use std::sync::Arc;

use super::advice::list;
use super::chunk::{Chunk, ChunkData};
use super::column::{TextColumn, TextColumns, parse_vector};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::jsonl::vector_width;
use super::shown::named;
use super::text::{TextReader, utf8};
use super::{OpenSource, SourceSchema};
use crate::data_type::DataType;
use decode::{CsvDecoder, check_count};
pub(crate) use header::difference;
use header::{FirstHeader, on_header};
use infer::ObservedFields;
use record::{CsvRecords, CsvRowSplitter};

/// Opens CSV.
///
/// # Errors
///
/// A header is malformed or not that of the other files, a declared column is not in it, or the first rows cannot be
/// read.
pub(crate) fn open(
    files: Vec<InputFile>,
    declared: &[(String, DataType)],
    batch_rows: usize,
) -> Result<OpenSource, SourceError> {
    let first = FirstHeader::default();
    if files.len() > 1 {
        for file in files.iter().filter(|file| file.is_regular()) {
            TextReader::new(CsvRowSplitter::default(), 1, [file.clone()], Some(on_header(&first))).read_header()?;
        }
    }
    let mut reader = TextReader::new(CsvRowSplitter::default(), batch_rows, files, Some(on_header(&first)));
    let mut kinds: Vec<ObservedFields> = Vec::new();
    let is_known = |name: &String| declared.iter().any(|(own, kind)| own == name && *kind != DataType::Vector);
    let rows = reader.sample(|chunk, rows| {
        let names = first.get().map_or(&[][..], |header| &header.names);
        kinds.resize(names.len(), ObservedFields::default());
        let seen = sample_chunk(chunk, rows, &mut kinds)?;
        // Rows that come slowly are not waited for where there is nothing to find out.
        Ok(if names.iter().all(is_known) { rows } else { seen })
    })?;
    let (columns, known) = if let Some(header) = first.get() {
        kinds.resize(header.names.len(), ObservedFields::default());
        if let Some((name, _)) = declared.iter().find(|(name, _)| !header.names.contains(name)) {
            let header_names = list(header.names.iter().map(String::as_str));
            let kind = SourceErrorKind::NoSuchColumn { name: named(name), header: header_names };
            return Err(SourceError::on_line(&header.file, header.line, kind));
        }
        let columns = header.names.iter().zip(&kinds).map(|(name, kinds)| column(name, kinds, declared, rows));
        (columns.collect::<Result<_, _>>()?, true)
    } else {
        let kinds = ObservedFields::default();
        let columns = declared.iter().map(|(name, _)| column(name, &kinds, declared, 0));
        (columns.collect::<Result<_, _>>()?, !declared.is_empty())
    };
    let columns = Arc::new(TextColumns::new(columns));
    let schema = if known { SourceSchema::Known(Arc::clone(&columns.schema)) } else { SourceSchema::Empty };
    Ok(OpenSource::new(schema, Box::new(reader), Arc::new(CsvDecoder { columns })))
}

/// A column of the header, with its declared or inferred type.
fn column(
    name: &str,
    kinds: &ObservedFields,
    declared: &[(String, DataType)],
    rows: usize,
) -> Result<TextColumn, SourceError> {
    let declared = declared.iter().find(|(declared, _)| declared == name).map(|(_, data_type)| *data_type);
    let data_type = declared.unwrap_or_else(|| kinds.common());
    let width = match data_type {
        DataType::Vector => {
            let width = kinds.first.as_deref().and_then(parse_vector).map(|vector| vector.len());
            vector_width(name, width, rows)?
        }
        _ => 0,
    };
    Ok(TextColumn { name: name.to_owned(), data_type, width, declared: declared.is_some() })
}

/// Looks at no more than this many rows of a piece.
fn sample_chunk(chunk: &Chunk, rows: usize, kinds: &mut [ObservedFields]) -> Result<usize, SourceError> {
    let ChunkData::Text { bytes, first_line, fields: order } = &chunk.data else {
        unreachable!("the reader of CSV makes pieces of text")
    };
    let (text, not_utf8) = utf8(&chunk.file, bytes, *first_line);
    let at = |(line, kind)| SourceError::on_line(&chunk.file, line, kind);
    let mut records = CsvRecords::new(text, *first_line);
    let mut fields = Vec::new();
    for seen in 0..rows {
        let line = match records.next(&mut fields) {
            Ok(Some(line)) => line,
            Ok(None) => return not_utf8.map_or(Ok(seen), Err),
            Err(error) => return Err(not_utf8.unwrap_or_else(|| at(error))),
        };
        check_count(&fields, kinds.len()).map_err(|kind| at((line, kind)))?;
        for (index, field) in fields.iter().enumerate() {
            kinds[order.as_deref().map_or(index, |order| order[index])].add(field);
        }
    }
    Ok(rows)
}
