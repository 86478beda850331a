//! Signals: the first one stops the run, the second one ends the process immediately. SIGUSR1 shows what the run does, and SIGQUIT
//! does both. One that was ignored when the process began stays ignored. Windows has Ctrl-C and Ctrl-Break alone.

#[cfg_attr(windows, allow(dead_code, reason = "no signal asks for a snapshot"))]
mod snapshots;
#[cfg(unix)]
mod unix;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stillbox::{CleanupRegistry, Interrupt, Signal};

use crate::exit_code::Exit;
use crate::final_message;
use crate::os::exit;
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
        #[cfg(unix)]
        unix::listen(&receiver);
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

/// Handles the signals, which come from two threads: SIGINT from that of `ctrlc`, the others from `signals`.
#[cfg_attr(windows, expect(dead_code, reason = "no signal asks for a snapshot"))]
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
