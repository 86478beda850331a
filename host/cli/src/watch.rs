//! `--watch`: repeats a command after each change of its inputs.
//!
//! The system reports changes. A report is only a reason to look: the files are compared with a snapshot, because
//! reports also come for reads, for the round's own files, and several for one change.

mod file_watcher;
mod snapshot;

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use stillbox::text::escape_controls;
use stillbox::{CancelReason, Interrupt, Signal};

use crate::exit_code::Exit;
use crate::output::console::eprintln;
use crate::output::failure;
use crate::output::render::is_terminal;
use crate::output::style::NOTE;
use crate::output::summary;
use file_watcher::FileWatcher;
use snapshot::{MAX_FILES, WatchSnapshot, roots};

/// The time without a report after which a change counts as complete: an editor may write several files, or one file in
/// several writes.
const QUIET: Duration = Duration::from_millis(60);
/// The time after which a round starts although files still change, for example because of a program that never stops
/// writing.
const MAX_SETTLE: Duration = Duration::from_millis(1200);

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
}

/// A reason to wake the loop.
enum Wake {
    /// The system reports something about files.
    Files(notify::Result<notify::Event>),
    /// The command is interrupted.
    Signal,
    /// The round has ended.
    Done,
}

/// Runs `round`, and again after each change, until a signal arrives. A change during a round interrupts it. `first`
/// has the dependencies of the first round, as far as they are known before it. Prints why files cannot be watched.
pub(crate) fn watch(signals: &Interrupt, first: Watched, round: impl FnMut(Interrupt) -> Watched) -> Exit {
    follow(signals, first, round).unwrap_or_else(|error| {
        failure::error(&*error);
        Exit::Failed
    })
}

fn follow(signals: &Interrupt, first: Watched, mut round: impl FnMut(Interrupt) -> Watched) -> anyhow::Result<Exit> {
    let (sender, wakes) = channel();
    let on_signal = sender.clone();
    signals.on_trigger(move |_| drop(on_signal.send(Wake::Signal)));
    let on_report = sender.clone();
    let reports = FileWatcher::new(move |report| drop(on_report.send(Wake::Files(report))));
    let mut files = WatchedFiles { reports: reports.context("cannot watch files for changes")?, wakes };

    let mut watched = first.whole();
    loop {
        let interrupt = Interrupt::new();
        let is_done = AtomicBool::new(false);
        let before = files.snapshot(&watched)?;
        let running = WatchedRound { interrupt: &interrupt, is_done: &is_done, before: &before };
        let (done, changed) = thread::scope(|scope| {
            let watching = scope.spawn(|| files.interrupt_round(signals, &watched, running));
            let done = round(interrupt.clone());
            is_done.store(true, Ordering::Release);
            let _ = sender.send(Wake::Done);
            (done, watching.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        if let Some(signal) = signal_of(signals) {
            return Ok(Exit::Stopped(signal));
        }
        if let Some(exit) = done.end {
            return Ok(exit);
        }
        let next = done.whole();
        let changed = if let Some(changed) = changed? {
            changed
        } else {
            // A change while the round was ending counts, too.
            let now = files.snapshot(&next)?;
            if now.is_partial {
                let most = summary::grouped(MAX_FILES as u64);
                eprintln!("{NOTE}only {most} files are watched; use a smaller folder{NOTE:#}");
            }
            let before = before.after(now, &watched.inputs, watched.rewritten);
            eprintln!("{NOTE}waiting for a change{NOTE:#}{}", if is_terminal() { "; Ctrl-C ends" } else { "" });
            match files.wait(signals, &next, &before)? {
                Ok(changed) => changed,
                Err(signal) => return Ok(Exit::Stopped(signal)),
            }
        };
        eprintln!("\n{NOTE}changed: {}{NOTE:#}", escape_controls(&shown(&changed)));
        files.settle(signals)?;
        watched = next;
    }
}

/// A round that is running.
#[derive(Clone, Copy)]
struct WatchedRound<'a> {
    interrupt: &'a Interrupt,
    is_done: &'a AtomicBool,
    /// The state of the files at its beginning.
    before: &'a WatchSnapshot,
}

/// The watched files, and the reasons to look at them.
struct WatchedFiles {
    reports: FileWatcher,
    wakes: Receiver<Wake>,
}

impl WatchedFiles {
    /// Returns the state of the files. Every later change of them is reported.
    fn snapshot(&mut self, watched: &Watched) -> anyhow::Result<WatchSnapshot> {
        loop {
            let snapshot = WatchSnapshot::new(&watched.inputs, &watched.outputs);
            // A file may have been created in a folder before the folder was watched, so the files are read again.
            if !self.reports.follow(&snapshot)? {
                return Ok(snapshot);
            }
        }
    }

    /// Interrupts the round after a change, a signal or an error. Returns the changed file, or `None` when the round has
    /// ended.
    fn interrupt_round(
        &mut self,
        signals: &Interrupt,
        watched: &Watched,
        round: WatchedRound<'_>,
    ) -> anyhow::Result<Option<PathBuf>> {
        while !round.is_done.load(Ordering::Acquire) {
            if let Some(signal) = signal_of(signals) {
                round.interrupt.trigger(signal);
                return Ok(None);
            }
            let changed = self.look(|files| Ok(round.before.difference(&files.snapshot(watched)?, watched.rewritten)));
            if !matches!(changed, Ok(None)) {
                round.interrupt.cancel();
                return changed;
            }
        }
        Ok(None)
    }

    /// Waits for a change or a signal.
    fn wait(
        &mut self,
        signals: &Interrupt,
        watched: &Watched,
        before: &WatchSnapshot,
    ) -> anyhow::Result<Result<PathBuf, Signal>> {
        // The snapshot may be of a file that has changed before it was watched.
        let mut changed = before.difference(&self.snapshot(watched)?, |_| false);
        loop {
            if let Some(signal) = signal_of(signals) {
                return Ok(Err(signal));
            }
            if let Some(changed) = changed {
                return Ok(Ok(changed));
            }
            changed = self.look(|files| Ok(before.difference(&files.snapshot(watched)?, |_| false)))?;
        }
    }

    /// Waits for one reason to look, and looks if it is a report about a watched file.
    fn look(
        &mut self,
        difference: impl FnOnce(&mut Self) -> anyhow::Result<Option<PathBuf>>,
    ) -> anyhow::Result<Option<PathBuf>> {
        if let Ok(Wake::Files(report)) = self.wakes.recv()
            && self.reports.take(report)?
        {
            return difference(self);
        }
        Ok(None)
    }

    /// Waits until the files stop changing, or a signal arrives.
    fn settle(&mut self, signals: &Interrupt) -> anyhow::Result<()> {
        let end = Instant::now() + MAX_SETTLE;
        let mut quiet = Instant::now() + QUIET;
        while signal_of(signals).is_none() {
            let time = quiet.min(end).saturating_duration_since(Instant::now());
            let Ok(wake) = self.wakes.recv_timeout(time) else { break };
            if let Wake::Files(report) = wake
                && self.reports.take(report)?
            {
                quiet = Instant::now() + QUIET;
            }
        }
        Ok(())
    }
}

/// Returns the signal that the process has received.
fn signal_of(signals: &Interrupt) -> Option<Signal> {
    signals.reason().and_then(CancelReason::signal)
}

/// Returns a path relative to the current folder, if it is below it.
fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(path).display().to_string()
}
