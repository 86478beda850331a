//! The system's reports about changes of files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, Event, EventHandler, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::snapshot::{WatchScope, WatchSnapshot};

/// Asks the system for reports. Lives as long as the command watches.
pub(super) struct FileWatcher {
    watcher: RecommendedWatcher,
    /// The folders whose entries are reported, and single files.
    places: BTreeSet<PathBuf>,
    /// The paths to which a report has to belong.
    scope: WatchScope,
    /// Whether a folder may have been removed or replaced, so that the system no longer reports about its path.
    is_stale: bool,
}

impl FileWatcher {
    pub(super) fn new(handler: impl EventHandler) -> notify::Result<Self> {
        let watcher = notify::recommended_watcher(handler)?;
        Ok(Self { watcher, places: BTreeSet::new(), scope: WatchScope::default(), is_stale: false })
    }

    /// Asks for reports about the files of a snapshot, and about no others. Folders are watched one by one, so that the
    /// thousands of folders of a build are not. Returns whether that was new, so that a change after the snapshot may
    /// have been missed.
    ///
    /// # Errors
    /// The system does not watch one of the folders.
    pub(super) fn follow(&mut self, snapshot: &WatchSnapshot) -> anyhow::Result<bool> {
        self.scope.clone_from(&snapshot.scope);
        if self.places == snapshot.places && !self.is_stale {
            return Ok(false);
        }
        let mut paths = self.watcher.paths_mut();
        for place in self.places.difference(&snapshot.places) {
            // The system itself ends the watch of a folder that is removed.
            let _ = paths.remove(place);
        }
        for place in &snapshot.places {
            // To watch a folder again has no effect, unless another one has its path now.
            if !self.is_stale && self.places.contains(place) {
                continue;
            }
            match paths.add(place, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It was removed after the snapshot. The folder above it reports that.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => return Err(describe(error).context(cannot_watch(place))),
            }
        }
        paths.commit().context("cannot watch files for changes")?;
        self.places.clone_from(&snapshot.places);
        self.is_stale = false;
        Ok(true)
    }

    /// Takes note of a report. Returns whether a watched file may have changed.
    ///
    /// # Errors
    /// The system cannot report changes any more.
    pub(super) fn take(&mut self, report: notify::Result<Event>) -> anyhow::Result<bool> {
        let event = report.map_err(describe).context("cannot watch files for changes")?;
        let is_relevant = is_change(event.kind)
            && (event.paths.is_empty() || event.paths.iter().any(|path| self.scope.contains(path)));
        let is_replaced = !matches!(
            event.kind,
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_))
        );
        self.is_stale |= is_relevant && is_replaced;
        Ok(is_relevant)
    }
}

/// Returns whether a file, its name or its times may have changed. Reads are reported as well.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn cannot_watch(place: &Path) -> String {
    format!("cannot watch {} for changes", place.display())
}

/// Adds what to do to the error of a limit, which only the administrator can raise.
fn describe(error: notify::Error) -> anyhow::Error {
    match error.kind {
        ErrorKind::MaxFilesWatch => anyhow::anyhow!(
            "the system watches as many files as it may; raise the limit with `sysctl fs.inotify.max_user_watches=524288`"
        ),
        ErrorKind::Io(cause) => cause.into(),
        kind => notify::Error::new(kind).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    /// A failing test waits this long for a report.
    const DEADLINE: Duration = Duration::from_secs(30);

    struct WatchedFolder {
        reports: FileWatcher,
        events: Receiver<notify::Result<Event>>,
        root: tempfile::TempDir,
    }

    impl WatchedFolder {
        fn watched() -> Self {
            let folder = tempfile::tempdir().expect("there is room");
            fs::create_dir(folder.path().join("step")).expect("there is room");
            let (sender, events) = channel();
            let reports = FileWatcher::new(sender).expect("the system watches files");
            let mut watched = Self { reports, events, root: folder };
            watched.follow();
            watched
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join("step").join(name)
        }

        fn snapshot(&self) -> WatchSnapshot {
            WatchSnapshot::new(&[self.path("")], &[self.path("output.jsonl")])
        }

        fn follow(&mut self) {
            while self.reports.follow(&self.snapshot()).expect("the folder can be watched") {}
        }

        /// Waits until a report leads to a difference, and returns the path.
        fn change(&mut self, before: &WatchSnapshot) -> PathBuf {
            loop {
                self.follow();
                if let Some(path) = before.difference(&self.snapshot(), |_| false) {
                    return path;
                }
                let report = self.events.recv_timeout(DEADLINE).expect("the change is reported");
                self.reports.take(report).expect("the watch continues");
            }
        }

        /// Waits for a report about a file, and returns whether it counts.
        fn counts(&mut self, path: &Path) -> bool {
            loop {
                let report = self.events.recv_timeout(DEADLINE).expect("the change is reported");
                let is_about = report.as_ref().is_ok_and(|event| event.paths.iter().any(|other| other == path));
                let counts = self.reports.take(report).expect("the watch continues");
                if is_about {
                    return counts;
                }
            }
        }
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("there is room");
        fs::write(path, text).expect("there is room");
    }

    #[test]
    fn files_in_new_and_in_replaced_folders_are_reported() {
        let mut folder = WatchedFolder::watched();
        let before = folder.snapshot();
        let file = folder.path("src/deep/lib.rs");
        write(&file, "1");
        assert_eq!(folder.change(&before), file);
        let before = folder.snapshot();
        write(&file, "12");
        assert_eq!(folder.change(&before), file);
        let before = folder.snapshot();
        fs::remove_dir_all(folder.path("src")).expect("it is there");
        assert_eq!(folder.change(&before), file);
        let before = folder.snapshot();
        write(&file, "123");
        assert_eq!(folder.change(&before), file);
        let before = folder.snapshot();
        write(&file, "1234");
        assert_eq!(folder.change(&before), file);
    }

    #[test]
    fn a_replaced_root_is_reported() {
        let mut folder = WatchedFolder::watched();
        let file = folder.path("lib.rs");
        write(&file, "1");
        folder.follow();
        let before = folder.snapshot();
        let root = folder.path("");
        fs::rename(&root, folder.root.path().join("old")).expect("both are there");
        assert_eq!(folder.change(&before), file);
        let before = folder.snapshot();
        write(&file, "12");
        assert_eq!(folder.change(&before), file);
    }

    #[test]
    fn outputs_builds_and_hidden_files_do_not_count() {
        let mut folder = WatchedFolder::watched();
        for (name, counts) in [
            ("output.jsonl", false),
            (".output.part", false),
            ("lib.rs~", false),
            ("4913", false),
            ("lib.rs", true),
            ("target", true),
        ] {
            let path = folder.path(name);
            write(&path, "");
            assert_eq!(folder.counts(&path), counts, "{name}");
        }
    }
}
