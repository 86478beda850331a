//! `concurrency` and `instance`: how many instances of a step there are at once, and how long each lives.

use super::check::Check;
use super::place::Placed;
use super::table::Table;

/// How long an instance of a step lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum InstanceLife {
    /// For one batch, so that nothing gets from batch to batch. The default.
    #[default]
    Batch,
    /// For as many batches as come to its thread, until one of them fails. It saves making an instance and binding it,
    /// and gives up that a batch cannot see what others left behind, that a batch always gets the same random numbers,
    /// and that its log is its own; `memory` and `log-bytes` hold for the instance as a whole.
    Worker,
}

/// More than there are threads is no limit.
const MOST_CONCURRENCY: u64 = 256;

/// Reads `concurrency`: 1 to 256, by default as many as there are threads.
pub(super) fn read_concurrency(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<Placed<usize>> {
    let most = table.take("concurrency")?.integer(1..=MOST_CONCURRENCY, check)?;
    Some(Placed::new(most.value as usize, most.place))
}

/// Reads `instance`: `"batch"`, which is the default, or `"worker"`.
pub(super) fn read_instance(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<Placed<InstanceLife>> {
    let choices = [("batch", InstanceLife::Batch), ("worker", InstanceLife::Worker)];
    table.take("instance")?.choice("life", &choices, check)
}
