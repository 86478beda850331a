//! Runs the rows of a batch at the same time, in one thread: while one waits for the host, others continue.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::function::finish_rows;
use super::{inputs, signature};
use crate::contract::{self, Signature};
use crate::input::Input;
use crate::input::opener::Opener;
use crate::output::{IntoRows, OriginScope, Rows};
use crate::parameters::Parameters;
use crate::received::ReceivedBatch;
use crate::{Result, panic};

/// Whether a future can continue.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end on this thread.
///
/// # Panics
/// The future waits for something that never comes.
#[cfg(feature = "http")]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let flag = Flag::new();
    let waker = Waker::from(Arc::clone(&flag));
    let mut future = std::pin::pin!(future);
    loop {
        if flag.take() {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        } else {
            wait();
        }
    }
}

/// Waits until a future can continue.
fn wait() {
    #[cfg(feature = "http")]
    let is_waiting = crate::http::wait_for_any();
    #[cfg(not(feature = "http"))]
    let is_waiting = false;
    assert!(is_waiting, "a future waits for something other than the host, which never comes");
}

/// A row in progress.
struct Running<'f, M> {
    row: usize,
    flag: Arc<Flag>,
    future: Pin<Box<dyn Future<Output = Result<M>> + 'f>>,
}

impl<M> Running<'_, M> {
    /// Runs the row until it waits or ends. Returns `None` if it has nothing to continue with.
    fn poll(&mut self) -> Option<Poll<Result<M>>> {
        if !self.flag.take() {
            return None;
        }
        panic::set_row(self.row);
        let waker = Waker::from(Arc::clone(&self.flag));
        Some(self.future.as_mut().poll(&mut Context::from_waker(&waker)))
    }
}

/// Returns the columns of an `async` function that takes a row. The function is passed only for its type.
pub fn async_rows_signature<'a, P, R, F, M>(parameters: &'a P, _: impl Fn(&'a P, R) -> F) -> Result<Signature>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    F: Future<Output = Result<M>>,
    M: IntoRows,
{
    signature::<P, R, M::Output>(parameters)
}

/// Calls an `async` function for each row of a batch, for at most `concurrency` rows at a time. The output has the order of the
/// rows.
pub fn async_rows<'a, P, R, F, M>(
    parameters: &'a P,
    received: ReceivedBatch<'a>,
    concurrency: usize,
    function: impl Fn(&'a P, R) -> F,
) -> Result<contract::Output>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    F: Future<Output = Result<M>> + 'a,
    M: IntoRows + 'a,
{
    let columns = R::open(&mut Opener::new(received, inputs::<P, R>(parameters)?))?;
    let all = received.batch.rows as usize;
    let mut results: Vec<Option<Result<M>>> = (0..all).map(|_| None).collect();
    let mut running: Vec<Running<'a, M>> = Vec::with_capacity(concurrency.min(all));
    let mut next = 0;
    while next < all || !running.is_empty() {
        while next < all && running.len() < concurrency {
            panic::set_row(next);
            match R::read(&columns, next) {
                Ok(row) => {
                    let future = Box::pin(function(parameters, row));
                    running.push(Running { row: next, flag: Flag::new(), future });
                }
                Err(error) => results[next] = Some(Err(error)),
            }
            next += 1;
        }
        let before = running.len();
        let mut any_polled = false;
        running.retain_mut(|running| {
            let polled = running.poll();
            any_polled |= polled.is_some();
            let Some(Poll::Ready(result)) = polled else { return true };
            results[running.row] = Some(result);
            false
        });
        panic::clear_row();
        if !any_polled && before > 0 {
            wait();
        }
    }
    let mut rows = Rows::<M::Output>::with_capacity(all);
    for (row, result) in results.into_iter().enumerate() {
        panic::set_row(row);
        let before = rows.len();
        let Some(result) = result else { continue };
        if let Err(error) = result.and_then(|result| result.add_to(&mut rows, row)) {
            rows.truncate(before);
            rows.reject(row, error);
        }
    }
    finish_rows(rows, parameters, OriginScope::Batch(all))
}
