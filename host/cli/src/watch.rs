//! `--watch`: repeats a command after each change of its inputs.
//!
//! Files are polled a few times per second instead of watched by the system: the folders are small, and polling works
//! the same on every file system, in containers and over networks.

mod snapshot;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::output::console::eprintln;
use parking_lot::Mutex;
use stillbox::text::escape_controls;
use stillbox::{Interrupt, Signal};

use crate::exit_code::Exit;
use crate::output::render::{NOTE, is_terminal};
use snapshot::{Snapshot, roots};

/// The time between two checks for signals: too short for a person to notice.
const LOOK: Duration = Duration::from_millis(30);
/// The number of checks for signals per check of the files.
const FILES_EVERY: u32 = 8;

/// The files that a round depends on.
pub(crate) struct Watched {
    /// Files and folders.
    pub(crate) inputs: Vec<PathBuf>,
    /// Files that the round itself writes.
    pub(crate) outputs: Vec<PathBuf>,
    /// Returns whether the round may also write an input. Changes of such inputs count only between rounds.
    pub(crate) rewritten: fn(&Path) -> bool,
    /// The exit code, if this was the last round.
    pub(crate) end: Option<Exit>,
}

impl Watched {
    /// Creates the description of a round that depends on these inputs.
    pub(crate) fn new(inputs: Vec<PathBuf>) -> Self {
        Self { inputs, outputs: Vec::new(), rewritten: |_| false, end: None }
    }

    /// Ends the loop with this exit code.
    pub(crate) fn end(exit: Exit) -> Self {
        Self { end: Some(exit), ..Self::new(Vec::new()) }
    }

    /// Adds the indirect dependencies of the inputs.
    fn whole(self) -> Self {
        Self { inputs: roots(&self.inputs), ..self }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.inputs, &self.outputs)
    }
}

/// The state that a running round shares with its watcher.
#[derive(Default)]
struct Round {
    changed: Option<PathBuf>,
    is_done: bool,
}

/// Runs `round`, and again after each change, until a signal arrives. A change during a round interrupts it. `first`
/// has the dependencies of the first round, as far as they are known before it.
pub(crate) fn watch(signals: &Interrupt, first: Watched, mut round: impl FnMut(Interrupt) -> Watched) -> Exit {
    let mut watched = first.whole();
    loop {
        let interrupt = Interrupt::new();
        let before = watched.snapshot();
        let state = Mutex::new(Round::default());
        let lock = || state.lock();
        let done = thread::scope(|scope| {
            scope.spawn(|| {
                let mut looks = 0_u32;
                while !lock().is_done {
                    if let Some(signal) = signals.signal() {
                        interrupt.trigger(signal);
                        return;
                    }
                    looks += 1;
                    if looks.is_multiple_of(FILES_EVERY) {
                        let changed = before.difference(&watched.snapshot(), watched.rewritten);
                        if changed.is_some() {
                            lock().changed = changed;
                            interrupt.trigger(Signal::Interrupt);
                            return;
                        }
                    }
                    thread::sleep(LOOK);
                }
            });
            let done = round(interrupt.clone());
            lock().is_done = true;
            done
        });
        if let Some(signal) = signals.signal() {
            return Exit::Stopped(signal);
        }
        if let Some(exit) = done.end {
            return exit;
        }
        let next = done.whole();
        let changed = if let Some(changed) = state.into_inner().changed {
            changed
        } else {
            // A change while the round was ending counts, too.
            let before = before.after(next.snapshot(), &watched.inputs, watched.rewritten);
            eprintln!("{NOTE}waiting for a change{NOTE:#}{}", if is_terminal() { "; Ctrl-C ends" } else { "" });
            match wait(signals, &before, &next) {
                Ok(changed) => changed,
                Err(signal) => return Exit::Stopped(signal),
            }
        };
        eprintln!("\n{NOTE}changed: {}{NOTE:#}", escape_controls(&shown(&changed)));
        settle(&next);
        watched = next;
    }
}

/// Waits for a change or a signal.
fn wait(signals: &Interrupt, before: &Snapshot, watched: &Watched) -> Result<PathBuf, Signal> {
    let mut looks = 0_u32;
    loop {
        if let Some(signal) = signals.signal() {
            return Err(signal);
        }
        if looks.is_multiple_of(FILES_EVERY)
            && let Some(changed) = before.difference(&watched.snapshot(), |_| false)
        {
            return Ok(changed);
        }
        looks += 1;
        thread::sleep(LOOK);
    }
}

/// Waits until the files stop changing: an editor may write several files, or one file in several writes.
fn settle(watched: &Watched) {
    /// The maximum number of checks, so that a program that never stops writing does not prevent the next round.
    const MAX_CHECKS: u32 = 20;
    let mut before = watched.snapshot();
    for _ in 0..MAX_CHECKS {
        thread::sleep(LOOK * 2);
        let now = watched.snapshot();
        if before.difference(&now, |_| false).is_none() {
            return;
        }
        before = now;
    }
}

/// Returns a path relative to the current folder, if it is below it.
fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(path).display().to_string()
}
