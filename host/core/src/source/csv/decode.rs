//! Decodes CSV records into columns.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};

use super::super::advice::{self, DeclarationScope};
use super::super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, LineCollector};
use super::super::column::{ColumnBuilder, TextColumns};
use super::super::error::{Fields, SourceError, SourceErrorKind};
use super::super::number::{Number, parse_number};
use super::super::text::utf8;
use super::record::CsvRecords;
use crate::data_type::DataType;
use crate::text::named;

/// Decodes CSV.
#[derive(Debug)]
pub(crate) struct CsvDecoder {
    /// The columns, in the order of the first file's header.
    pub(crate) columns: Arc<TextColumns>,
}

impl Decoder for CsvDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let ChunkData::Text { bytes, first_line, fields: order } = &chunk.data else {
            unreachable!("the CSV reader makes chunks of text")
        };
        let (text, not_utf8) = utf8(&chunk.file, bytes, *first_line);
        let capacity = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let mut builders = self.columns.builders(capacity, text.len());
        let mut lines = LineCollector::default();
        let mut records = CsvRecords::new(text, *first_line);
        let mut fields = Vec::new();
        let at = |(line, kind)| SourceError::on_line(&chunk.file, line, kind);
        loop {
            let line = match records.next(&mut fields) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                // The line that is not UTF-8 may be inside a record. Its error is returned below.
                Err((_, SourceErrorKind::OpenQuote)) if not_utf8.is_some() => break,
                Err(error) => return Err(at(error)),
            };
            check_count(&fields, builders.len()).map_err(|kind| at((line, kind)))?;
            for (index, field) in fields.iter().enumerate() {
                let index = order.as_deref().map_or(index, |order| order[index]);
                let declared = self.columns.list[index].declared;
                if builders[index].append_field(field, declared).is_err() {
                    return Err(at((line, self.mismatch(index, field))));
                }
            }
            lines.push(line);
        }
        if let Some(error) = not_utf8 {
            return Err(error);
        }
        let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.columns.schema), arrays, &options);
        Ok(DecodedBatch {
            rows: batch.expect("every record adds one field to every column"),
            positions: lines.positions(chunk.file),
        })
    }
}

impl CsvDecoder {
    #[cold]
    fn mismatch(&self, index: usize, field: &str) -> SourceErrorKind {
        let suggested = match (self.columns.list[index].data_type, parse_number(field)) {
            (DataType::Integer, Some(Number::Float(_))) => DataType::Float,
            _ => DataType::Text,
        };
        advice::mismatch(
            &self.columns,
            index,
            format!("the field {}", named(field)),
            suggested,
            DeclarationScope::OneColumn,
        )
    }
}

/// Checks that a record has as many fields as the header.
pub(crate) fn check_count<T>(fields: &[T], expected: usize) -> Result<(), SourceErrorKind> {
    if fields.len() == expected {
        return Ok(());
    }
    Err(SourceErrorKind::Ragged { found: Fields(fields.len()), expected: Fields(expected) })
}
