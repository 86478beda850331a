//! Carried columns: values stay the text of the line, if that is how a sink writes them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::column::TextColumn;
use super::super::number::{Number, exact_float, parse_number};
use super::line_cursor::{Escapes, LineCursor, has_common_form};
use crate::data_type::DataType;
use crate::json::{CarriedGroup, CarriedText, write_serde, write_text};

/// The columns of a source that may be carried.
#[derive(Debug)]
pub(crate) struct CarriedColumns {
    pub(super) groups: Arc<[CarriedGroup]>,
    /// For each column that has a key, its place in its group; `None` if it is not carried.
    places: Vec<Option<PlaceInGroup>>,
    /// Numbers of chunks that could be carried, and could not.
    carried: AtomicUsize,
    missed: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct PlaceInGroup {
    is_first: bool,
    is_last: bool,
}

impl CarriedColumns {
    /// Creates the columns from ranges of the source's columns. `None` if lines with these columns are never carried.
    pub(super) fn new(columns: &[TextColumn], ranges: &[Range<usize>]) -> Option<Self> {
        if !columns.iter().all(has_common_form) {
            return None;
        }
        let ranges = ranges.iter().map(|range| range.start..range.end.min(columns.len()));
        let ranges: Vec<_> = ranges.filter(|range| !range.is_empty()).collect();
        let mut places = vec![None; columns.len()];
        for range in &ranges {
            for index in range.clone() {
                let (is_first, is_last) = (index == range.start, index + 1 == range.end);
                places[index] = Some(PlaceInGroup { is_first, is_last });
            }
        }
        let names = |range: Range<usize>| columns[range].iter().map(|column| column.name.as_str().into()).collect();
        let groups: Arc<[CarriedGroup]> = ranges.into_iter().map(names).collect();
        let (carried, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        (!groups.is_empty()).then_some(Self { groups, places, carried, missed })
    }

    /// Returns whether it is worth trying to carry the columns of another chunk. Lines that the parser has to read cost the time of
    /// an attempt, so an input with many of them ends the attempts.
    pub(super) fn is_worth_trying(&self) -> bool {
        self.missed.load(Ordering::Relaxed) < 3 + self.carried.load(Ordering::Relaxed) / 8
    }

    /// Counts an attempt.
    pub(super) fn count(&self, is_carried: bool) {
        let counter = if is_carried { &self.carried } else { &self.missed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn is_carried(&self, column: usize) -> bool {
        self.place(column).is_some()
    }

    #[inline]
    fn place(&self, column: usize) -> Option<PlaceInGroup> {
        self.places.get(column).copied().flatten()
    }
}

/// A key of a line, before its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'k> {
    /// The index of the column.
    pub(super) column: usize,
    pub(super) data_type: DataType,
    /// A comma and the key: `,"a":`.
    pub(super) text: &'k str,
    /// Its range in the line, without the comma, if it has no white space.
    pub(super) range: Option<(usize, usize)>,
}

/// Collects the carried columns of a chunk.
pub(super) struct Carry<'c> {
    columns: &'c CarriedColumns,
    chunk: &'c [u8],
    /// The index of the current line in the chunk.
    line_start: usize,
    /// The end of the group so far, if it is a range of the chunk.
    pending: Range<usize>,
    /// Where the rewritten text of the current group starts.
    group_start: usize,
    rewritten: Vec<u8>,
    ranges: Vec<(u32, u32)>,
    /// The last float, as sinks write it.
    number: Vec<u8>,
}

impl<'c> Carry<'c> {
    /// Starts a chunk of this many rows.
    pub(super) fn new(columns: &'c CarriedColumns, chunk: &'c [u8], rows: usize) -> Self {
        let ranges = Vec::with_capacity(rows * columns.groups.len());
        let (rewritten, number) = (Vec::new(), Vec::new());
        Self { columns, chunk, line_start: 0, pending: 0..0, group_start: 0, rewritten, ranges, number }
    }

