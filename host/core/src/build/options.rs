//! Options and events of a build.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;

use super::error::BuildError;
use crate::cleanup::CleanupRegistry;
use crate::event::Event;
use crate::interrupt::Interrupt;
use crate::process::{self, ProcessEnd, ProcessOptions, ProcessOutput};

/// How a step is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildProfile {
    /// Optimised for speed.
    #[default]
    Release,
    /// For tests. A Rust step is compiled fast, with checks for overflows of integers and debug assertions; a Python step imports
    /// its modules when an instance starts.
    Development,
}

/// Receives the events of a build, on the thread that builds.
type BuildListener<'a> = &'a (dyn Fn(&Event<'_>) + Sync);

/// Checks a component, whose path comes first, before it gets its name, which comes second.
type ComponentCheck<'a> = &'a (dyn Fn(&Path, &Path) -> Result<(), Box<dyn Error + Send + Sync>> + Sync);

/// Options of a build.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct BuildOptions<'a> {
    pub(super) target_dir: Option<&'a Path>,
    pub(super) profile: BuildProfile,
    pub(super) cleanup: Option<&'a CleanupRegistry>,
    interrupt: Option<&'a Interrupt>,
    on_event: Option<BuildListener<'a>>,
    check: Option<ComponentCheck<'a>>,
    is_rejected: bool,
}

impl<'a> BuildOptions<'a> {
    /// The default options: the release profile, cargo's target folder, no interrupt, no registry, no listener.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the folder for compiled files. Default: cargo's, which is `target` in the folder of the crate or its workspace.
    #[must_use]
    pub fn target_dir(mut self, folder: &'a Path) -> Self {
        self.target_dir = Some(folder);
        self
    }

    /// Sets the profile. Default: [`BuildProfile::Release`].
    #[must_use]
    pub fn profile(mut self, profile: BuildProfile) -> Self {
        self.profile = profile;
        self
    }

    /// Kills the build within 20 ms after this interrupt was triggered. Default: never.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &'a Interrupt) -> Self {
        self.interrupt = Some(interrupt);
        self
    }

    /// Registers child processes and temporary folders, so that they can be removed if the process exits before the build
    /// ends. Default: not registered.
    #[must_use]
    pub fn cleanup(mut self, cleanup: &'a CleanupRegistry) -> Self {
        self.cleanup = Some(cleanup);
        self
    }

    /// Sets the listener for [`Event::BuildWaits`], [`Event::Installing`] and [`Event::BuildOutput`]. Default: none.
    #[must_use]
    pub fn on_event(mut self, listener: &'a (dyn Fn(&Event<'_>) + Sync)) -> Self {
        self.on_event = Some(listener);
        self
    }

    /// Checks a component in which mistakes of syntax are found when it is loaded, because its interpreter finds them: one of a step in
    /// JavaScript. `check` receives the path of a temporary file, and that of the component in messages. If it returns an error, the
    /// component of an earlier build stays as it is. Default: not checked.
    #[must_use]
    pub fn check(mut self, check: ComponentCheck<'a>) -> Self {
        self.check = Some(check);
        self
    }

    /// Rejects every folder with [`BuildError::Rejected`], because tools and build scripts run outside of the sandbox. Default:
    /// folders are built.
    #[must_use]
    pub fn rejected(mut self, is_rejected: bool) -> Self {
        self.is_rejected = is_rejected;
        self
    }

    /// Calls the check.
    pub(super) fn check_component(&self, file: &Path, shown: &Path) -> Result<(), BuildError> {
        self.check.map_or(Ok(()), |check| check(file, shown)).map_err(BuildError::Unusable)
    }

    /// Whether components are checked.
    pub(super) fn has_check(&self) -> bool {
        self.check.is_some()
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.interrupt.is_some_and(Interrupt::is_triggered)
    }

    /// Returns the options without the listener, for tools whose output is of no use to the author.
    pub(super) fn without_events(mut self) -> Self {
        self.on_event = None;
        self
    }

    /// Passes an event to the listener.
    pub(super) fn report(&self, event: &Event<'_>) {
        if let Some(listener) = self.on_event {
            listener(event);
        }
    }

    /// Runs a tool without input, and returns its output, or `None` if it was cancelled. `on_line` receives the lines of its
    /// standard error, as does the listener.
    ///
    /// # Errors
    /// The tool cannot be run.
    pub(super) fn run(&self, command: &mut Command, on_line: &dyn Fn(&str)) -> io::Result<Option<ProcessOutput>> {
        let unlisted = CleanupRegistry::default();
        let options = ProcessOptions {
            input: Bytes::new(),
            stop: &|| self.is_cancelled(),
            time: None,
            cleanup: self.cleanup.unwrap_or(&unlisted),
            on_line: &|line| {
                self.report(&Event::BuildOutput { line });
                on_line(line);
            },
        };
        Ok(match process::run(command, &options)? {
            ProcessEnd::Exited(output) => Some(output),
            ProcessEnd::Stopped | ProcessEnd::TimedOut => None,
        })
    }

    /// As [`run`](Self::run), for cargo.
    ///
    /// # Errors
    /// Cargo is not installed, or cannot be run.
    pub(super) fn run_tool(
        &self,
        command: &mut Command,
        on_line: &dyn Fn(&str),
    ) -> Result<Option<ProcessOutput>, BuildError> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.run(command, on_line).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BuildError::NoCargo { program },
            _ => BuildError::NotRun { program, source },
        })
    }
}
