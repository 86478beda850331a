//! The deadline of a call, which moves while the call waits for a model.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use parking_lot::Mutex;

/// The deadline of a call. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct CallDeadline(Arc<Mutex<DeadlineState>>);

#[derive(Debug)]
struct DeadlineState {
    at: Instant,
    /// Waits that have not ended.
    waits: u32,
    /// Whether the host ends the call, which is past its deadline.
    is_over: bool,
}

/// The error of a wait that the deadline of the call ended. It carries the stack of the guest.
#[derive(Debug, thiserror::Error)]
#[error("the time limit passed during a wait")]
pub(crate) struct DeadlinePassed;

/// A wait that does not count. It ends when this is dropped.
pub(super) struct UncountedWait {
    deadline: CallDeadline,
    since: Instant,
}

impl CallDeadline {
    pub(crate) fn new(at: Instant) -> Self {
        Self(Arc::new(Mutex::new(DeadlineState { at, waits: 0, is_over: false })))
    }

    /// Returns the deadline, or `None` while a wait moves it.
    pub(crate) fn get(&self) -> Option<Instant> {
        let state = self.0.lock();
        (state.waits == 0).then_some(state.at)
    }

    /// Ends the call: its waits fail when they are polled next.
    pub(crate) fn pass(&self) {
        self.0.lock().is_over = true;
    }

    /// Returns the result of a wait.
    ///
    /// # Errors
    /// [`DeadlinePassed`], when [`pass`](Self::pass) was called.
    pub(super) async fn or_passed<T>(&self, wait: impl Future<Output = T>) -> Result<T, DeadlinePassed> {
        let mut wait = pin!(wait);
        poll_fn(
            |cx| if self.0.lock().is_over { Poll::Ready(Err(DeadlinePassed)) } else { wait.as_mut().poll(cx).map(Ok) },
        )
        .await
    }

    /// Starts a wait that does not count.
    pub(super) fn wait(&self) -> UncountedWait {
        self.0.lock().waits += 1;
        UncountedWait { deadline: self.clone(), since: Instant::now() }
    }
}

impl Drop for UncountedWait {
    fn drop(&mut self) {
        let mut state = self.deadline.0.lock();
        state.waits -= 1;
        state.at += self.since.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_moves_the_deadline() {
        let at = Instant::now();
        let deadline = CallDeadline::new(at);
        assert_eq!(deadline.get(), Some(at));
        let wait = deadline.wait();
        assert_eq!(deadline.get(), None);
        drop(wait);
        assert!(deadline.get().is_some_and(|moved| moved > at));
    }
}
