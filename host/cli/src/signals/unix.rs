//! The signals other than SIGINT, which Windows does not have.

mod disposition;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGABRT, SIGCONT, SIGHUP, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::{flag, iterator};
use stillbox::Signal;

use super::Receiver;
use crate::exit_code::Exit;
use disposition::IgnoredSignals;

/// Installs the handlers of all signals but SIGINT.
pub(super) fn listen(receiver: &Arc<Receiver>) {
    let ignored = IgnoredSignals::read();
    listen_to_others(Arc::clone(receiver), &ignored);
    // With a handler, a write beyond the limit on file sizes returns an error instead of ending the process. The
    // same holds if the signal is ignored.
    if !ignored.contains(SIGXFSZ)
        && let Err(error) = flag::register(SIGXFSZ, Arc::default())
    {
        tracing::warn!("cannot listen for SIGXFSZ: {error}");
    }
    exit_on_abort();
}

/// Starts the thread for all signals but SIGINT. `ctrlc` could handle SIGTERM and SIGHUP, too, but as one signal with SIGINT, whose
/// exit code is another.
fn listen_to_others(receiver: Arc<Receiver>, ignored: &IgnoredSignals) {
    let all = [SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGCONT];
    let (not_handled, handled): (Vec<_>, Vec<_>) = all.into_iter().partition(|signal| ignored.contains(*signal));
    if !not_handled.is_empty() {
        tracing::debug!("these signals were ignored at the start, and stay so: {not_handled:?}");
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

/// Ends the process with the exit code of a failure, instead of that of a signal, if memory cannot be allocated. Rust has printed a
/// message then, and ends the process by `abort`, because nothing can continue without the memory.
fn exit_on_abort() {
    let always = Arc::new(AtomicBool::new(true));
    if let Err(error) = flag::register_conditional_shutdown(SIGABRT, Exit::Failed.number().into(), always) {
        tracing::debug!("cannot handle SIGABRT: {error}");
    }
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
}
