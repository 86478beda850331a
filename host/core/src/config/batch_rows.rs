//! `batch-rows`: the number of rows in a batch.

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;

/// The default number of rows in a batch. Creating an instance takes about 25 µs, which is negligible for a thousand
/// rows, while a batch of text rows still fits into the processor's cache.
pub(crate) const DEFAULT_BATCH_ROWS: usize = 1000;

/// The upper bound. A million rows of 1 kB fill 1 GB, and larger batches are no faster.
pub(super) const MAX_BATCH_ROWS: usize = 1_000_000;

/// Reads `batch-rows`: 1 to 1,000,000 rows.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<usize>> {
    let rows = table.take("batch-rows")?.integer(1..=MAX_BATCH_ROWS as u64, context)?;
    Some(Located::new(rows.value as usize, rows.location))
}
