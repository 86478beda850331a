//! Where snapshots come from: the cache of compiled components, or a process that makes them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::cache::CompileCache;
use super::compiler::Compiler;
use super::load::load_compiled;
use super::snapshot::{MadeSnapshot, SnapshotNote, SnapshotRequest};
use super::{Component, ComponentErrorKind, ComponentFile};
use crate::digest::{digest_of_parts, digest_text};
use crate::engine::{CompileSettings, GuestPre, State};
use crate::failure::LogEntry;
use crate::limits::Limits;

/// Changes whenever a snapshot of the same component and the same request can differ.
const VERSION: u32 = 1;

/// A component whose instances are bound when they are created.
pub(crate) struct Snapshot {
    component: Component,
    log: Vec<LogEntry>,
}

impl Snapshot {
    /// The component to instantiate. Its file, its digest and its lines are those of the original.
    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// The messages that `bind` has logged, which every instance begins with.
    pub(crate) fn log(&self) -> &[LogEntry] {
        &self.log
    }
}

/// The result of looking a snapshot up.
pub(crate) enum SnapshotLookup {
    /// It was not made yet.
    Miss,
    /// This step cannot have one.
    Refused,
    Hit(Arc<Snapshot>),
}

/// Where snapshots are made and stored.
#[derive(Clone)]
pub(crate) struct SnapshotMaker {
    pub(crate) engine: Engine,
    pub(crate) settings: CompileSettings,
    pub(crate) cache: CompileCache,
    pub(crate) compiler: Compiler,
}

impl SnapshotMaker {
    /// Looks a snapshot up.
    pub(crate) fn find(
        &self,
        linker: &Linker<State>,
        component: &Component,
        request: &SnapshotRequest,
    ) -> SnapshotLookup {
        let Some(entry) = self.cache.get(&self.engine, &key(request, component)) else { return SnapshotLookup::Miss };
        let Ok(note) = serde_json::from_slice::<SnapshotNote>(&entry.note) else { return SnapshotLookup::Miss };
        if let Some(reason) = note.refused {
            tracing::debug!("{}: instances start without a snapshot: {reason}", component.path().display());
            return SnapshotLookup::Refused;
        }
        let Some(Ok(code)) = entry.load(&self.engine) else { return SnapshotLookup::Miss };
        let snapshot = component.snapshot(linker, &code, note, entry.compiled_in);
        snapshot.map_or(SnapshotLookup::Miss, |snapshot| SnapshotLookup::Hit(Arc::new(snapshot)))
    }

    /// Makes a snapshot in a process, and stores it. The component's file is read again.
    ///
    /// # Errors
    /// The file has changed, the process failed, a limit was reached, or `is_stopped` returned true. That `bind` calls the host is no
    /// error: it is noted.
    pub(crate) fn make(
        &self,
        component: &Component,
        request: &SnapshotRequest,
        limits: &Limits,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<MadeSnapshot, ComponentErrorKind> {
        let started = Instant::now();
        let file = ComponentFile::read(component.path()).map_err(|error| error.kind)?;
        if file.digest != *component.digest() {
            return Err(ComponentErrorKind::Read(io::Error::other("it has changed")));
        }
        let made = self.compiler.snapshot(self.settings, request, &file.bytes, limits, is_stopped)?;
        let note = serde_json::to_vec(&made.note).expect("it has texts and numbers");
        self.cache.put(&self.engine, &key(request, component), &made.code, &note, started.elapsed());
        Ok(made)
    }

    /// Loads a snapshot that was made. Returns `None` if there is none, or if it does not fit into the pool of instances.
    pub(crate) fn load(&self, linker: &Linker<State>, component: &Component, made: MadeSnapshot) -> Option<Snapshot> {
        if let Some(reason) = made.note.refused {
            tracing::debug!("{}: instances start without a snapshot: {reason}", component.path().display());
            return None;
        }
        let snapshot = load_compiled(&self.engine, &made.code)
            .and_then(|code| component.snapshot(linker, &code, made.note, Duration::ZERO));
        snapshot.inspect_err(|error| tracing::debug!("{}: no snapshot: {error:#}", component.path().display())).ok()
    }
}

impl Component {
    /// Returns this component with the code of a snapshot.
    fn snapshot(
        &self,
        linker: &Linker<State>,
        code: &wasmtime::component::Component,
        note: SnapshotNote,
        compiled_in: Duration,
    ) -> wasmtime::Result<Snapshot> {
        let pre = linker.instantiate_pre(code).and_then(GuestPre::new)?;
        tracing::debug!("{}: instances start from a snapshot", self.path.display());
        let component = Self {
            pre,
            path: self.path.clone(),
            digest: self.digest.clone(),
            size: self.size,
            imports: self.imports.clone(),
            manifest: self.manifest.clone(),
            symbols: Arc::new(self.symbols.moved(note.moves)),
            cached: true,
            compiled_in,
            toolchain: self.toolchain.clone(),
            source: self.source.clone(),
        };
        Ok(Snapshot { component, log: note.log })
    }
}

/// Returns the name under which the snapshot of a component is stored.
fn key(request: &SnapshotRequest, component: &Component) -> String {
    let request = serde_json::to_string(request).expect("it has texts and numbers");
    let all = [&*VERSION.to_string(), env!("CARGO_PKG_VERSION"), component.digest(), &request];
    digest_text(&digest_of_parts(all.map(str::as_bytes)))
}
