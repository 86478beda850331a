//! Signals: the first one stops the run, the second one ends the process immediately. SIGUSR1 shows what the run does, and SIGQUIT
//! does both. One that was ignored when the process began stays ignored.

mod disposition;
mod snapshots;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use signal_hook::consts::{SIGABRT, SIGCONT, SIGHUP, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::low_level::exit;
use signal_hook::{flag, iterator};
use stillbox::{CleanupRegistry, Interrupt, Signal};

use crate::exit_code::Exit;
use crate::final_message;
use disposition::is_ignored;
pub(crate) use snapshots::{Snapshots, Viewer};

/// The time in which a run has to stop after the grace period. A run needs 60 ms at most, unless it is blocked on
/// a full pipe that is not read. A signal has to end the process within 100 ms.
const GOOD_ORDER: Duration = Duration::from_millis(75);

/// The time in which the same signal again is no second one: `timeout` sends its signal to the command, and then to the process group
/// of the command.
const REPEATED: Duration = Duration::from_millis(100);

/// The interrupt that signals trigger. Lives as long as the process.
pub(crate) struct Signals {
    interrupt: Interrupt,
    cleanup: CleanupRegistry,
    patience: Arc<OnceLock<Patience>>,
    snapshots: Snapshots,
}

/// The time that a command has to stop after the interrupt was triggered.
enum Patience {
    /// No limit: the command stops by itself.
    Unbounded,
    /// The command stops within `grace` and `GOOD_ORDER` after a signal. The first cause that is sent starts the time after which
    /// a thread ends the process.
    Bounded { causes: SyncSender<(TerminationCause, Duration)>, grace: Duration },
}

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TerminationCause {
    Signal(Signal),
    TimeLimit,
}

impl TerminationCause {
    fn name(self) -> &'static str {
        match self {
            Self::Signal(signal) => signal.name(),
            Self::TimeLimit => "the time limit of the run",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Signal(signal) => Exit::Stopped(signal),
            Self::TimeLimit => Exit::TimeLimit,
        }
    }
}

/// Ends the process soon, if it does not end by itself: for a run whose time is over.
#[derive(Clone)]
pub(crate) struct LastCall(Arc<OnceLock<Patience>>);

impl LastCall {
    /// Starts the time that the command has to stop.
    pub(crate) fn time_limit_passed(&self) {
        if let Some(Patience::Bounded { causes, .. }) = self.0.get() {
            let _ = causes.try_send((TerminationCause::TimeLimit, GOOD_ORDER));
        }
    }
}

impl Signals {
    /// Installs the signal handlers. If that fails, signals have their default effect: they end the process.
    pub(crate) fn listen() -> Self {
        let signals = Self {
            interrupt: Interrupt::new(),
            cleanup: CleanupRegistry::new(),
            patience: Arc::new(OnceLock::new()),
            snapshots: Snapshots::start(),
        };
        let receiver = Arc::new(Receiver {
            interrupt: signals.interrupt.clone(),
            cleanup: signals.cleanup.clone(),
            patience: Arc::clone(&signals.patience),
            snapshots: signals.snapshots.clone(),
            order: Mutex::new(()),
            first: OnceLock::new(),
            is_quitting: AtomicBool::new(false),
        });
        listen_to_ctrl_c(Arc::clone(&receiver));
        listen_to_others(receiver);
        // With a handler, a write beyond the limit on file sizes returns an error instead of ending the process. The
        // same holds if the signal is ignored.
        if !is_ignored(SIGXFSZ)
            && let Err(error) = flag::register(SIGXFSZ, Arc::default())
        {
            tracing::warn!("cannot listen for SIGXFSZ: {error}");
        }
        exit_on_abort();
        signals
    }

    /// Returns the interrupt for a command that stops by itself once it is triggered. Until this or
    /// [`interrupt_within`](Self::interrupt_within) is called, a signal ends the process immediately.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.patience.get_or_init(|| Patience::Unbounded);
        self.interrupt.clone()
    }

    /// Returns the interrupt for a command that stops within `grace` and `GOOD_ORDER`. If it takes longer, the process
    /// ends without it.
    pub(crate) fn interrupt_within(&self, grace: Duration) -> Interrupt {
        self.patience.get_or_init(|| last_call(grace, self.cleanup()));
        self.interrupt.clone()
    }

    /// Returns the registry of temporary files and child processes to clean up if the process exits early.
    pub(crate) fn cleanup(&self) -> CleanupRegistry {
        self.cleanup.clone()
    }

    /// Returns the thread that shows snapshots of a run.
    pub(crate) fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    /// Returns the way to end the process soon after the time limit of a run.
    pub(crate) fn last_call(&self) -> LastCall {
        LastCall(Arc::clone(&self.patience))
    }

    /// Returns the exit code of the process. After a signal or a time limit, cleans up and exits here, because returning from `main`
    /// would free memory, which waits for the guests that have not stopped yet. No output is lost: every line has been
    /// written or flushed by now. Child processes, such as the compiler of a step, are ended first.
    pub(crate) fn leave(&self, how: Exit) -> u8 {
        if let Exit::Stopped(_) | Exit::TimeLimit = how {
            self.cleanup.remove();
            exit(how.number().into());
        }
        how.number()
    }
}

/// Ends the process with the exit code of a failure, instead of that of a signal, if memory cannot be allocated. Rust has printed a
/// message then, and ends the process by `abort`, because nothing can continue without the memory.
fn exit_on_abort() {
    let always = Arc::new(AtomicBool::new(true));
    if let Err(error) = flag::register_conditional_shutdown(SIGABRT, Exit::Failed.number().into(), always) {
        tracing::debug!("cannot handle SIGABRT: {error}");
    }
}

