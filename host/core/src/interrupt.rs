//! Cancellation: the interrupt by which a caller cancels, and the stop that every instance of a run shares.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use wasmtime::EngineWeak;

use crate::monitor::Monitor;
use crate::units::format_duration;

/// A signal that the operating system sends to stop a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Ctrl-C, `SIGINT`.
    Interrupt,
    /// `SIGTERM`.
    Terminate,
    /// The terminal went away, `SIGHUP`.
    HangUp,
    /// Ctrl-\, `SIGQUIT`.
    Quit,
}

impl Signal {
    /// The name of the signal. Windows has no name for Ctrl-C.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt if cfg!(windows) => "Ctrl-C",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
            Self::Quit => "SIGQUIT",
        }
    }

    /// The number of the signal, the same on all Unix systems. A shell reports a process that it ended as 128 plus this number.
    pub fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
        }
    }
}

/// Why a run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The process received a signal, which the program passed to [`Interrupt::trigger`].
    Signal(Signal),
    /// The program called [`Interrupt::cancel`] or [`Run::cancel`](crate::Run::cancel), or dropped the [`Run`](crate::Run).
    Program,
    /// The run reached its time limit: `time` of `[pipeline]`, or [`Overrides::time`](crate::Overrides::time).
    TimeLimit(Duration),
}

impl CancelReason {
    /// Returns the signal. `None` if there was none.
    pub fn signal(self) -> Option<Signal> {
        match self {
            Self::Signal(signal) => Some(signal),
            Self::Program | Self::TimeLimit(_) => None,
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "stopped by {}", signal.name()),
            Self::Program => f.write_str("cancelled by the program"),
            Self::TimeLimit(time) => write!(f, "stopped by the time limit of the run, {}", format_duration(*time)),
        }
    }
}

type CancelListener = Box<dyn Fn(CancelReason) + Send>;

/// Returns whether to cancel.
type Poll = Arc<dyn Fn() -> bool + Send + Sync>;

/// The interval at which a waiting thread asks its caller whether to cancel.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Cancels runs, builds and calls of steps. It is shared between the caller and everything that it was given to: clones are the
/// same interrupt. The library itself never listens for signals. The default is never triggered.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<Mutex<InterruptState>>,
    poll: Option<Poll>,
}

#[derive(Default)]
struct InterruptState {
    reason: Option<CancelReason>,
    listeners: Vec<CancelListener>,
}

impl Interrupt {
    /// Creates an interrupt that is not triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an interrupt that also asks `poll` whether to cancel, for callers that notice signals on their own thread only,
    /// as Python does. A [`BoundStep`](crate::BoundStep) calls it on the thread of the call, about every 20 ms, from the time at
    /// which the call has lasted for 20 ms.
    pub fn with_poll(poll: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { state: Arc::default(), poll: Some(Arc::new(poll)) }
    }

    /// Returns an interrupt that is triggered with this one, and can be triggered alone.
    pub(crate) fn child(&self) -> Self {
        let child = Self { state: Arc::default(), poll: self.poll.clone() };
        let state = Arc::downgrade(&child.state);
        self.on_trigger(move |reason| {
            if let Some(state) = state.upgrade() {
                Self { state, poll: None }.trigger_with(reason);
            }
        });
        child
    }

    /// Returns this interrupt without its function.
    pub(crate) fn without_poll(&self) -> Self {
        Self { state: Arc::clone(&self.state), poll: None }
    }

    /// Asks the function of [`with_poll`](Self::with_poll), and triggers the interrupt if it says so.
    pub(crate) fn poll(&self) {
        if self.poll.as_ref().is_some_and(|poll| poll()) {
            self.cancel();
        }
    }

    /// Cancels everything that was given this interrupt, because of a signal. Only the first call of this or of
    /// [`cancel`](Self::cancel) counts. It blocks no longer than it takes to wake the runs, and may be made from any thread, but
    /// not from a signal handler itself.
    pub fn trigger(&self, signal: Signal) {
        self.trigger_with(CancelReason::Signal(signal));
    }

    /// Cancels everything that was given this interrupt, without a signal. Otherwise as [`trigger`](Self::trigger).
    pub fn cancel(&self) {
        self.trigger_with(CancelReason::Program);
    }

    /// Cancels everything that was given this interrupt. Only the first reason counts.
    pub(crate) fn trigger_with(&self, reason: CancelReason) {
        let mut state = self.state.lock();
        if state.reason.is_none() {
            state.reason = Some(reason);
            let listeners = std::mem::take(&mut state.listeners);
            // All are called before anything is freed, which may have to wait for a thread that is allocating.
            for listener in &listeners {
                listener(reason);
            }
        }
    }

