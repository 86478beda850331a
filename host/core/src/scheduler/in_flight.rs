//! Outputs on their way from the tasks to the writer, and the bound on how many there are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::interrupt::Stop;
use crate::monitor::{Span, SpanKind};
use crate::sandbox;
use crate::source::CHUNK_BYTES;
use crate::stage::TaskOutput;

/// Items between the reader and the files, for each thread: one that is being processed, one that waits for a thread, and
/// one that waits to be written. With fewer, threads would wait for the reader or the writer.
const ITEMS_PER_THREAD: usize = 3;

/// The wait of a reader that is ahead.
const READ_AHEAD: &str = "batches that were read before to be written";

/// The semaphore that bounds the memory of a run. A permit is held from before an item is read until its output is written. An item
/// that is larger than usual, because one row is, takes a permit for each [`CHUNK_BYTES`].
pub(super) fn semaphore(threads: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(threads * ITEMS_PER_THREAD))
}

/// Waits for as many permits as an item of this size takes, of which the caller has one. Returns `None` once the semaphore is closed or
/// the run is stopped.
pub(super) fn acquire_rest(
    semaphore: &Arc<Semaphore>,
    threads: usize,
    stop: &Stop,
    mut permit: OwnedSemaphorePermit,
    bytes: u64,
) -> Option<OwnedSemaphorePermit> {
    let all = u64::try_from(threads * ITEMS_PER_THREAD).unwrap_or(u64::MAX);
    let rest = bytes.div_ceil(CHUNK_BYTES).clamp(1, all) - 1;
    if rest > 0 {
        let rest = Arc::clone(semaphore).acquire_many_owned(u32::try_from(rest).ok()?);
        let _wait = stop.monitor().begin(Span::new(SpanKind::Wait, READ_AHEAD));
        permit.merge(sandbox::wait(stop, rest)?.ok()?);
    }
    Some(permit)
}

/// Waits for a permit. Returns `None` once the semaphore is closed or the run is stopped.
pub(super) fn acquire(semaphore: &Arc<Semaphore>, stop: &Stop) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(semaphore).try_acquire_owned() {
        return Some(permit);
    }
    let _wait = stop.monitor().begin(Span::new(SpanKind::Wait, READ_AHEAD));
    sandbox::wait(stop, Arc::clone(semaphore).acquire_owned())?.ok()
}

/// The output of one task, until it is written.
pub(super) struct InFlight {
    /// The number of the item in its stage.
    pub(super) batch: u64,
    pub(super) output: TaskOutput,
    /// Released when this is dropped.
    pub(super) _permit: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_item_takes_a_permit_for_each_usual_size() {
        let semaphore = semaphore(2);
        let stop = Stop::default();
        let left_with = |bytes| {
            let permit = acquire(&semaphore, &stop).expect("it is open");
            let permit = acquire_rest(&semaphore, 2, &stop, permit, bytes).expect("it is open");
            let left = semaphore.available_permits();
            drop(permit);
            left
        };
        let left = [0, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES, u64::MAX].map(left_with);
        assert_eq!(left, [5, 5, 4, 1, 0]);
        assert_eq!(semaphore.available_permits(), 6);
    }
}