/// Handles the signals, which come from two threads: SIGINT from that of `ctrlc`, the others from `signals`.
struct Receiver {
    interrupt: Interrupt,
    cleanup: CleanupRegistry,
    patience: Arc<OnceLock<Patience>>,
    snapshots: Snapshots,
    /// Held while a signal is handled, so that one of them is the first.
    order: Mutex<()>,
    /// The first signal that stops the run, and when it came.
    first: OnceLock<(Signal, Instant)>,
    /// Whether SIGQUIT has come, which triggers the interrupt after its snapshot.
    is_quitting: AtomicBool,
}

impl Receiver {
    /// Handles a signal by its number.
    fn receive_number(self: &Arc<Self>, number: i32) {
        match number {
            SIGUSR1 => self.snapshots.show("SIGUSR1"),
            SIGCONT => self.snapshots.redraw(),
            SIGQUIT => self.quit(),
            SIGHUP => self.receive(Signal::HangUp),
            _ => self.receive(Signal::Terminate),
        }
    }

    /// Handles a signal that stops the run. A second one ends the process immediately.
    fn receive(&self, signal: Signal) {
        let _order = self.order.lock();
        if let Some((first, came)) = self.first.get()
            && *first == signal
            && came.elapsed() < REPEATED
        {
            return;
        }
        let _ = self.first.set((signal, Instant::now()));
        let patience = self.check_is_first(signal);
        self.stop(signal, patience);
    }

    /// Shows a snapshot, and then stops the run. Other signals are handled meanwhile.
    fn quit(self: &Arc<Self>) {
        let _order = self.order.lock();
        self.check_is_first(Signal::Quit);
        self.is_quitting.store(true, Ordering::Relaxed);
        let receiver = Arc::clone(self);
        self.snapshots.show_before("SIGQUIT", move || {
            if let Some(patience) = receiver.patience.get() {
                receiver.stop(Signal::Quit, patience);
            }
        });
    }

    /// Ends the process immediately if nothing has started, or if another signal has come before.
    fn check_is_first(&self, signal: Signal) -> &Patience {
        let cause = TerminationCause::Signal(signal);
        let Some(patience) = self.patience.get() else { end_at_once(cause, Started::Nothing, &self.cleanup) };
        if self.interrupt.is_triggered() || self.is_quitting.load(Ordering::Relaxed) {
            end_at_once(cause, Started::Something, &self.cleanup);
        }
        patience
    }

    fn stop(&self, signal: Signal, patience: &Patience) {
        let cause = TerminationCause::Signal(signal);
        if let Patience::Bounded { causes, grace } = patience {
            let _ = causes.try_send((cause, grace.saturating_add(GOOD_ORDER)));
        }
        self.interrupt.trigger(signal);
    }
}

fn listen_to_ctrl_c(receiver: Arc<Receiver>) {
    match ctrlc::try_set_handler(move || receiver.receive(Signal::Interrupt)) {
        Ok(()) => {}
        // The disposition was not the default, and is restored. No other handler can exist this early.
        Err(ctrlc::Error::MultipleHandlers) => tracing::debug!("SIGINT was ignored at the start, and stays so"),
        Err(error) => tracing::warn!("cannot listen for SIGINT: {error}"),
    }
}

/// Starts the thread for all signals but SIGINT. `ctrlc` could handle SIGTERM and SIGHUP, too, but as one signal with SIGINT, whose
/// exit code is another.
fn listen_to_others(receiver: Arc<Receiver>) {
    let all = [SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGCONT];
    let (ignored, handled): (Vec<_>, Vec<_>) = all.into_iter().partition(|signal| is_ignored(*signal));
    if !ignored.is_empty() {
        tracing::debug!("these signals were ignored at the start, and stay so: {ignored:?}");
    }
    let listen = || {
        let mut numbers = iterator::Signals::new(&handled)?;
        let follow = move || {
            for number in numbers.forever() {
                receiver.receive_number(number);
            }
        };
        thread::Builder::new().name("signals".into()).spawn(follow).map(drop)
    };
    if let Err(error) = listen() {
        tracing::warn!("cannot listen for signals other than SIGINT: {error}");
    }
}

/// Creates a thread that ends the process some time after the first cause. The thread and the buffer for its message are
/// allocated before, because an allocation may have to wait for guests that allocate memory.
fn last_call(grace: Duration, cleanup: CleanupRegistry) -> Patience {
    let (causes, received) = sync_channel(1);
    let end = move || {
        if let Ok((cause, time)) = received.recv() {
            thread::sleep(time);
            end_at_once(cause, Started::Something, &cleanup);
        }
    };
    // Creating a thread fails only on an overloaded system. A second signal still ends the process then.
    let _ = thread::Builder::new().name("last-call".into()).spawn(end);
    Patience::Bounded { causes, grace }
}

/// Ends the process without any operation that can block. Output is not flushed, because its reader may have stopped.
fn end_at_once(cause: TerminationCause, begun: Started, cleanup: &CleanupRegistry) -> ! {
    final_message::say(match begun {
        Started::Nothing => ["stopped by ", cause.name(), ""],
        Started::Something => {
            ["stopped by ", cause.name(), " without waiting for the end; output in progress is incomplete"]
        }
    });
    cleanup.remove();
    exit(cause.exit().number().into())
}

/// Whether the process has started work that ends unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    Nothing,
    Something,
}