    /// Returns the reason, if the interrupt was triggered.
    pub fn reason(&self) -> Option<CancelReason> {
        self.state.lock().reason
    }

    /// Returns whether the interrupt was triggered.
    pub fn is_triggered(&self) -> bool {
        self.reason().is_some()
    }

    /// Calls the listener once when the interrupt is triggered; immediately if it was triggered before. The listener is
    /// called under a lock, on the thread that triggers, so it must not block or use this interrupt. It lives as long as
    /// the interrupt is not triggered.
    pub fn on_trigger(&self, listener: impl Fn(CancelReason) + Send + 'static) {
        let mut state = self.state.lock();
        match state.reason {
            Some(reason) => listener(reason),
            None => state.listeners.push(Box::new(listener)),
        }
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

/// The reason why instances are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The caller cancelled the run.
    Cancelled(CancelReason),
    /// Another batch failed, so the result of this one is not needed.
    Sibling,
}

/// Stops the instances of one run, and knows the monitor that shows them. Clones are the same stop.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    shared: Arc<StopState>,
    monitor: Monitor,
}

#[derive(Default)]
struct StopState {
    reason: OnceLock<StopReason>,
    waiting: Notify,
    engines: Mutex<Vec<EngineWeak>>,
    /// Asked on the threads that wait for a call.
    poll: Option<Poll>,
}

impl Stop {
    /// Creates a stop for guests that a monitor shows. Nothing triggers it yet.
    pub(crate) fn with_monitor(monitor: &Monitor) -> Self {
        Self { shared: Arc::default(), monitor: monitor.clone() }
    }

    /// Returns the same stop, for guests that another monitor shows.
    pub(crate) fn monitored(&self, monitor: &Monitor) -> Self {
        Self { shared: Arc::clone(&self.shared), monitor: monitor.clone() }
    }

    /// Creates a stop for this engine's guests that the interrupt triggers at once.
    pub(crate) fn on(interrupt: &Interrupt, engine: &wasmtime::Engine) -> Self {
        Self::on_monitored(interrupt, engine, &Monitor::default())
    }

    /// As [`on`](Self::on), for guests that a monitor shows.
    pub(crate) fn on_monitored(interrupt: &Interrupt, engine: &wasmtime::Engine, monitor: &Monitor) -> Self {
        let state = StopState { poll: interrupt.poll.clone(), ..StopState::default() };
        let stop = Self { shared: Arc::new(state), monitor: monitor.clone() };
        stop.reaches(engine);
        interrupt.on_trigger({
            let stop = stop.clone();
            move |reason| stop.stop(StopReason::Cancelled(reason))
        });
        stop
    }

    /// Makes the stop reach guests of this engine while they compute.
    pub(crate) fn reaches(&self, engine: &wasmtime::Engine) {
        self.shared.engines.lock().push(engine.weak());
    }

    /// Returns the monitor that shows the guests.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Stops every instance. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        if self.shared.reason.set(reason).is_ok() {
            // First, because it waits for no lock: guests that compute occupy the cores, and perhaps hold one.
            self.raise_epoch();
            self.shared.waiting.notify_waiters();
        }
    }

    /// Makes guests that compute check the stop. A guest that was checking it just then has to be interrupted again:
    /// its next deadline may be counted from the incremented epoch.
    pub(crate) fn raise_epoch(&self) {
        for engine in self.shared.engines.lock().iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }

    /// Whether the caller wants to be asked.
    pub(crate) fn has_poll(&self) -> bool {
        self.shared.poll.is_some()
    }

    /// Asks the caller whether to stop, and does so.
    pub(crate) fn poll(&self) {
        if self.shared.poll.as_ref().is_some_and(|poll| poll()) {
            self.stop(StopReason::Cancelled(CancelReason::Program));
        }
    }

    /// Returns the reason, if the stop was triggered.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        self.shared.reason.get().copied()
    }

    /// Waits until there is a reason to stop.
    pub(crate) async fn stopped(&self) -> StopReason {
        loop {
            let mut waiting = std::pin::pin!(self.shared.waiting.notified());
            // Registered before the reason is read, so that a stop in between is not missed.
            waiting.as_mut().enable();
            if let Some(reason) = self.reason() {
                return reason;
            }
            waiting.await;
        }
    }
}
