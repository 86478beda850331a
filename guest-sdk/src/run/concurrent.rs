//! Runs the rows of a batch at the same time, in one thread: while one waits for the host, others continue.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
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
    let mut future = pin!(future);
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

thread_local! {
    /// Sends what futures wait for.
    static ON_WAIT: Cell<Option<fn() -> bool>> = const { Cell::new(None) };
}

/// Sets the function that is called when no future can continue. It returns whether any can now. It is set by what needs it, so that
/// other components do not contain it.
pub(crate) fn on_wait(function: fn() -> bool) {
    ON_WAIT.set(Some(function));
}

/// Waits until a future can continue.
fn wait() {
    if ON_WAIT.get().is_some_and(|send| send()) {
        return;
    }
    #[cfg(feature = "http")]
    let is_waiting = crate::http::wait_for_any();
    #[cfg(not(feature = "http"))]
    let is_waiting = false;
    assert!(is_waiting, "a future waits for something other than the host, which never comes");
}

/// A future in progress.
struct Running<F> {
    index: usize,
    flag: Arc<Flag>,
    future: Pin<Box<F>>,
}

impl<F: Future> Running<F> {
    /// Runs the future until it waits or ends. Returns `None` if it has nothing to continue with.
    fn poll(&mut self) -> Option<Poll<F::Output>> {
        if !self.flag.take() {
            return None;
        }
        let waker = Waker::from(Arc::clone(&self.flag));
        Some(self.future.as_mut().poll(&mut Context::from_waker(&waker)))
    }
}

/// Runs futures at the same time on this thread, at most `concurrency` of them (at least 1), and returns their outputs in the
/// order of the futures. The next future is taken from the iterator when there is room for it.
///
/// # Panics
/// A future waits for something other than a request.
#[cfg_attr(not(feature = "http"), allow(unreachable_pub, reason = "it is public with that feature"))]
pub fn join_all<F: Future>(concurrency: usize, futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures = futures.into_iter().fuse();
    let mut outputs: Vec<Option<F::Output>> = Vec::with_capacity(futures.size_hint().0);
    let mut running: Vec<Running<F>> = Vec::new();
    loop {
        while running.len() < concurrency.max(1)
            && let Some(future) = futures.next()
        {
            running.push(Running { index: outputs.len(), flag: Flag::new(), future: Box::pin(future) });
            outputs.push(None);
        }
        if running.is_empty() {
            return outputs.into_iter().map(|output| output.expect("every future has ended")).collect();
        }
        let mut any_polled = false;
        running.retain_mut(|running| {
            let polled = running.poll();
            any_polled |= polled.is_some();
            let Some(Poll::Ready(output)) = polled else { return true };
            outputs[running.index] = Some(output);
            false
        });
        if !any_polled {
            wait();
        }
    }
}

/// Runs a future, whose panics are those of a row.
async fn in_row<F: Future>(row: usize, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        panic::set_row(row);
        let polled = future.as_mut().poll(context);
        panic::clear_row();
        polled
    })
    .await
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
    let (columns, function) = (&columns, &function);
    let results = join_all(
        concurrency,
        (0..all).map(|row| in_row(row, async move { function(parameters, R::read(columns, row)?).await })),
    );
    let mut rows = Rows::<M::Output>::with_capacity(all);
    for (row, result) in results.into_iter().enumerate() {
        panic::set_row(row);
        let before = rows.len();
        if let Err(error) = result.and_then(|result| result.add_to(&mut rows, row)) {
            rows.truncate(before);
            rows.reject(row, error);
        }
    }
    finish_rows(rows, parameters, OriginScope::Batch(all))
}
