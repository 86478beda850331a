//! `concurrency` and `instance`: how many instances of a step there are at once, and how long each lives.

use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;

/// Whether what a step makes is kept for later runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CacheMode {
    /// It is called in every run. The default.
    #[default]
    Off,
    /// What it makes of a batch is kept under the digest of the component, the parameters, what is granted, the batch and its
    /// number. Where all of these are the same, it is not called again. Failures and what may pass at another try are never
    /// kept. What a step makes of the clock is kept like anything else.
    On,
}

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

/// The largest number in a pipeline file. A run has at most 4 threads for each core, and each runs one instance at a time, so
/// larger numbers have no effect on machines with up to 64 cores. The bound does not depend on the machine, so that a
/// pipeline file is valid everywhere or nowhere.
const MAX_CONCURRENCY: u64 = 256;

/// Reads `concurrency`: 1 to 256. The default is the number of threads, and a larger number has no effect.
pub(super) fn read_concurrency(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<usize>> {
    let max = table.take("concurrency")?.integer(1..=MAX_CONCURRENCY, context)?;
    Some(Located::new(max.value as usize, max.location))
}

/// Reads `cache`: `false`, which is the default, or `true`.
pub(super) fn read_cache(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<CacheMode>> {
    let keeps = table.take("cache")?.boolean(context)?;
    Some(Located::new(if keeps.value { CacheMode::On } else { CacheMode::Off }, keeps.location))
}

/// Reads `instance`: `"batch"`, which is the default, or `"worker"`.
pub(super) fn read_instance(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<InstanceLife>> {
    let choices = [("batch", InstanceLife::Batch), ("worker", InstanceLife::Worker)];
    table.take("instance")?.choice("life", &choices, context)
}
