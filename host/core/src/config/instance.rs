//! `concurrency`, `instance` and `cache`: the number of instances of a step, how long each lives, and whether its results
//! are cached.

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;

/// Whether the results of a step are cached for later runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CacheMode {
    /// Every run calls the step. The default.
    #[default]
    Off,
    /// The result for a batch is cached by the digest of the component, the parameters, the grants, the batch and the
    /// batch's number. If all of these are the same, the step is not called again. Failures are never cached. A result that
    /// depends on the clock is cached like any other.
    On,
    /// The step is called, and its requests by HTTP are answered with the responses of equal requests of earlier calls and runs.
    Responses,
}

/// How long an instance of a step lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum InstanceLife {
    /// One batch, so that no data passes from batch to batch. The default.
    #[default]
    Batch,
    /// All batches of its thread, until one of them fails. Saves instantiation and `bind`, at the cost of isolation
    /// between batches: a batch can see data of earlier ones, its random numbers depend on them, and `memory` and
    /// `log-bytes` limit the instance as a whole.
    Worker,
}

/// The largest number in a pipeline file. A run has at most 4 threads for each core, and each runs one instance at a time, so
/// larger numbers have no effect on machines with up to 64 cores. The bound does not depend on the machine, so that a
/// pipeline file is valid everywhere or nowhere.
const MAX_CONCURRENCY: u64 = 256;

/// Reads `concurrency`: 1 to 256. The default is the number of threads, and a larger number has no effect.
pub(super) fn read_concurrency(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<usize>> {
    let max = table.take("concurrency")?.integer(1..=MAX_CONCURRENCY, context)?;
    Some(Located::new(max.value as usize, max.location))
}

/// Reads `cache`: `false`, which is the default, `true`, or `"responses"`.
pub(super) fn read_cache(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<CacheMode>> {
    let entry = table.take("cache")?;
    if entry.is_string() {
        return entry.choice("mode", &[("responses", CacheMode::Responses)], context);
    }
    let on = entry.boolean(context)?;
    Some(Located::new(if on.value { CacheMode::On } else { CacheMode::Off }, on.location))
}

/// Reads `instance`: `"batch"`, which is the default, or `"worker"`.
pub(super) fn read_instance(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<InstanceLife>> {
    let choices = [("batch", InstanceLife::Batch), ("worker", InstanceLife::Worker)];
    table.take("instance")?.choice("life", &choices, context)
}
