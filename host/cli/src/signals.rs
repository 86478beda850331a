//! Signals: the first one stops the run, the second one ends the process immediately.

use std::process::ExitCode;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::low_level::exit;
use signal_hook::{flag, iterator};
use stillbox::{CleanupRegistry, Interrupt, Signal};

use crate::exit_code::Exit;
use crate::final_message;

/// The time in which a run has to stop after the grace period. A run needs about 30 ms at most, unless it is blocked on
/// a full pipe that is not read. A signal has to end the process within 100 ms.
const GOOD_ORDER: Duration = Duration::from_millis(55);

/// The interrupt that signals trigger. Lives as long as the process.
pub(crate) struct Signals {
    interrupt: Interrupt,
    cleanup: CleanupRegistry,
    patience: Arc<OnceLock<Patience>>,
}

/// The time that a command has to stop after the interrupt was triggered.
enum Patience {
    /// No limit: the command stops by itself.
    Unbounded,
    /// Sends the signal to the thread that ends the process after the time limit.
    Bounded(SyncSender<Signal>),
}

impl Signals {
    /// Installs the signal handlers. If that fails, signals have their default effect: they end the process.
    pub(crate) fn listen() -> Self {
        let signals =
            Self { interrupt: Interrupt::new(), cleanup: CleanupRegistry::new(), patience: Arc::new(OnceLock::new()) };
        // With a handler, a write beyond the limit on file sizes returns an error instead of ending the process.
        if let Err(error) = flag::register(SIGXFSZ, Arc::default()) {
            tracing::warn!("cannot listen for signals: {error}");
        }
        match iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) {
            Ok(numbers) => {
                let thread = thread::Builder::new().name("signals".into());
                let (interrupt, cleanup) = (signals.interrupt.clone(), signals.cleanup.clone());
                let patience = Arc::clone(&signals.patience);
                if let Err(error) = thread.spawn(move || follow(numbers, &interrupt, &cleanup, &patience)) {
                    tracing::warn!("cannot listen for signals: {error}");
                }
            }
            Err(error) => tracing::warn!("cannot listen for signals: {error}"),
        }
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
        self.patience.get_or_init(|| last_call(grace.saturating_add(GOOD_ORDER), self.cleanup()));
        self.interrupt.clone()
    }

    /// Returns the registry of temporary files and child processes to clean up if the process exits early.
    pub(crate) fn cleanup(&self) -> CleanupRegistry {
        self.cleanup.clone()
    }

    /// Returns the exit code of the process. After a signal, cleans up and exits here, because returning from `main`
    /// would free memory, which waits for the guests that have not stopped yet. No output is lost: every line has been
    /// written or flushed by now. Child processes, such as the compiler of a step, are ended first.
    pub(crate) fn leave(&self, how: Exit) -> ExitCode {
        if let Exit::Stopped(_) = how {
            self.cleanup.remove();
            exit(how.number().into());
        }
        how.into()
    }
}

fn follow(
    mut numbers: iterator::Signals,
    interrupt: &Interrupt,
    cleanup: &CleanupRegistry,
    patience: &OnceLock<Patience>,
) {
    for number in numbers.forever() {
        let signal = match number {
            SIGTERM => Signal::Terminate,
            SIGHUP => Signal::HangUp,
            _ => Signal::Interrupt,
        };
        let Some(patience) = patience.get() else { end_at_once(signal, Started::Nothing, cleanup) };
        if interrupt.signal().is_some() {
            end_at_once(signal, Started::Something, cleanup);
        }
        if let Patience::Bounded(last_call) = patience {
            let _ = last_call.try_send(signal);
        }
        interrupt.trigger(signal);
    }
}

/// Creates a thread that ends the process after `time`, counted from the first signal. The thread and the buffer for its
/// message are allocated before the signal, because an allocation may have to wait for guests that allocate memory.
fn last_call(time: Duration, cleanup: CleanupRegistry) -> Patience {
    let (sender, signals) = sync_channel(1);
    let end = move || {
        if let Ok(signal) = signals.recv() {
            thread::sleep(time);
            end_at_once(signal, Started::Something, &cleanup);
        }
    };
    // Creating a thread fails only on an overloaded system. A second signal still ends the process then.
    let _ = thread::Builder::new().name("last-call".into()).spawn(end);
    Patience::Bounded(sender)
}

/// Ends the process without any operation that can block. Output is not flushed, because its reader may have stopped.
fn end_at_once(signal: Signal, begun: Started, cleanup: &CleanupRegistry) -> ! {
    final_message::say(match begun {
        Started::Nothing => ["stopped by ", signal.name(), ""],
        Started::Something => {
            ["stopped by ", signal.name(), " without waiting for the end; output in progress is incomplete"]
        }
    });
    cleanup.remove();
    exit(Exit::Stopped(signal).number().into())
}

/// Whether the process has started work that ends unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    Nothing,
    Something,
}
