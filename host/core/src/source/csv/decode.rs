//! Decodes CSV records into columns.

use std::sync::Arc;

use super::super::advice::{self, DeclarationScope};
use super::super::bad_row::BadRow;
use super::super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, NumberCollector, TextLayout};
use super::super::column::{RowsBuilder, TextColumns};
use super::super::error::{Fields, SourceError, SourceErrorKind};
use super::super::number::{Number, parse_number};
use super::super::text::CheckedText;
use super::dialect::Dialect;
use super::record::{CsvField, CsvRecords};
use crate::data_type::DataType;
use crate::format::CsvSettings;
use crate::policy::Then;
use crate::text::named;

/// Decodes CSV.
#[derive(Debug)]
pub(crate) struct CsvDecoder {
    /// The columns, in the order of the first file's header.
    pub(crate) columns: Arc<TextColumns>,
    pub(crate) settings: Arc<CsvSettings>,
    pub(crate) on_bad_row: Then,
}

impl Decoder for CsvDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        self.decode_all(chunk).map(|(decoded, _)| decoded)
    }

    fn decode_all(&self, chunk: Chunk) -> Result<(DecodedBatch, Vec<BadRow>), SourceError> {
        let ChunkData::Text { bytes, first_line, layout, mut bad, .. } = chunk.data else {
            unreachable!("the CSV reader makes chunks of text")
        };
        let checked = CheckedText::new(&chunk.file, &bytes, (first_line, 0), &layout, self.on_bad_row);
        let mut rows = RowsBuilder::new(&self.columns, chunk.rows, checked.text.len());
        let mut lines = NumberCollector::default();
        let dialect = Dialect { blank_rows: self.columns.list.len() == 1, ..Dialect::new(&self.settings, &layout) };
        let mut records = CsvRecords::new(&checked.text, first_line, dialect, &self.settings.nulls);
        let mut fields = Vec::new();
        loop {
            let (line, problem) = match records.next(&mut fields) {
                Ok(None) => break,
                Ok(Some(line)) => match self.add(&fields, &layout, &mut rows) {
                    Ok(()) if checked.is_valid() => {
                        rows.end_row();
                        lines.push(line);
                        continue;
                    }
                    result => (line, result.err().map(|kind| *kind)),
                },
                // The line that is not UTF-8 may be inside a record. Its error is returned below.
                Err((_, SourceErrorKind::OpenQuote)) if checked.error.is_some() => break,
                Err((line, kind)) => {
                    records.skip_line();
                    (line, Some(kind))
                }
            };
            let (start, end) = records.range();
            let problem = checked
                .check_row(&chunk.file, (start, end, line), &layout)
                .or_else(|| problem.map(|kind| SourceError::on_line(&chunk.file, line, kind)));
            match problem {
                None => {
                    rows.end_row();
                    lines.push(line);
                }
                Some(error) if self.on_bad_row == Then::Stop => return Err(error),
                Some(error) => {
                    bad.push(BadRow::new(error, checked.text[start..end].as_bytes()));
                    rows.discard_row();
                }
            }
        }
        if let Some(error) = checked.error {
            return Err(error);
        }
        Ok((DecodedBatch { rows: rows.finish(), positions: lines.lines(chunk.file), carried: None }, bad))
    }
}

impl CsvDecoder {
    /// Adds the fields of a record to the columns. After an error, some columns have a value of the row.
    fn add(
        &self,
        fields: &[CsvField<'_>],
        layout: &TextLayout,
        rows: &mut RowsBuilder<'_>,
    ) -> Result<(), Box<SourceErrorKind>> {
        check_count(fields, self.columns.list.len())?;
        for (index, field) in fields.iter().enumerate() {
            let index = layout.fields.as_deref().map_or(index, |order| order[index]);
            if field.is_null() {
                rows.builders[index].append_null();
                continue;
            }
            let declared = self.columns.list[index].declared;
            let text = field.text();
            if rows.builders[index].append_field(&text, declared).is_err() {
                return Err(Box::new(self.mismatch(index, &text)));
            }
        }
        Ok(())
    }

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
pub(super) fn check_count(fields: &[CsvField<'_>], expected: usize) -> Result<(), Box<SourceErrorKind>> {
    if fields.len() == expected {
        return Ok(());
    }
    Err(Box::new(SourceErrorKind::Ragged { found: Fields(fields.len()), expected: Fields(expected) }))
}
