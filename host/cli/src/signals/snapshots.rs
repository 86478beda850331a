//! Snapshots of the run for SIGUSR1 and SIGQUIT, and the progress that is drawn again after SIGCONT.
//!
//! They are shown by a thread of their own, because standard error may be a full pipe, and a signal has to end the process all
//! the same.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use stillbox::{Monitor, Snapshot};

use crate::output::console::eprint;
use crate::output::snapshot::snapshot_text;

/// The longest time that SIGQUIT waits for its snapshot to be shown before it stops the run: a snapshot takes at most 0.1 s, and a
/// quarter of a second more for each component whose debug information makes the search for lines long.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);

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
    shown: Arc<Mutex<Shown>>,
    /// `None` if the thread could not be started.
    requests: Option<SyncSender<Request>>,
}

/// The run that is shown, and where.
#[derive(Clone)]
struct Shown {
    monitor: Monitor,
    viewer: Arc<dyn Viewer>,
}

enum Request {
    /// Show a snapshot, and then send an answer, if there is an address.
    Show(&'static str, Option<SyncSender<()>>),
    Redraw,
}

impl Snapshots {
    pub(super) fn start() -> Self {
        let shown = Arc::new(Mutex::new(Shown { monitor: Monitor::new(), viewer: Arc::new(Plain) }));
        // One request waits while another is served; further ones would show the same.
        let (requests, received) = sync_channel(1);
        let serve = {
            let shown = Arc::clone(&shown);
            move || serve(&received, &shown)
        };
        let started = thread::Builder::new().name("snapshots".into()).spawn(serve);
        if let Err(error) = &started {
            tracing::warn!("no snapshots can be shown: {error}");
        }
        Self { shown, requests: started.is_ok().then_some(requests) }
    }

    /// Shows the run of this monitor from now on.
    pub(crate) fn show_run(&self, monitor: &Monitor, viewer: Arc<dyn Viewer>) {
        *self.shown.lock() = Shown { monitor: monitor.clone(), viewer };
    }

    /// Shows a snapshot soon.
    pub(super) fn show(&self, signal: &'static str) {
        self.request(Request::Show(signal, None));
    }

    /// Shows a snapshot, and waits until it is shown, or for a short time.
    pub(super) fn show_first(&self, signal: &'static str) {
        let (done, is_done) = sync_channel(1);
        self.request(Request::Show(signal, Some(done)));
        let _ = is_done.recv_timeout(SHOWN_WITHIN);
    }

    /// Draws the progress again.
    pub(super) fn redraw(&self) {
        self.request(Request::Redraw);
    }

    fn request(&self, request: Request) {
        if let Some(requests) = &self.requests {
            let _ = requests.try_send(request);
        }
    }
}

fn serve(requests: &Receiver<Request>, shown: &Mutex<Shown>) {
    for request in requests {
        let Shown { monitor, viewer } = shown.lock().clone();
        match request {
            Request::Show(signal, done) => {
                viewer.show(signal, &monitor.snapshot());
                if let Some(done) = done {
                    let _ = done.try_send(());
                }
            }
            Request::Redraw => viewer.redraw(),
        }
    }
}

/// Shows snapshots on standard error, for commands without progress.
struct Plain;

impl Viewer for Plain {
    fn show(&self, signal: &'static str, snapshot: &Snapshot) {
        eprint!("{}", snapshot_text(signal, snapshot));
    }

    fn redraw(&self) {}
}
