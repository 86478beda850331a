//! Outputs on their way from the tasks to the writer, and the bound on how many there are.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::interrupt::Stop;
use crate::monitor::{Span, SpanKind};
use crate::sandbox;
use crate::source::CHUNK_BYTES;
use crate::stage::TaskOutput;

/// Items between the reader and the files, for each thread: one that is being processed, one that waits for a thread, and
/// one that waits to be written. With fewer, threads would wait for the reader or the writer.
const ITEMS_PER_THREAD: usize = 3;
/// The permits of an item of the usual size. With small items there are up to so many times as many between the reader and the files:
/// the dispatcher takes their outputs in bursts, and threads would wait for it with fewer.
const PERMITS_PER_ITEM: u64 = 8;
/// The bytes for each of these permits.
const BYTES_PER_PERMIT: u64 = 32 << 10;

/// The wait of a reader that is ahead.
const READ_AHEAD: &str = "batches that were read before to be written";
/// The wait of a task whose item is small, while the outputs of others are large.
const LARGE_OUTPUTS: &str = "the outputs of other batches to be written";

/// Whether small items take fewer permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmallItems {
    /// They do. Tasks may wait for outputs to be written.
    Fewer,
    /// They take those of an item of the usual size.
    Usual,
}

/// The bound on the memory of a run. Permits are held from before an item is read until its output is written.
///
/// The output of a small item may be large. So if small items take fewer permits, no task begins while the outputs that wait to be
/// written are as many, by their size, as those of all items of the usual size but one for each thread.
pub(super) struct Permits {
    semaphore: Arc<Semaphore>,
    threads: usize,
    small_items: SmallItems,
    unwritten: Mutex<Unwritten>,
    written: Notify,
}

/// The outputs that wait to be written.
#[derive(Default)]
struct Unwritten {
    /// The permits that items of their size take.
    permits: u64,
    /// The number of the first item whose output is not written. Its task never waits.
    next: u64,
}

impl Permits {
    /// The permits of a run with so many threads.
    pub(super) fn new(threads: usize, small_items: SmallItems) -> Self {
        let semaphore = Arc::new(Semaphore::new(threads * ITEMS_PER_THREAD * PERMITS_PER_ITEM as usize));
        Self { semaphore, threads, small_items, unwritten: Mutex::default(), written: Notify::new() }
    }

    /// Waits for a permit. Returns `None` once they are closed or the run is stopped.
    pub(super) fn acquire(&self, stop: &Stop) -> Option<OwnedSemaphorePermit> {
        self.acquire_many(stop, 1)
    }

    /// Waits for as many permits as an item of this size takes, of which the caller has one. Once they are closed, one is enough: the item is
    /// the last one that was read. Returns `None` if the run is stopped.
    pub(super) fn acquire_rest(
        &self,
        stop: &Stop,
        mut permit: OwnedSemaphorePermit,
        bytes: Option<u64>,
    ) -> Option<OwnedSemaphorePermit> {
        let all = self.usual_items() as u64 * PERMITS_PER_ITEM;
        let rest = u32::try_from(self.permits_of(bytes).min(all) - 1).ok()?;
        match self.acquire_many(stop, rest) {
            Some(rest) => permit.merge(rest),
            None if stop.reason().is_some() => return None,
            None => {}
        }
        Some(permit)
    }

    fn acquire_many(&self, stop: &Stop, count: u32) -> Option<OwnedSemaphorePermit> {
        match Arc::clone(&self.semaphore).try_acquire_many_owned(count) {
            Ok(permits) => return Some(permits),
            Err(TryAcquireError::Closed) => return None,
            Err(TryAcquireError::NoPermits) => {}
        }
        let _wait = stop.monitor().begin(Span::new(SpanKind::Wait, READ_AHEAD));
        sandbox::wait(stop, Arc::clone(&self.semaphore).acquire_many_owned(count))?.ok()
    }

    /// Returns the number of permits of an item with so many bytes, if they are known. One that is larger than usual, because one row is,
    /// takes those of an item for each [`CHUNK_BYTES`].
    fn permits_of(&self, bytes: Option<u64>) -> u64 {
        match bytes {
            Some(bytes) if bytes > CHUNK_BYTES => bytes.div_ceil(CHUNK_BYTES) * PERMITS_PER_ITEM,
            Some(bytes) if self.small_items == SmallItems::Fewer => small_permits(bytes),
            _ => PERMITS_PER_ITEM,
        }
    }

    /// Waits until a task may begin with the item of this number, or until the run is stopped.
    pub(super) fn wait_for_room(&self, stop: &Stop, number: u64) {
        if self.has_room(number) {
            return;
        }
        let _wait = stop.monitor().begin(Span::new(SpanKind::Wait, LARGE_OUTPUTS).batch(number));
        let room = async {
            loop {
                let written = self.written.notified();
                if self.has_room(number) {
                    return;
                }
                written.await;
            }
        };
        // The task notices a stop itself.
        let _ = sandbox::wait(stop, room);
    }