    /// Starts a line at this index of the chunk.
    #[inline]
    pub(super) fn start_line(&mut self, start: usize) {
        self.line_start = start;
    }

    #[inline]
    pub(super) fn is_carried(&self, column: usize) -> bool {
        self.columns.is_carried(column)
    }

    /// Adds the key and the value at the cursor, if the column is carried. Returns whether it is, or `None` if the value does not have the
    /// type or not the common form, or if the texts of the chunk have too many bytes.
    #[inline]
    pub(super) fn add_column(&mut self, cursor: &mut LineCursor<'_>, key: Key<'_>) -> Option<bool> {
        let Some(place) = self.columns.place(key.column) else { return Some(false) };
        match key.range {
            Some((start, end)) => self.add(start - usize::from(!place.is_first), end),
            None => self.rewritten().extend_from_slice(&key.text.as_bytes()[usize::from(place.is_first)..]),
        }
        self.value(cursor, key.data_type)?;
        if place.is_last {
            self.end_group()?;
        }
        Some(true)
    }

    /// Reads a value and adds it in the form in which sinks write it. `None` if it does not have the type, or not the common form.
    fn value(&mut self, cursor: &mut LineCursor<'_>, data_type: DataType) -> Option<()> {
        let start = cursor.at();
        if data_type == DataType::Integer && cursor.short_integer().is_some() {
            self.add(start, cursor.at());
            return Some(());
        }
        if cursor.is_at_text()? {
            let text = if data_type == DataType::Text { cursor.text()? } else { return None };
            if text.escapes <= Escapes::AsWritten {
                self.add(start, cursor.at());
            } else {
                let text: String = serde_json::from_str(&cursor.line()[start..cursor.at()]).ok()?;
                write_text(self.rewritten(), &text);
            }
            return Some(());
        }
        let token = cursor.token()?;
        match (token, data_type) {
            ("null", _) | ("true" | "false", DataType::Boolean) => self.add(start, cursor.at()),
            (number, DataType::Integer) => match parse_number(number)? {
                Number::Integer(value) => write_serde(self.rewritten(), &value),
                _ => return None,
            },
            (number, DataType::Float) => {
                self.number.clear();
                write_serde(&mut self.number, &exact_float(number)?);
                if self.number == number.as_bytes() {
                    self.add(start, cursor.at());
                } else {
                    self.rewritten();
                    self.rewritten.extend_from_slice(&self.number);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Ends a group of columns. `None` if the texts of the chunk have too many bytes.
    #[inline]
    fn end_group(&mut self) -> Option<()> {
        let range = if self.rewritten.len() == self.group_start {
            self.pending.clone()
        } else {
            let rewritten = self.rewritten();
            let end = rewritten.len();
            let before = self.chunk.len();
            before + std::mem::replace(&mut self.group_start, end)..before + end
        };
        self.pending = 0..0;
        self.ranges.push((u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?));
        Some(())
    }

    /// Returns the texts of all columns that were added.
    pub(super) fn finish(self, chunk: bytes::Bytes) -> CarriedText {
        CarriedText::new(Arc::clone(&self.columns.groups), chunk, self.rewritten, self.ranges)
    }

    /// Adds a range of the line.
    #[inline]
    fn add(&mut self, start: usize, end: usize) {
        let (start, end) = (self.line_start + start, self.line_start + end);
        if self.pending.end == start {
            self.pending.end = end;
        } else {
            if !self.pending.is_empty() {
                self.rewritten();
            }
            self.pending = start..end;
        }
    }

    /// Returns the rewritten text with everything that was added to the group so far.
    fn rewritten(&mut self) -> &mut Vec<u8> {
        let pending = std::mem::replace(&mut self.pending, 0..0);
        self.rewritten.extend_from_slice(&self.chunk[pending]);
        &mut self.rewritten
    }
}
