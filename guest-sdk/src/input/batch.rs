use std::fmt;

use super::Input;
use crate::{Result, panic};

/// All rows of a batch, for a step that looks at more than one of them at a time.
///
/// `R` is the [`Input`] that its rows are read as.
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
/// /// Says which scores are above the mean of their batch.
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

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The columns: a struct with the fields of `R`.
    pub const fn columns(&self) -> &R::Columns<'a> {
        &self.columns
    }

    /// Reads a row, which a panic from now on is said to be about.
    ///
    /// # Errors
    /// A value doesn't fit the type of its field.
    ///
    /// # Panics
    /// There is no such row.
    pub fn row(&self, row: usize) -> Result<R::Row<'a>> {
        assert!(row < self.rows, "there is no row {row} in a batch of {}", self.rows);
        panic::at_row(row);
        R::read(&self.columns, row)
    }

    /// Reads all rows, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<R::Row<'a>>> {
        (0..self.rows).map(|row| self.row(row))
    }
}

impl<R: Input> fmt::Debug for Batch<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("rows", &self.rows).finish_non_exhaustive()
    }
}