    fn has_room(&self, number: u64) -> bool {
        let most = self.threads * (ITEMS_PER_THREAD - 1) * PERMITS_PER_ITEM as usize;
        let unwritten = self.unwritten.lock();
        self.small_items == SmallItems::Usual || unwritten.permits < most as u64 || number <= unwritten.next
    }

    /// Adds an output of this size to those that wait to be written, until the returned value is dropped.
    pub(super) fn add_output(self: &Arc<Self>, bytes: u64) -> UnwrittenOutput {
        let permits = small_permits(bytes);
        self.unwritten.lock().permits += permits;
        UnwrittenOutput { of: Arc::clone(self), permits }
    }

    /// Notes the number of the first item whose output is not written.
    pub(super) fn set_next(&self, number: u64) {
        self.unwritten.lock().next = number;
        self.written.notify_waiters();
    }

    /// Returns the largest number of items of the usual size between the reader and the files.
    pub(super) fn usual_items(&self) -> usize {
        self.threads * ITEMS_PER_THREAD
    }

    /// Lets the reader start no more tasks.
    pub(super) fn close(&self) {
        self.semaphore.close();
    }

    /// Returns whether the reader is to start no more tasks.
    pub(super) fn are_closed(&self) -> bool {
        self.semaphore.is_closed()
    }
}

/// Returns the number of permits for so many bytes, at most those of an item of the usual size.
fn small_permits(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_PERMIT).clamp(1, PERMITS_PER_ITEM)
}

/// An output that waits to be written, until this is dropped.
pub(super) struct UnwrittenOutput {
    of: Arc<Permits>,
    permits: u64,
}

impl Drop for UnwrittenOutput {
    fn drop(&mut self) {
        self.of.unwritten.lock().permits -= self.permits;
        self.of.written.notify_waiters();
    }
}

/// The output of one task, until it is written.
pub(super) struct InFlight {
    /// The number of the item in its stage.
    pub(super) batch: u64,
    pub(super) output: TaskOutput,
    /// Released when this is dropped.
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _unwritten: UnwrittenOutput,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many permits of two threads are left when an item of each size has some.
    fn left<const N: usize>(permits: &Permits, sizes: [Option<u64>; N]) -> [usize; N] {
        let stop = Stop::default();
        sizes.map(|bytes| {
            let permit = permits.acquire(&stop).expect("they are open");
            let _permit = permits.acquire_rest(&stop, permit, bytes).expect("they are open");
            permits.semaphore.available_permits()
        })
    }

    #[test]
    fn an_item_takes_permits_by_its_size() {
        let permits = Permits::new(2, SmallItems::Fewer);
        let small = [0, BYTES_PER_PERMIT, BYTES_PER_PERMIT + 1, CHUNK_BYTES].map(Some);
        assert_eq!(left(&permits, small), [47, 47, 46, 40]);
        let large = [CHUNK_BYTES + 1, 5 * CHUNK_BYTES, u64::MAX].map(Some);
        assert_eq!(left(&permits, large), [32, 8, 0]);
        assert_eq!(left(&permits, [None]), [40]);
        assert_eq!(permits.semaphore.available_permits(), 48);
        let permits = Permits::new(2, SmallItems::Usual);
        assert_eq!(left(&permits, [Some(0), Some(CHUNK_BYTES), Some(5 * CHUNK_BYTES)]), [40, 40, 8]);
    }

    #[test]
    fn no_task_but_the_next_begins_while_large_outputs_are_unwritten() {
        let permits = Arc::new(Permits::new(1, SmallItems::Fewer));
        let small: Vec<_> = (0..15).map(|_| permits.add_output(1)).collect();
        assert!(permits.has_room(9));
        let large = permits.add_output(u64::MAX);
        assert!(!permits.has_room(9) && permits.has_room(0));
        permits.set_next(9);
        assert!(permits.has_room(9) && !permits.has_room(10));
        drop(small);
        assert!(permits.has_room(10));
        drop(large);
        assert_eq!(permits.unwritten.lock().permits, 0);
    }

    #[test]
    fn a_task_begins_when_an_output_is_written() {
        let permits = Arc::new(Permits::new(1, SmallItems::Fewer));
        let outputs = [(); 2].map(|()| permits.add_output(u64::MAX));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| permits.wait_for_room(&Stop::default(), 5));
            drop(outputs);
            waits.join().unwrap();
        });
        let _outputs = [(); 2].map(|()| permits.add_output(u64::MAX));
        let stop = Stop::default();
        stop.stop(crate::interrupt::StopReason::Sibling);
        permits.wait_for_room(&stop, 5);
    }

    #[test]
    fn closed_permits_are_not_waited_for_and_the_last_item_needs_no_more() {
        let (permits, stop) = (Permits::new(1, SmallItems::Fewer), Stop::default());
        let permit = permits.acquire(&stop).expect("they are open");
        permits.close();
        assert!(permits.acquire(&stop).is_none());
        assert!(permits.acquire_rest(&stop, permit, None).is_some());
    }
}
