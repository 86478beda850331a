//! Outputs on their way from the tasks to the writer, and the bound on how many there are.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::interrupt::Stop;
use crate::sandbox;
use crate::stage::TaskOutput;

/// Items between the reader and the files, for each thread: one that is being processed, one that waits for a thread, and
/// one that waits to be written. With fewer, threads would wait for the reader or the writer.
const ITEMS_PER_THREAD: usize = 3;

/// The semaphore that bounds the memory of a run. A permit is held from before an item is read until its output is written.
pub(super) fn semaphore(threads: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(threads * ITEMS_PER_THREAD))
}

/// Waits for a permit. Returns `None` once the semaphore is closed or the run is stopped.
pub(super) fn acquire(semaphore: &Arc<Semaphore>, stop: &Stop) -> Option<OwnedSemaphorePermit> {
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
