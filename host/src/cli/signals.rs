//! Signals: the first stops the run in good order, the second ends the process at once.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use stillbox::{Interrupt, Signal};

use super::exit_code::Exit;

/// The interrupt that signals trigger. Lives as long as the process.
pub(crate) struct Signals {
    interrupt: Interrupt,
    listening: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen. Where that is impossible signals do what they do by default: end the process.
    pub(crate) fn listen() -> Self {
        let interrupt = Interrupt::new();
        let listening = Arc::new(AtomicBool::new(false));
        match iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) {
            Ok(signals) => {
                let (interrupt, listening) = (interrupt.clone(), Arc::clone(&listening));
                let thread = thread::Builder::new().name("signals".into());
                if let Err(error) = thread.spawn(move || follow(signals, &interrupt, &listening)) {
                    tracing::warn!("cannot listen for signals: {error}");
                }
            }
            Err(error) => tracing::warn!("cannot listen for signals: {error}"),
        }
        Self { interrupt, listening }
    }

    /// The interrupt for something that ends by itself when it is triggered. Before this is called, a signal ends the
    /// process at once.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.listening.store(true, Ordering::SeqCst);
        self.interrupt.clone()
    }
}

fn follow(mut signals: iterator::Signals, interrupt: &Interrupt, listening: &AtomicBool) {
    for number in signals.forever() {
        let signal = match number {
            SIGTERM => Signal::Terminate,
            SIGHUP => Signal::HangUp,
            _ => Signal::Interrupt,
        };
        let is_second = interrupt.signal().is_some();
        if is_second || !listening.load(Ordering::SeqCst) {
            end_at_once(signal);
        }
        interrupt.trigger(signal);
    }
}

#[expect(clippy::exit, reason = "nothing may hold up the second signal")]
fn end_at_once(signal: Signal) -> ! {
    process::exit(Exit::Stopped(signal).number().into())
}
