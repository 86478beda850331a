//! Doing something again whenever what it depends on changes.
//!
//! Files are looked at a few times a second, instead of having the system tell: the folders are small, and it works the
//! same on every file system, in containers and over networks.

mod sources;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::output::console::eprintln;
use parking_lot::Mutex;
use stillbox::{Interrupt, Signal, escape_controls};

use crate::exit_code::Exit;
use crate::output::render::{NOTE, is_terminal};
use sources::{Snapshot, roots};

/// How often signals are looked for: sooner than a person notices.
const LOOK: Duration = Duration::from_millis(30);
/// How many looks there are for each look at the files.
const FILES_EVERY: u32 = 8;

/// What a round depends on.
pub(crate) struct Watched {
    /// Files and folders.
    pub(crate) inputs: Vec<PathBuf>,
    /// Files that the round itself writes.
    pub(crate) outputs: Vec<PathBuf>,
    /// Which of the inputs the round may write, too. They count between the rounds alone.
    pub(crate) rewritten: fn(&Path) -> bool,
    /// Set if there is to be no other round.
    pub(crate) end: Option<Exit>,
}

impl Watched {
    /// A round that depends on these.
    pub(crate) fn of(inputs: Vec<PathBuf>) -> Self {
        Self { inputs, outputs: Vec::new(), rewritten: |_| false, end: None }
    }

    /// No other round.
    pub(crate) fn end(exit: Exit) -> Self {
        Self { end: Some(exit), ..Self::of(Vec::new()) }
    }

    /// With all that the inputs depend on in turn.
    fn whole(self) -> Self {
        Self { inputs: roots(&self.inputs), ..self }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.inputs, &self.outputs)
    }
}

/// What the watcher of a running round has to know.
#[derive(Default)]
struct Round {
    changed: Option<PathBuf>,
    is_done: bool,
}

/// Does something, and again after each change, until a signal comes. A round that is going on when something changes
/// is interrupted. `first` is what the first round depends on, as far as that is known before it.
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
            // What changed while the round was ending is a change, too.
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

/// Waits until nothing changes any more: an editor may write several files, or one in several steps.
fn settle(watched: &Watched) {
    /// Whoever writes without end does not keep the round from beginning.
    const MOST: u32 = 20;
    let mut before = watched.snapshot();
    for _ in 0..MOST {
        thread::sleep(LOOK * 2);
        let now = watched.snapshot();
        if before.difference(&now, |_| false).is_none() {
            return;
        }
        before = now;
    }
}

/// A path as people write it: without the current folder in front.
fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(path).display().to_string()
}
