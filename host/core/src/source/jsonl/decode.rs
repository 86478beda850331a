//! Decodes chunks of JSON Lines and JSON.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::super::bad_row::BadRow;
use super::super::carried::Carried;
use super::super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, NumberCollector, RowPositions, TextLayout};
use super::super::error::SourceError;
use super::super::text::CheckedText;
use super::carry::{CarriedColumns, Carry};
use super::fast_path::FastPath;
use super::row::{RowBuilder, RowFormat};
use super::values::{JsonRow, is_blank, lines, values};
use crate::policy::Then;

/// Decodes JSON Lines and JSON.
#[derive(Debug)]
pub(crate) struct JsonDecoder {
    pub(crate) format: Arc<RowFormat>,
    /// The columns that may be carried as text.
    pub(crate) carried: Option<CarriedColumns>,
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
        let place = (first_line, bytes_before, first_row);
        if let Some(carried) = self.carried.as_ref().filter(|carried| carried.is_worth_trying()) {
            let decoded = self.carry(carried, (&chunk.file, chunk.rows), &bytes, place, layout.has_values);
            carried.count(decoded.is_some());
            if let Some(decoded) = decoded {
                return Ok((decoded, bad));
            }
        }
        let checked = CheckedText::new(&chunk.file, &bytes, (first_line, bytes_before), &layout, self.on_bad_row);
        let mut decoding = Decoding {
            decoder: self,
            file: &chunk.file,
            checked: &checked,
            layout: &layout,
            rows: RowBuilder::new(&self.format, chunk.rows, checked.text.len()),
            fast_path: FastPath::new(self.format.file_columns()),
            numbers: NumberCollector::default(),
            bad: &mut bad,
        };
        if layout.has_values {
            for (row, number) in values(&checked.text, (first_line, bytes_before)).zip(first_row..) {
                decoding.add(&row, number)?;
            }
        } else {
            for row in lines(&checked.text, first_line) {
                decoding.add(&row, row.line)?;
            }
        }
        let Decoding { rows, numbers, .. } = decoding;
        if let Some(error) = checked.error {
            return Err(error);
        }
        let positions = positions(numbers, Arc::clone(&chunk.file), layout.has_values);
        Ok((DecodedBatch { rows: rows.rows.finish(), positions, carried: None }, bad))
    }

    fn carrying(&self, columns: &[Range<usize>]) -> Option<Arc<dyn Decoder>> {
        let carried = CarriedColumns::new(self.format.file_columns(), columns)?;
        Some(Arc::new(Self { format: Arc::clone(&self.format), carried: Some(carried), on_bad_row: self.on_bad_row }))
    }
}

impl JsonDecoder {
    /// Decodes a chunk without the carried columns. `None` unless all of its rows have the common form. `place` is the number of the
    /// first line, the number of bytes before it, and the number of the first row.
    fn carry(
        &self,
        carried: &CarriedColumns,
        (file, rows): (&Arc<str>, usize),
        bytes: &Bytes,
        (first_line, bytes_before, first_row): (u64, u64, u64),
        has_values: bool,
    ) -> Option<DecodedBatch> {
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        let columns = &self.format.columns;
        let mut builders = columns.builders(rows, text.len(), |column| !carried.is_carried(column));
        let mut fast_path = FastPath::new(self.format.file_columns());
        let mut carry = Carry::new(carried, bytes, rows);
        let mut numbers = NumberCollector::default();
        let mut add = |row: &JsonRow<'_>, number: u64| {
            if is_blank(row.text.as_bytes()) {
                return Some(());
            }
            carry.start_line(row.start);
            if !fast_path.add_carrying(row.text, &mut builders, &mut carry) {
                return None;
            }
            if self.format.other_columns() > 0 {
                builders.last_mut()?.append_null();
            }
            numbers.push(number);
            Some(())
        };
        if has_values {
            values(text, (first_line, bytes_before))
                .zip(first_row..)
                .try_for_each(|(row, number)| add(&row, number))?;
        } else {
            lines(text, first_line).try_for_each(|row| add(&row, row.line))?;
        }
        let count = numbers.count();
        let positions = positions(numbers, Arc::clone(file), has_values);
        let rows = columns.finish(builders, count, |column| !carried.is_carried(column));
        Some(DecodedBatch { rows, positions, carried: Some(Carried::Text(carry.finish(bytes.clone()))) })
    }
}

/// Returns the positions of rows: of values by the numbers of the rows, or else by lines.
fn positions(numbers: NumberCollector, file: Arc<str>, has_values: bool) -> RowPositions {
    if has_values { numbers.rows(file) } else { numbers.lines(file) }
}

/// The state of decoding one chunk.
struct Decoding<'d> {
    decoder: &'d JsonDecoder,
    file: &'d Arc<str>,
    checked: &'d CheckedText<'d>,
    layout: &'d TextLayout,
    rows: RowBuilder<'d>,
    fast_path: FastPath<'d>,
    numbers: NumberCollector,
    bad: &'d mut Vec<BadRow>,
}

impl Decoding<'_> {
    /// Adds a row with this number, unless it is blank or rejected.
    fn add(&mut self, row: &JsonRow<'_>, number: u64) -> Result<(), SourceError> {
        let is_fast = self.checked.is_valid() && self.fast_path.add(row.text, &mut self.rows.rows.builders);
        if is_fast {
            self.rows.end_fast_row();
        } else if !self.add_with_parser(row)? {
            return Ok(());
        }
        self.numbers.push(number);
        Ok(())
    }

    /// Adds a row. Returns whether it was added, and not blank or rejected.
    fn add_with_parser(&mut self, row: &JsonRow<'_>) -> Result<bool, SourceError> {
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
            Ok(()) => Ok(true),
            Err(error) if self.decoder.on_bad_row == Then::Stop => Err(error),
            Err(error) => {
                self.bad.push(BadRow::new(error, row.text.as_bytes()));
                self.rows.rows.discard_row();
                Ok(false)
            }
        }
    }
}
