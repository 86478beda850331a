//! Snapshots of the run for SIGUSR1 and SIGQUIT, and the progress that is drawn again after SIGCONT.
//!
//! They are shown by a thread of their own, because standard error may be a full pipe, and a signal has to end the process all
//! the same.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use stillbox::{Monitor, Snapshot};

use crate::output::console::eprint;
use crate::output::style::BOLD;

/// The longest time that SIGQUIT waits for its snapshot to be shown before it stops the run. Standard error may be a full pipe, and the
/// debug information of a component can make the search for lines long.
const SHOWN_WITHIN: Duration = Duration::from_millis(100);

/// The time in which guests give their stacks to the snapshot of SIGQUIT; the rest is for printing them.
const STACKS_WITHIN: Duration = Duration::from_millis(50);

/// Shows snapshots, and the progress of a run.
pub(crate) trait Viewer: Send + Sync {
    /// Shows a snapshot that a signal has asked for.
    fn show(&self, signal: &'static str, snapshot: &Snapshot);

    /// Draws the progress again, after the process was stopped.
    fn redraw(&self);
}

/// The thread that shows snapshots. Lives as long as the process; clones are the same.
#[derive(Clone)]
pub(crate) struct Snapshots {
    /// `None` if no run is shown.
    shown: Arc<Mutex<Option<ShownRun>>>,
    /// `None` if the thread could not be started.
    requests: Option<Arc<Requests>>,
}

/// The requests that the thread has not begun to answer. A request to redraw takes no place of another.
#[derive(Default)]
struct Requests {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    shows: VecDeque<Show>,
    redraw: bool,
}

/// The snapshots that wait. Further ones would show the same.
const MAX_SHOWS: usize = 2;

/// The run that is shown, and where.
#[derive(Clone)]
struct ShownRun {
    monitor: Monitor,
    viewer: Arc<dyn Viewer>,
}

/// A snapshot to show for a signal. An answer is sent then, if there is an address.
struct Show {
    signal: &'static str,
    done: Option<SyncSender<()>>,
}

impl Snapshots {
    pub(super) fn start() -> Self {
        let shown: Arc<Mutex<Option<ShownRun>>> = Arc::default();
        let requests: Arc<Requests> = Arc::default();
        let serve = {
            let (requests, shown) = (Arc::clone(&requests), Arc::clone(&shown));
            move || serve(&requests, &shown)
        };
        let started = thread::Builder::new().name("snapshots".into()).spawn(serve);
        if let Err(error) = &started {
            tracing::warn!("no snapshots can be shown: {error}");
        }
        Self { shown, requests: started.is_ok().then_some(requests) }
    }

    /// Shows the run of this monitor from now on.
    pub(crate) fn show_run(&self, monitor: &Monitor, viewer: Arc<dyn Viewer>) {
        *self.shown.lock() = Some(ShownRun { monitor: monitor.clone(), viewer });
    }

    /// Shows a snapshot soon.
    pub(super) fn show(&self, signal: &'static str) {
        self.request(|waiting| waiting.add(Show { signal, done: None }));
    }

    /// Shows a snapshot, and calls a function when it is shown, but at most 0.1 s later. Returns at once.
    pub(super) fn show_before(&self, signal: &'static str, then: impl Fn() + Clone + Send + 'static) {
        let (done, is_done) = sync_channel(1);
        self.request(|waiting| waiting.add(Show { signal, done: Some(done) }));
        let wait = {
            let then = then.clone();
            move || {
                let _ = is_done.recv_timeout(SHOWN_WITHIN);
                then();
            }
        };
        if thread::Builder::new().name("quit".into()).spawn(wait).is_err() {
            then();
        }
    }

    /// Draws the progress again.
    pub(super) fn redraw(&self) {
        self.request(|waiting| waiting.redraw = true);
    }

    fn request(&self, change: impl FnOnce(&mut Waiting)) {
        if let Some(requests) = &self.requests {
            change(&mut requests.waiting.lock());
            requests.changed.notify_one();
        }
    }
}

impl Waiting {
    /// Adds a snapshot. One whose answer is waited for always has a place.
    fn add(&mut self, show: Show) {
        if self.shows.len() < MAX_SHOWS || show.done.is_some() {
            self.shows.push_back(show);
        }
    }
}

fn serve(requests: &Requests, shown: &Mutex<Option<ShownRun>>) {
    loop {
        let (show, redraw) = {
            let mut waiting = requests.waiting.lock();
            while waiting.shows.is_empty() && !waiting.redraw {
                requests.changed.wait(&mut waiting);
            }
            (waiting.shows.pop_front(), std::mem::take(&mut waiting.redraw))
        };
        let run = shown.lock().clone();
        if let (true, Some(run)) = (redraw, &run) {
            run.viewer.redraw();
        }
        if let Some(show) = show {
            serve_show(show, run);
        }
    }
}

fn serve_show(Show { signal, done }: Show, run: Option<ShownRun>) {
    match run {
        Some(ShownRun { monitor, viewer }) if done.is_some() => {
            viewer.show(signal, &monitor.snapshot_within(STACKS_WITHIN));
        }
        Some(ShownRun { monitor, viewer }) => viewer.show(signal, &monitor.snapshot()),
        None if done.is_none() => show_none(signal),
        None => {}
    }
    if let Some(done) = done {
        let _ = done.try_send(());
    }
}

/// Says that there is no run whose threads can be shown.
fn show_none(signal: &str) {
    eprint!(
        "{BOLD}{signal}{BOLD:#}: no run to show; `stillbox run`, `pipe` and `profile` show the threads of their run\n"
    );
}
