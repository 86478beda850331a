//! The sandbox: one instance for one piece of work, with limits and a deadline and without permissions; then dropped.

mod classify;
mod clock;
mod deadline;
mod hints;
mod python;
mod session;
mod stack;

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;
use wasmtime::{CallHook, Engine, Store, UpdateDeadline};

use crate::component::Component;
use crate::engine::{Access, CapturedOutput, Guest, HOST_CALL_BYTES, State};
use crate::failure::Failure;
use crate::instance_log::InstanceLog;
use crate::interrupt::{POLL_INTERVAL, Stop, StopReason};
use crate::limits::Limits;
use crate::monitor::{Span, SpanKind};

pub(crate) use classify::{from_rejection, from_step_error};
pub(crate) use clock::RunningClock;
use deadline::Watchdog;
pub(crate) use session::Session;

/// Why the host ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Halt {
    /// The deadline of this call passed.
    #[error("the time limit passed")]
    Timeout,
    /// The run stops.
    #[error("the run stops")]
    Stopped(StopReason),
}

/// Creates instances. Lives as long as the engine, and is shared by all threads.
pub(crate) struct Sandbox {
    engine: Engine,
    watchdog: Watchdog,
    /// Whether the engine counts instructions.
    counts_fuel: bool,
}

/// The limits of one instance, its stop and its seed.
pub(crate) struct CallOptions<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) stop: &'a Stop,
    /// Seeds the guest's random numbers, so that a run can be repeated.
    pub(crate) seed: u64,
    /// The grants of the step.
    pub(crate) access: Option<&'a Arc<Access>>,
    /// Records or replays everything that is returned to the instance. `None` for neither.
    pub(crate) log: Option<&'a InstanceLog>,
    pub(crate) subject: CallSubject<'a>,
}

/// The function, step and rows of a call, for snapshots and traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallSubject<'a> {
    /// The function of the contract.
    pub(crate) function: &'static str,
    /// The step. `None` before it has a name.
    pub(crate) step: Option<&'a Arc<str>>,
    pub(crate) batch: Option<u64>,
    pub(crate) rows: Option<u64>,
}

impl CallSubject<'_> {
    /// A call of a function that is about no rows.
    pub(crate) fn function(function: &'static str) -> Self {
        Self { function, step: None, batch: None, rows: None }
    }

    fn span(&self) -> Span {
        Span::new(SpanKind::Call, self.function).step(self.step).batch(self.batch).rows(self.rows)
    }
}

impl Sandbox {
    /// Creates the sandbox, with a thread that watches deadlines.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn new(engine: Engine) -> io::Result<Self> {
        let watchdog = Watchdog::new(engine.weak())?;
        // The engine does not expose this. Tried once, since a refusal creates an error with a backtrace.
        let counts_fuel = Store::new(&engine, ()).set_fuel(0).is_ok();
        Ok(Self { engine, watchdog, counts_fuel })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the clock that stops while the process is stopped.
    pub(crate) fn clock(&self) -> Arc<RunningClock> {
        self.watchdog.clock()
    }

    /// Interrupts stopped guests repeatedly until the last has ended, without anyone waiting for them.
    pub(crate) fn see_out(&self) {
        self.watchdog.see_out();
    }

    /// Instantiates the component, runs `work` with the instance on this thread, and drops it. Returns the captured
    /// output with the answer.
    ///
    /// # Errors
    /// The failure that ended the call, without step and batch.
    pub(crate) fn call<R>(
        &self,
        component: &Component,
        terms: &CallOptions<'_>,
        work: impl AsyncFnOnce(&mut Store<State>, &mut Guest) -> wasmtime::Result<R>,
    ) -> Result<(R, CapturedOutput), Box<Failure>> {
        let mut session = Session::new(self, terms);
        let answer = session.call(self, component, terms, work)?;
        Ok((answer, session.into_captured()))
    }

