//! `combine`: how the rows of several parents are combined.

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;

/// How the rows of several parents are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    /// Appended, in the order of the input. The parents have the same columns.
    Rows,
    /// Joined side by side. The parents have the same rows.
    Columns,
}

/// Reads `combine`: `"rows"` or `"columns"`. Required for more than one parent.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Combine>> {
    let choices = [("rows", Combine::Rows), ("columns", Combine::Columns)];
    table.take("combine")?.choice("combination", &choices, context)
}
