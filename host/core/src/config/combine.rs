//! `combine`: how the rows of several parents become one.

use super::location::Located;
use super::parse_context::ParseContext;
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
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Combine>> {
    let choices = [("rows", Combine::Rows), ("columns", Combine::Columns)];
    table.take("combine")?.choice("combination", &choices, context)
}
