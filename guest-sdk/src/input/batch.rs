use std::fmt;

use super::Input;
use crate::{Result, panic};

/// All rows of a batch, for a step that processes more than one row at a time.
///
/// `R` is the [`Input`] type of the rows.
///
/// ```
/// use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};
///
/// #[derive(Input)]
/// struct Row {
///     score: f64,
/// }
///
/// #[derive(Output)]
/// struct Ranked {
///     above_mean: bool,
/// }
///
/// /// Marks the scores that are above the mean of their batch.
/// #[step]
/// fn above_mean(batch: Batch<'_, Row>) -> Result<Rows<Ranked>> {
///     let scores = batch.columns().score.values();
///     let mean = scores.iter().sum::<f64>() / scores.len() as f64;
///     let mut rows = Rows::with_capacity(batch.len());
///     for score in scores {
///         rows.push(Ranked { above_mean: *score > mean })?;
///     }
///     Ok(rows)
/// }
/// ```
pub struct Batch<'a, R: Input> {
    columns: R::Columns<'a>,
    rows: usize,
}

impl<'a, R: Input> Batch<'a, R> {
    pub(crate) const fn new(columns: R::Columns<'a>, rows: usize) -> Self {
        Self { columns, rows }
    }

    /// Returns the number of rows.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether the batch has no rows.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the columns: a struct with the fields of `R`.
    pub const fn columns(&self) -> &R::Columns<'a> {
        &self.columns
    }

    /// Reads a row. A later panic is reported with the index of the last row that was read.
    ///
    /// # Errors
    /// A value does not fit into the type of its field.
    ///
    /// # Panics
    /// The index is out of range.
    pub fn row(&self, row: usize) -> Result<R::Row<'a>> {
        assert!(row < self.rows, "row {row} is out of range: the batch has {} rows", self.rows);
        panic::set_row(row);
        R::read(&self.columns, row)
    }

    /// Reads all rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<R::Row<'a>>> {
        (0..self.rows).map(|row| self.row(row))
    }
}

impl<R: Input> fmt::Debug for Batch<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("rows", &self.rows).finish_non_exhaustive()
    }
}
