//! CSV: comma-separated values with a header (RFC 4180).
//!
//! **Columns** come from the header; their names must be unique and not empty. Types are inferred from the first 1000
//! rows of the input (fewer if they have more than 64 MiB), or declared, for any of the columns. `true` and `false` are
//! booleans. Integers (64 bits) and floats are spelled as in JSON; `NaN`, `inf` and `-inf` are floats as well. Integers
//! mixed with floats are floats, unless an integer has no exact float. Everything else is text: other mixtures, numbers
//! with leading zeros or a plus sign, columns without a value. A later field that does not fit the type is an error.
//!
//! **Values.** An empty field is an empty text in a text column, and null in any other. Declared types accept more
//! spellings: `True`, `+7`, `007`, `.5`. A declared `json` accepts any JSON value, `binary` base64 (RFC 4648, with
//! padding), `vector` a JSON list of numbers with as many elements as the first field that is not empty.
//!
//! **Records.** Lines end with LF or CRLF. A quoted field may contain commas, line breaks, and quotation marks written
//! twice. A quotation mark inside an unquoted field is ordinary text. Blank lines are skipped, but count as lines; the
//! line number of a record is that of its first line. All records must have as many fields as the header.
//!
//! **Several files** must have the same names in their headers. Their order may differ; the first file's order is used.

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
use super::text::{TextReader, utf8};
use super::{OpenSource, SourceSchema};
use crate::data_type::DataType;
use crate::text::named;
use decode::{CsvDecoder, check_count};
pub(crate) use header::difference;
use header::{FirstHeader, on_header};
use infer::ObservedFields;
use record::{CsvRecords, CsvRowSplitter};

/// Opens a CSV source.
///
/// # Errors
///
/// A header is malformed or differs from that of another file, a declared column is not in it, or the first rows cannot
/// be read.
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
    let mut observed: Vec<ObservedFields> = Vec::new();
    let is_known = |name: &String| declared.iter().any(|(own, kind)| own == name && *kind != DataType::Vector);
    let rows = reader.sample(|chunk, rows| {
        let names = first.get().map_or(&[][..], |header| &header.names);
        observed.resize(names.len(), ObservedFields::default());
        let seen = sample_chunk(chunk, rows, &mut observed)?;
        // If all types are declared, rows that arrive slowly are not waited for.
        Ok(if names.iter().all(is_known) { rows } else { seen })
    })?;
    let (columns, known) = if let Some(header) = first.get() {
        observed.resize(header.names.len(), ObservedFields::default());
        if let Some((name, _)) = declared.iter().find(|(name, _)| !header.names.contains(name)) {
            let header_names = list(header.names.iter().map(String::as_str));
            let kind = SourceErrorKind::NoSuchColumn { name: named(name), header: header_names };
            return Err(SourceError::on_line(&header.file, header.line, kind));
        }
        let columns = header.names.iter().zip(&observed).map(|(name, observed)| column(name, observed, declared, rows));
        (columns.collect::<Result<_, _>>()?, true)
    } else {
        let observed = ObservedFields::default();
        let columns = declared.iter().map(|(name, _)| column(name, &observed, declared, 0));
        (columns.collect::<Result<_, _>>()?, !declared.is_empty())
    };
    let columns = Arc::new(TextColumns::new(columns));
    let schema = if known { SourceSchema::Known(Arc::clone(&columns.schema)) } else { SourceSchema::Empty };
    Ok(OpenSource::new(schema, Box::new(reader), Arc::new(CsvDecoder { columns })))
}

/// Returns a column of the header, with its declared or inferred type.
fn column(
    name: &str,
    observed: &ObservedFields,
    declared: &[(String, DataType)],
    rows: usize,
) -> Result<TextColumn, SourceError> {
    let declared = declared.iter().find(|(declared, _)| declared == name).map(|(_, data_type)| *data_type);
    let data_type = declared.unwrap_or_else(|| observed.common());
    let width = match data_type {
        DataType::Vector => {
            let width = observed.first.as_deref().and_then(parse_vector).map(|vector| vector.len());
            vector_width(name, width, rows)?
        }
        _ => 0,
    };
    Ok(TextColumn { name: name.to_owned(), data_type, width, declared: declared.is_some() })
}

/// Adds up to `rows` rows of a chunk to the sample.
fn sample_chunk(chunk: &Chunk, rows: usize, observed: &mut [ObservedFields]) -> Result<usize, SourceError> {
    let ChunkData::Text { bytes, first_line, fields: order } = &chunk.data else {
        unreachable!("the CSV reader makes chunks of text")
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
        check_count(&fields, observed.len()).map_err(|kind| at((line, kind)))?;
        for (index, field) in fields.iter().enumerate() {
            observed[order.as_deref().map_or(index, |order| order[index])].add(field);
        }
    }
    Ok(rows)
}
