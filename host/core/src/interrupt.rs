//! Stopping: the interrupt that a caller passes in, and the stop that reaches every instance.

use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;
use wasmtime::EngineWeak;

/// Why a run is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Ctrl-C, `SIGINT`.
    Interrupt,
    /// `SIGTERM`.
    Terminate,
    /// The terminal went away, `SIGHUP`.
    HangUp,
}

impl Signal {
    /// The name of the signal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        }
    }
}

type Listener = Box<dyn Fn(Signal) + Send>;

/// A request to stop, shared between whoever asks and the run. Clones are the same interrupt; the library itself
/// never listens for signals. The default is an interrupt that nobody triggers.
#[derive(Clone, Default)]
pub struct Interrupt {
    state: Arc<Mutex<InterruptState>>,
}

#[derive(Default)]
struct InterruptState {
    signal: Option<Signal>,
    listeners: Vec<Listener>,
}

impl Interrupt {
    /// An interrupt that has not been triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every run that was given this interrupt to stop. Only the first call counts. It never blocks for longer
    /// than it takes to wake the runs, and may be made from any thread, but not from a signal handler itself.
    pub fn trigger(&self, signal: Signal) {
        let mut state = self.state.lock();
        if state.signal.is_none() {
            state.signal = Some(signal);
            let listeners = std::mem::take(&mut state.listeners);
            // All hear of it before anything is freed, which may have to wait for a thread that is allocating.
            for listener in &listeners {
                listener(signal);
            }
        }
    }

    /// What was asked for, if it was.
    pub fn signal(&self) -> Option<Signal> {
        self.state.lock().signal
    }

    /// Calls the listener when the interrupt is triggered; at once, if it has been.
    pub(crate) fn on_trigger(&self, listener: impl Fn(Signal) + Send + 'static) {
        let mut state = self.state.lock();
        match state.signal {
            Some(signal) => listener(signal),
            None => state.listeners.push(Box::new(listener)),
        }
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("signal", &self.signal()).finish_non_exhaustive()
    }
}

/// Why instances are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The caller asked for it.
    Signal(Signal),
    /// Another batch failed, so this one's result is of no use.
    Sibling,
}

/// Stops the instances of one run. Clones are the same stop.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    shared: Arc<StopState>,
}

#[derive(Default)]
struct StopState {
    reason: OnceLock<StopReason>,
    waiting: Notify,
    engines: Mutex<Vec<EngineWeak>>,
}

impl Stop {
    /// A stop of this engine's guests that the interrupt triggers at once.
    pub(crate) fn on(interrupt: &Interrupt, engine: &wasmtime::Engine) -> Self {
        let stop = Self::default();
        stop.reaches(engine);
        interrupt.on_trigger({
            let stop = stop.clone();
            move |signal| stop.stop(StopReason::Signal(signal))
        });
        stop
    }

    /// Makes guests of this engine notice the stop, wherever they are in their code.
    pub(crate) fn reaches(&self, engine: &wasmtime::Engine) {
        self.shared.engines.lock().push(engine.weak());
    }

    /// Stops every instance. The first reason stays.
    pub(crate) fn stop(&self, reason: StopReason) {
        if self.shared.reason.set(reason).is_ok() {
            // First, because it waits for nobody: guests that compute hold the cores, and perhaps a lock.
            self.raise_epoch();
            self.shared.waiting.notify_waiters();
        }
    }

    /// Makes guests that compute look at the stop. One that was looking at it just then has to be asked again: its next
    /// deadline may be counted from the epoch that was raised for it.
    pub(crate) fn raise_epoch(&self) {
        for engine in self.shared.engines.lock().iter() {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }

    /// Why to stop, if so.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        self.shared.reason.get().copied()
    }

    /// Waits until there is a reason to stop.
    pub(crate) async fn stopped(&self) -> StopReason {
        loop {
            let mut waiting = std::pin::pin!(self.shared.waiting.notified());
            // Registered before the look at the reason, so that a stop in between is not missed.
            waiting.as_mut().enable();
            if let Some(reason) = self.reason() {
                return reason;
            }
            waiting.await;
        }
    }
}
