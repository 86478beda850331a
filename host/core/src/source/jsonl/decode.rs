//! Decodes chunks of JSON Lines and JSON.

use std::sync::Arc;

use super::super::bad_row::BadRow;
use super::super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, LineCollector, RowPositions, TextLayout};
use super::super::error::SourceError;
use super::super::text::CheckedText;
use super::fast_path::FastPath;
use super::row::{RowBuilder, RowFormat};
use super::values::{JsonRow, is_blank, lines, values};
use crate::policy::Then;

/// Decodes JSON Lines and JSON.
#[derive(Debug)]
pub(crate) struct JsonDecoder {
    pub(crate) format: RowFormat,
    pub(crate) on_bad_row: Then,
}

impl Decoder for JsonDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        self.decode_all(chunk).map(|(decoded, _)| decoded)
    }

    fn decode_all(&self, chunk: Chunk) -> Result<(DecodedBatch, Vec<BadRow>), SourceError> {
        let ChunkData::Text { bytes, first_line, bytes_before, first_row, layout, mut bad } = chunk.data else {
            unreachable!("the JSON reader makes chunks of text")
        };
        let checked = CheckedText::new(&chunk.file, &bytes, (first_line, bytes_before), &layout, self.on_bad_row);
        let mut decoding = Decoding {
            decoder: self,
            file: &chunk.file,
            checked: &checked,
            layout: &layout,
            rows: RowBuilder::new(&self.format, chunk.rows, checked.text.len()),
            fast_path: FastPath::new(self.format.file_columns()),
            lines: LineCollector::default(),
            numbers: Vec::new(),
            bad: &mut bad,
        };
        if layout.has_values {
            for (row, number) in values(&checked.text, (first_line, bytes_before)).zip(first_row..) {
                if decoding.add_fast(&row) || decoding.add(&row)? {
                    decoding.numbers.push(number);
                }
            }
        } else {
            for row in lines(&checked.text, first_line) {
                if !decoding.add_fast(&row) {
                    decoding.add(&row)?;
                }
            }
        }
        let Decoding { rows, lines, numbers, .. } = decoding;
        if let Some(error) = checked.error {
            return Err(error);
        }
        let positions = if layout.has_values {
            RowPositions::each_row(Arc::clone(&chunk.file), numbers)
        } else {
            lines.positions(Arc::clone(&chunk.file))
        };
        Ok((DecodedBatch { rows: rows.rows.finish(), positions }, bad))
    }
}

/// The state of decoding one chunk.
struct Decoding<'d> {
    decoder: &'d JsonDecoder,
    file: &'d Arc<str>,
    checked: &'d CheckedText<'d>,
    layout: &'d TextLayout,
    rows: RowBuilder<'d>,
    fast_path: FastPath<'d>,
    lines: LineCollector,
    /// The numbers of the rows, if they are not lines.
    numbers: Vec<u64>,
    bad: &'d mut Vec<BadRow>,
}

impl Decoding<'_> {
    /// Adds a row if it has the common form. Otherwise adds nothing and returns false.
    fn add_fast(&mut self, row: &JsonRow<'_>) -> bool {
        let is_added = self.checked.is_valid() && self.fast_path.add(row.text, &mut self.rows.rows.builders);
        if is_added {
            self.rows.end_fast_row();
            self.lines.push(row.line);
        }
        is_added
    }

    /// Adds a row. Returns whether it was added, and not blank or rejected.
    fn add(&mut self, row: &JsonRow<'_>) -> Result<bool, SourceError> {
        if is_blank(row.text.as_bytes()) {
            return Ok(false);
        }
        let end = row.start + row.text.len();
        let not_text = self.checked.check_row(self.file, (row.start, end, row.line), self.layout);
        let result = match not_text {
            Some(error) => Err(error),
            None => self.rows.add(row.text).map_err(|error| error.at(self.file, row, self.layout)),
        };
        match result {
            Ok(()) => {
                self.lines.push(row.line);
                Ok(true)
            }
            Err(error) if self.decoder.on_bad_row == Then::Stop => Err(error),
            Err(error) => {
                self.bad.push(BadRow::new(error, row.text.as_bytes()));
                self.rows.rows.discard_row();
                Ok(false)
            }
        }
    }
}
