//! Rows between the steps of a task, and the input rows they come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::failure::RowPlace;
use crate::source::{Carried, LineOrRow, RowPositions};

/// Rows between two nodes of the plan. A clone shares the columns.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) columns: RecordBatch,
    pub(crate) origin: RowOrigins,
}

/// The origins of rows: all rows of one chunk of the input, or a selection of them.
///
/// Every row has an id within its task, which identifies the same row in several branches. The id is the index of the
/// row in the chunk, as long as no step created several rows from one. Such rows get new ids.
#[derive(Debug, Clone)]
pub(crate) struct RowOrigins {
    positions: RowPositions,
    /// The number of the chunk's first row in its input, from 0.
    first: u64,
    /// For every row, its index in the chunk; `None` if they are all rows of the chunk.
    rows: Option<Arc<[u32]>>,
    /// For every row, its id; `None` if it is the index in the chunk.
    ids: Option<Arc<[u32]>>,
    /// The next unused id in the task.
    fresh: Arc<AtomicU32>,
    /// Columns of the chunk that are not arrays, and null in the rows. They have the same names in all rows of the task.
    carried: Option<Arc<Carried>>,
}

impl RowOrigins {
    /// Creates the origins of all `count` rows of a chunk. `first` is the number of the first row in its input.
    pub(crate) fn new(positions: RowPositions, first: u64, count: usize) -> Self {
        Self { positions, first, rows: None, ids: None, fresh: Arc::new(AtomicU32::new(count as u32)), carried: None }
    }

    /// Adds the carried columns of the chunk.
    pub(crate) fn with_carried(self, carried: Option<Arc<Carried>>) -> Self {
        Self { carried, ..self }
    }

    /// Returns the columns that are not arrays, if there are any. Their rows are those of the chunk; see [`row`](Self::row).
    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.carried.as_deref()
    }

    /// Returns the origins of rows that a step created from these rows.
    pub(crate) fn select(&self, origins: &[u32]) -> Self {
        let ascends = origins.windows(2).all(|pair| pair[0] < pair[1]);
        let repeats = !ascends && {
            let mut sorted = origins.to_vec();
            sorted.sort_unstable();
            sorted.windows(2).any(|pair| pair[0] == pair[1])
        };
        let chosen = |from: &Option<Arc<[u32]>>| match from {
            None => Arc::from(origins),
            Some(from) => origins.iter().map(|origin| from[*origin as usize]).collect::<Arc<[u32]>>(),
        };
        let rows = Some(chosen(&self.rows));
        let ids = match &self.ids {
            _ if repeats => Some(self.new_ids(origins.len())),
            None => None,
            ids => Some(chosen(ids)),
        };
        Self { rows, ids, ..self.clone() }
    }

    /// Returns the origins of rows from several sets of the same chunk. Each row is given by the index of its set and
    /// its index in that set.
    pub(crate) fn gather(origins: &[&Self], chosen: &[(usize, usize)]) -> Self {
        let first = origins[0];
        let rows: Arc<[u32]> = chosen.iter().map(|(of, row)| origins[*of].row(*row) as u32).collect();
        let mut ids: Vec<u32> = chosen.iter().map(|(of, row)| origins[*of].id(*row)).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            ids = first.new_ids(chosen.len()).to_vec();
        }
        Self { rows: Some(rows), ids: Some(ids.into()), ..first.clone() }
    }

    fn new_ids(&self, count: usize) -> Arc<[u32]> {
        let start = self.fresh.fetch_add(count as u32, Ordering::Relaxed);
        (start..start.wrapping_add(count as u32)).collect()
    }

    /// Returns the index in the chunk for the row with this index.
    pub(crate) fn row(&self, index: usize) -> usize {
        self.rows.as_ref().map_or(index, |rows| rows[index] as usize)
    }

    /// Returns the id of the row with this index.
    pub(crate) fn id(&self, index: usize) -> u32 {
        match (&self.ids, &self.rows) {
            (Some(ids), _) => ids[index],
            (None, Some(rows)) => rows[index],
            (None, None) => index as u32,
        }
    }

    /// Returns the number of the row in its input, from 0. Rows created from one input row have the same number.
    pub(crate) fn number(&self, index: usize) -> u64 {
        self.first + self.row(index) as u64
    }

    /// Returns the position in the input of the row with this index.
    pub(crate) fn place(&self, index: usize) -> RowPlace {
        let row = match &self.rows {
            None => Some(index),
            Some(rows) => rows.get(index).map(|row| *row as usize),
        };
        let position = row.map(|row| self.positions.position(row));
        let (line, row) = match position.as_ref().map(|position| position.unit) {
            Some(LineOrRow::Line(line)) => (Some(line), None),
            Some(LineOrRow::Row(row)) => (None, Some(row)),
            None => (None, None),
        };
        RowPlace { index: index as u64, file: position.map(|position| position.file), line, row }
    }
}

impl Rows {
    pub(crate) fn count(&self) -> usize {
        self.columns.num_rows()
    }

    /// Returns no rows, with these columns.
    pub(crate) fn none(schema: SchemaRef, origin: &RowOrigins) -> Self {
        Self { columns: RecordBatch::new_empty(schema), origin: origin.select(&[]) }
    }

    /// Returns the position in the input of the row with this index, if there is such a row.
    pub(crate) fn place(&self, index: usize) -> Option<RowPlace> {
        (index < self.count()).then(|| self.origin.place(index))
    }
}
