//! CSV: records of fields, by default comma-separated with a header (RFC 4180).
//!
//! **Columns** come from the header, or from the settings. Empty and duplicate names in a header are replaced by names that
//! are made up, with a warning. Types are inferred from the first 1000
//! rows of the input (fewer if they have more than 64 MiB), or declared, for any of the columns. `true` and `false` are
//! booleans. Integers (64 bits) and floats are spelled as in JSON; `NaN`, `inf` and `-inf` are floats as well. Integers
//! mixed with floats are floats, unless an integer has no exact float. Everything else is text: other mixtures, numbers
//! with leading zeros or a plus sign, columns without a value. A later field that does not fit the type is an error.
//!
//! **Values.** An empty field is an empty text in a text column, and null in any other. A field without quotation marks
//! that is one of the `nulls` is null. Declared types accept more
//! spellings: `True`, `+7`, `007`, `.5`. A declared `json` accepts any JSON value, `binary` base64 (RFC 4648, with
//! padding), `vector` a JSON list of numbers with as many elements as the first field that is not empty.
//!
//! **Records.** Lines end with LF or CRLF, or, if the first line of the file ends with a CR alone, with any of the three. A
//! quoted field may contain delimiters, line breaks, and quotation marks written
//! twice. A quotation mark inside an unquoted field is ordinary text. Blank lines are skipped, except in a file with one
//! column, and comments, but they count as lines; the
//! line number of a record is that of its first line. All records must have as many fields as the header.
//!
//! **The delimiter** is a comma unless the file name or the settings say otherwise. A first line with fewer commas than
//! tabs, semicolons or vertical bars is an error, because the file would be read as something else.
//!
//! **Several files** must have the same names in their headers. Their order may differ; the first file's order is used.

mod decode;
mod dialect;
mod header;
mod infer;
mod record;
mod sniff;
mod splitter;
mod start;

use std::sync::Arc;

use super::advice::list;
use super::chunk::{Chunk, ChunkData};
use super::column::{TextColumn, TextColumns, parse_vector};
use super::error::{SourceError, SourceErrorKind};
use super::files::InputFile;
use super::jsonl::vector_width;
use super::text::{CheckedText, TextReader};
use super::{OpenSource, SourceSchema, SourceSpec};
use crate::data_type::DataType;
use crate::format::CsvSettings;
use crate::policy::Then;
use crate::text::named;
use decode::{CsvDecoder, check_count};
use dialect::Dialect;
use header::FirstHeader;
pub(crate) use header::difference;
use infer::ObservedFields;
use record::CsvRecords;
use splitter::CsvRowSplitter;

/// Opens a CSV source.
///
/// # Errors
///
/// A header is malformed or differs from that of another file, a declared column is not in it, or the first rows cannot
/// be read.
pub(crate) fn open(files: Vec<InputFile>, spec: &SourceSpec) -> Result<OpenSource, SourceError> {
    let settings = Arc::new(spec.csv.clone());
    let (declared, on_bad_row) = (&spec.columns, spec.on_bad_row);
    let first = FirstHeader::default();
    let splitter = || CsvRowSplitter::new(Arc::clone(&settings), Arc::clone(&first), on_bad_row);
    if files.len() > 1 {
        for file in files.iter().filter(|file| file.is_regular()) {
            TextReader::new(splitter(), 1, on_bad_row, [file.clone()]).read_start()?;
        }
    }
    let mut reader = TextReader::new(splitter(), spec.batch_rows, on_bad_row, files);
    let mut sample = FirstRecords { observed: Vec::new(), settings: &settings, on_bad_row };
    let is_known = |name: &String| declared.iter().any(|(own, kind)| own == name && *kind != DataType::Vector);
    let rows = reader.sample(|chunk, rows| {
        let names = first.get().map_or(&[][..], |header| &header.names);
        let seen = sample.add(chunk, rows, names.len())?;
        // If all types are declared, rows that arrive slowly are not waited for.
        Ok(if names.iter().all(is_known) { rows } else { seen })
    })?;
    let mut observed = sample.observed;
    let names = match first.get() {
        Some(header) => {
            if let Some((name, _)) = declared.iter().find(|(name, _)| !header.names.contains(name)) {
                let header_names = list(header.names.iter().map(String::as_str));
                let kind = SourceErrorKind::NoSuchColumn { name: named(name), header: header_names };
                return Err(SourceError::on_line(&header.file, header.line, kind));
            }
            header.names.clone()
        }
        None if settings.names.is_empty() => declared.iter().map(|(name, _)| name.clone()).collect(),
        None => settings.names.clone(),
    };
    observed.resize(names.len(), ObservedFields::default());
    let columns = names.iter().zip(&observed).map(|(name, observed)| column(name, observed, declared, rows));
    let columns = Arc::new(TextColumns::new(columns.collect::<Result<_, _>>()?));
    let is_empty = names.is_empty() && first.get().is_none();
    let schema = if is_empty { SourceSchema::Empty } else { SourceSchema::Known(Arc::clone(&columns.schema)) };
    let warnings = first.get().map_or_else(Vec::new, |header| header.warnings.clone());
    let decoder = CsvDecoder { columns, settings, on_bad_row };
    Ok(OpenSource { warnings, ..OpenSource::new(schema, Box::new(reader), Arc::new(decoder)) })
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

/// The fields of the first rows, from which types are inferred.
struct FirstRecords<'s> {
    observed: Vec<ObservedFields>,
    settings: &'s CsvSettings,
    on_bad_row: Then,
}

impl FirstRecords<'_> {
    /// Adds up to `rows` rows of a chunk. Rows that will be rejected are left out.
    fn add(&mut self, chunk: &Chunk, rows: usize, columns: usize) -> Result<usize, SourceError> {
        self.observed.resize(columns, ObservedFields::default());
        let ChunkData::Text { bytes, first_line, layout, .. } = &chunk.data else {
            unreachable!("the CSV reader makes chunks of text")
        };
        let checked = CheckedText::new(&chunk.file, bytes, (*first_line, 0), layout, self.on_bad_row);
        let dialect = Dialect { blank_rows: columns == 1, ..Dialect::new(self.settings, layout) };
        let mut records = CsvRecords::new(&checked.text, *first_line, dialect, &self.settings.nulls);
        let mut fields = Vec::new();
        let mut seen = 0;
        while seen < rows {
            let (line, problem) = match records.next(&mut fields) {
                Ok(None) => return checked.error.map_or(Ok(seen), Err),
                Ok(Some(line)) => (line, check_count(&fields, columns).err().map(|kind| *kind)),
                Err((line, kind)) => {
                    records.skip_line();
                    (line, Some(kind))
                }
            };
            let (start, end) = records.range();
            let is_text = checked.check_row(&chunk.file, (start, end, line), layout).is_none();
            match problem {
                Some(kind) if self.on_bad_row == Then::Stop => {
                    return Err(checked.error.unwrap_or_else(|| SourceError::on_line(&chunk.file, line, kind)));
                }
                None if is_text => {}
                _ => continue,
            }
            for (index, field) in fields.iter().enumerate().filter(|(_, field)| !field.is_null()) {
                self.observed[layout.fields.as_deref().map_or(index, |order| order[index])].add(&field.text());
            }
            seen += 1;
        }
        Ok(rows)
    }
}
