//! `batch-rows`: how many rows make a batch.

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;

/// Rows in a batch where the file says nothing. An instance costs some 25 µs; shared by a thousand rows that is
/// nothing, while a batch of text rows still fits the processor's cache.
pub(crate) const DEFAULT_BATCH_ROWS: usize = 1000;

/// A million rows of a kilobyte each already fill a gigabyte; nothing is gained long before that.
const MAX_BATCH_ROWS: u64 = 1_000_000;

/// Reads `batch-rows`: 1 to 1,000,000, by default 1000.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<usize>> {
    let rows = table.take("batch-rows")?.integer(1..=MAX_BATCH_ROWS, context)?;
    Some(Located::new(rows.value as usize, rows.location))
}
