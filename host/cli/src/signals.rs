//! Signals: the first stops the run in good order, the second ends the process at once.

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

/// How long an end in good order may take once the grace is over. A run takes some 30 ms at most, unless it waits for
/// somebody to read its messages, which nobody may ever do; and a signal is to end the process within 100 ms.
const GOOD_ORDER: Duration = Duration::from_millis(55);

/// The interrupt that signals trigger. Lives as long as the process.
pub(crate) struct Signals {
    interrupt: Interrupt,
    cleanup: CleanupRegistry,
    patience: Arc<OnceLock<Patience>>,
}

/// How long whatever listens to the interrupt may go on after it.
enum Patience {
    /// It sees to its end by itself.
    Unbounded,
    /// Whoever hears of the signal here ends the process when the time has come.
    Bounded(SyncSender<Signal>),
}

impl Signals {
    /// Begins to listen. Where that is impossible signals do what they do by default: end the process.
    pub(crate) fn listen() -> Self {
        let signals =
            Self { interrupt: Interrupt::new(), cleanup: CleanupRegistry::new(), patience: Arc::new(OnceLock::new()) };
        // A limit on the size of files is then an error of whoever writes, and not the end of the process.
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

    /// The interrupt for something that ends by itself when it is triggered. Before this or
    /// [`interrupt_within`](Self::interrupt_within) is called, a signal ends the process at once.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.patience.get_or_init(|| Patience::Unbounded);
        self.interrupt.clone()
    }

    /// The same for something that ends in good order within this time and a little more; after that the process ends
    /// without it.
    pub(crate) fn interrupt_within(&self, grace: Duration) -> Interrupt {
        self.patience.get_or_init(|| last_call(grace.saturating_add(GOOD_ORDER), self.cleanup()));
        self.interrupt.clone()
    }

    /// Where a run lists what has to be removed if the process ends without it.
    pub(crate) fn cleanup(&self) -> CleanupRegistry {
        self.cleanup.clone()
    }

    /// The end of the process, which was told how. One that was stopped ends here: what comes after `main` gives memory
    /// back, for which it waits behind the guests that are not gone yet. What it has said is written: in whole lines, or
    /// flushed. What it has begun and does not wait for, such as the compiler of a step, is ended first.
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

/// A thread that ends the process this long after it hears of a signal. The thread and the room for the message are there
/// before the signal: new memory has to wait behind guests that are asking for theirs.
fn last_call(time: Duration, cleanup: CleanupRegistry) -> Patience {
    let (sender, signals) = sync_channel(1);
    let end = move || {
        if let Ok(signal) = signals.recv() {
            thread::sleep(time);
            end_at_once(signal, Started::Something, &cleanup);
        }
    };
    // Without this thread, which only an overloaded system refuses, there is still the second signal.
    let _ = thread::Builder::new().name("last-call".into()).spawn(end);
    Patience::Bounded(sender)
}

/// Ends the process without anything that could wait: no output is flushed, since nobody may be reading it.
fn end_at_once(signal: Signal, begun: Started, cleanup: &CleanupRegistry) -> ! {
    final_message::say(match begun {
        Started::Nothing => ["stopped by ", signal.name(), ""],
        Started::Something => {
            ["stopped by ", signal.name(), " without waiting for the end; what was being written is not complete"]
        }
    });
    cleanup.remove();
    exit(Exit::Stopped(signal).number().into())
}

/// Whether there is anything that the end of the process leaves unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    Nothing,
    Something,
}