    fn store(&self, terms: &CallOptions<'_>) -> Store<State> {
        let mut store = Store::new(&self.engine, State::new(terms.limits, terms.seed, terms.access, terms.log));
        store.limiter(|state| state.meter());
        bound_lifting(&mut store, terms.limits.output_bytes);
        let (stop, clock) = (terms.stop.clone(), self.watchdog.clock());
        store.epoch_deadline_callback(move |context| {
            // The epoch is incremented for every instance when one deadline passes, so most of the time another
            // instance is meant.
            if let Some(reason) = stop.reason() {
                return Err(Halt::Stopped(reason).into());
            }
            if context.data().deadline().is_some_and(|deadline| clock.now() >= deadline) {
                return Err(Halt::Timeout.into());
            }
            stack::give(&context);
            // The caller is asked outside of the guest's stack.
            Ok(if stop.has_poll() { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
        store
    }
}

/// Bounds the values that the host reads from a guest. Larger ones are refused before they are read, so that they take
/// neither memory nor time.
///
/// The bound for the arguments of host functions is smaller than the one for the results of exports: every call of a host
/// function may come just before the deadline, and nothing interrupts the host while it reads a text.
fn bound_lifting(store: &mut Store<State>, output_bytes: u64) {
    let result_bytes = usize::try_from(output_bytes).unwrap_or(usize::MAX).max(HOST_CALL_BYTES);
    let result_bytes = result_bytes.saturating_add(LIFT_OVERHEAD);
    store.set_hostcall_fuel(result_bytes);
    store.call_hook(move |mut context, transition| {
        if let Some(call) = context.data().monitored() {
            call.set_running(matches!(transition, CallHook::CallingWasm | CallHook::ReturningFromHost));
        }
        match transition {
            CallHook::CallingHost => context.set_hostcall_fuel(HOST_CALL_BYTES),
            // Comes before the result is read. Also after a host function has called `realloc`; the next host function
            // sets the other bound again.
            CallHook::ReturningFromWasm => context.set_hostcall_fuel(result_bytes),
            CallHook::CallingWasm | CallHook::ReturningFromHost => {}
        }
        Ok(())
    });
}

/// Waits for the call's result, the stop or the timeout, whichever comes first.
///
/// The call is polled first and mostly ends in that poll, without the other two being set up. A guest that computes
/// does not return from its poll; the epoch ends it.
async fn until_halted<R>(
    stop: &Stop,
    timeout: impl Future<Output = ()>,
    call: impl Future<Output = wasmtime::Result<R>>,
) -> wasmtime::Result<R> {
    let mut call = pin!(call);
    let mut stopped = pin!(stop.stopped());
    let mut timeout = pin!(timeout);
    let mut ticks = None;
    poll_fn(|cx| {
        if let Poll::Ready(result) = call.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if stop.has_poll() {
            stop.poll();
            let ticks = ticks.get_or_insert_with(|| tokio::time::interval(POLL_INTERVAL));
            while ticks.poll_tick(cx).is_ready() {}
        }
        if let Poll::Ready(reason) = stopped.as_mut().poll(cx) {
            return Poll::Ready(Err(Halt::Stopped(reason).into()));
        }
        if timeout.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // A wait of the guest that fails now has the guest's stack in its error.
        let ended = call.as_mut().poll(cx);
        if ended.is_ready() { ended } else { Poll::Ready(Err(Halt::Timeout.into())) }
    })
    .await
}

/// Waits on this thread for a time, or until a stop.
pub(crate) fn pause(stop: &Stop, time: Duration) {
    let waiting = async { until_halted(stop, tokio::time::sleep(time), pending::<wasmtime::Result<()>>()).await };
    // The caller checks the stop, so the reason is of no use here.
    let _ = THREAD.with(|runtime| runtime.block_on(waiting));
}

/// Waits on this thread for a future, or until a stop. Returns `None` if the stop came first.
pub(crate) fn wait<T>(stop: &Stop, coming: impl Future<Output = T>) -> Option<T> {
    let coming = async { Ok(coming.await) };
    THREAD.with(|runtime| runtime.block_on(until_halted(stop, pending(), coming))).ok()
}

/// Stands for "never" in arithmetic with instants.
const FAR_AWAY: Duration = Duration::from_hours(100 * 365 * 24);
/// Room for the records around the values that a guest returns.
const LIFT_OVERHEAD: usize = 1 << 20;

thread_local! {
    /// Drives the guests of this thread. It has no thread of its own.
    static THREAD: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O asks nothing of the system that can fail");
}
