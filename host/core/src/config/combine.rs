//! `combine`: how the rows of several parents become one.

use super::check::Check;
use super::place::Placed;
use super::table::Table;

/// How the rows of several parents become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    /// One after the other, in the order of the input: the parents have the same columns.
    Rows,
    /// Side by side: the parents have the same rows.
    Columns,
}

/// Reads `combine`. Left out, there can be only one parent.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<Placed<Combine>> {
    let choices = [("rows", Combine::Rows), ("columns", Combine::Columns)];
    table.take("combine")?.choice("combination", &choices, check)
}
