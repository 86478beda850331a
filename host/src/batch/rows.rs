//! Rows on the road, and where each comes from.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::failure::RowPlace;
use crate::source::{Positions, Unit};

/// Some rows between two nodes. A clone shares the columns.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) columns: RecordBatch,
    pub(crate) origin: Origin,
}

/// Where rows come from: the rows of one piece of the input, or a choice of them.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    positions: Positions,
    /// For every row, which row of the piece it was made of; none if they are all the rows of the piece.
    rows: Option<Vec<u32>>,
}

impl Origin {
    pub(crate) fn new(positions: Positions) -> Self {
        Self { positions, rows: None }
    }

    /// The origin of rows that a step made of these.
    pub(crate) fn select(&self, origins: &[u32]) -> Self {
        let rows = match &self.rows {
            None => origins.to_vec(),
            Some(rows) => origins.iter().map(|origin| rows[*origin as usize]).collect(),
        };
        Self { positions: self.positions.clone(), rows: Some(rows) }
    }

    /// Where the row with this index stands in the input.
    pub(crate) fn place(&self, index: usize) -> RowPlace {
        let row = match &self.rows {
            None => Some(index),
            Some(rows) => rows.get(index).map(|row| *row as usize),
        };
        let position = row.map(|row| self.positions.position(row));
        let (line, row) = match position.as_ref().map(|position| position.unit) {
            Some(Unit::Line(line)) => (Some(line), None),
            Some(Unit::Row(row)) => (None, Some(row)),
            None => (None, None),
        };
        RowPlace { index: index as u64, file: position.map(|position| position.file), line, row }
    }
}

impl Rows {
    pub(crate) fn count(&self) -> usize {
        self.columns.num_rows()
    }

    /// No rows, with these columns.
    pub(crate) fn none(schema: SchemaRef, origin: Origin) -> Self {
        Self { columns: RecordBatch::new_empty(schema), origin }
    }

    /// Where the row with this index stands in the input, if there is such a row.
    pub(crate) fn place(&self, index: usize) -> Option<RowPlace> {
        (index < self.count()).then(|| self.origin.place(index))
    }
}
