//! The snapshot of a step that is bound: looked up when its first instance is created, and made when that pays.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Once, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::ComponentLoader;
use crate::component::{Component, ComponentErrorKind, MadeSnapshot, Snapshot, SnapshotLookup, SnapshotRequest};
use crate::engine::Access;
use crate::interrupt::Stop;
use crate::limits::Limits;

/// The time that an instance needs at least until it is bound, if it is to count. A usual step needs 20 µs, and with a snapshot
/// not less.
const MIN_START: Duration = Duration::from_micros(500);
/// The number of times that a component is compiled for a snapshot: to read its memory, and with that memory.
const COMPILATIONS: u32 = 2;

/// The snapshot of one step. Lives as long as the plan, and ends the process that makes it.
///
/// A snapshot is made when the instances so far have spent as much time on `bind` as making it is expected to take, so it costs a
/// run at most as much again as it has cost without. Meanwhile instances are bound as before.
pub(crate) struct StepSnapshot {
    loader: Arc<ComponentLoader>,
    component: Arc<Component>,
    request: Arc<SnapshotRequest>,
    limits: Limits,
    /// The snapshot, or that there will be none.
    decided: OnceLock<Option<Arc<Snapshot>>>,
    /// Done when the cache was searched.
    searched: Once,
    /// Receives the snapshot from the process that makes it, once it pays. A thread that calls the step loads it: a program may fork
    /// between two calls, and only then.
    making: OnceLock<Mutex<Receiver<Option<MadeSnapshot>>>>,
    /// The time that instances have spent until they were bound, in microseconds.
    spent: AtomicU64,
    /// Whether the step was dropped, so that the snapshot is not needed.
    is_dropped: Arc<AtomicBool>,
}

impl StepSnapshot {
    /// Creates the snapshot of a step with these grants. Returns `None` if the step cannot have one: it counts instructions, which include those of
    /// `bind`, or components are not compiled in processes.
    pub(crate) fn new(
        loader: &Arc<ComponentLoader>,
        component: &Arc<Component>,
        parameters: &str,
        limits: &Limits,
        access: Option<&Arc<Access>>,
    ) -> Option<Arc<Self>> {
        let is_possible = limits.fuel.is_none() && loader.compiler.command.is_some();
        is_possible.then(|| Arc::new(Self::unsettled(loader, component, parameters, limits, access)))
    }

    /// Makes the snapshot of a step on this thread, without limits, for benchmarks and tests. It may be that there is none.
    ///
    /// # Errors
    /// The component's file has changed.
    pub(crate) fn make_here(
        loader: &Arc<ComponentLoader>,
        component: &Arc<Component>,
        parameters: &str,
        limits: &Limits,
    ) -> Result<Arc<Self>, ComponentErrorKind> {
        let this = Self::unsettled(loader, component, parameters, limits, None);
        let made = loader.snapshots().make(component, &this.request, limits, &|| false)?;
        let snapshot = loader.snapshots().load(&loader.linker, component, made);
        let _ = this.decided.set(snapshot.map(Arc::new));
        Ok(Arc::new(this))
    }

    fn unsettled(
        loader: &Arc<ComponentLoader>,
        component: &Arc<Component>,
        parameters: &str,
        limits: &Limits,
        access: Option<&Arc<Access>>,
    ) -> Self {
        let request = SnapshotRequest {
            parameters: parameters.to_owned(),
            memory: limits.memory,
            has_variables: access.is_some_and(|access| !access.env().is_empty()),
        };
        Self {
            loader: Arc::clone(loader),
            component: Arc::clone(component),
            request: Arc::new(request),
            limits: limits.clone(),
            decided: OnceLock::new(),
            searched: Once::new(),
            making: OnceLock::new(),
            spent: AtomicU64::new(0),
            is_dropped: Arc::default(),
        }
    }

    /// Returns the snapshot, if there is one by now.
    pub(crate) fn get(&self) -> Option<&Arc<Snapshot>> {
        if let Some(decided) = self.decided.get() {
            return decided.as_ref();
        }
        self.searched.call_once(|| self.search());
        if let Some(making) = self.making.get() {
            self.take(&making.lock());
        }
        self.decided.get()?.as_ref()
    }

    /// Looks the snapshot up in the cache.
    fn search(&self) {
        let _ = match self.loader.snapshots().find(&self.loader.linker, &self.component, &self.request) {
            SnapshotLookup::Hit(snapshot) => self.decided.set(Some(snapshot)),
            SnapshotLookup::Refused => self.decided.set(None),
            SnapshotLookup::Miss => Ok(()),
        };
    }

    /// Loads the snapshot if it was made.
    fn take(&self, making: &Receiver<Option<MadeSnapshot>>) {
        let (loader, component) = (&self.loader, &self.component);
        let _ = match making.try_recv() {
            Ok(made) => {
                let snapshot = made.and_then(|made| loader.snapshots().load(&loader.linker, component, made));
                self.decided.set(snapshot.map(Arc::new))
            }
            Err(TryRecvError::Empty) => Ok(()),
            // If another thread has taken it, this changes nothing.
            Err(TryRecvError::Disconnected) => self.decided.set(None),
        };
    }

    /// Notes the time that an instance without the snapshot has needed until it was bound. Starts to make the snapshot when the sum
    /// is large enough.
    pub(crate) fn note_start(&self, took: Duration, stop: &Stop) {
        if took < MIN_START || self.decided.get().is_some() {
            return;
        }
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let spent = self.spent.fetch_add(took, Ordering::Relaxed).saturating_add(took);
        if Duration::from_micros(spent) < self.component.compiled_in() * COMPILATIONS {
            return;
        }
        self.making.get_or_init(|| Mutex::new(self.make(stop)));
    }

    fn make(&self, stop: &Stop) -> Receiver<Option<MadeSnapshot>> {
        let (sender, made) = sync_channel(1);
        let (maker, component, request) =
            (self.loader.snapshots(), Arc::clone(&self.component), Arc::clone(&self.request));
        let (limits, stop, is_dropped) = (self.limits.clone(), stop.clone(), Arc::clone(&self.is_dropped));
        let work = move || {
            let is_stopped = || stop.reason().is_some() || is_dropped.load(Ordering::Relaxed);
            let made = maker.make(&component, &request, &limits, &is_stopped);
            let made = made.inspect_err(|error| {
                tracing::debug!("{}: no snapshot was made: {error}", component.path().display());
            });
            // Without a receiver the step has ended.
            let _ = sender.send(made.ok());
        };
        // The thread is not joined. If it cannot be started, the sender is dropped, which closes the channel.
        let _ = thread::Builder::new().name("snapshot".into()).spawn(work);
        made
    }
}

impl Drop for StepSnapshot {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for StepSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepSnapshot").field("component", &self.component).finish_non_exhaustive()
    }
}
