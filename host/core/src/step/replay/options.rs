//! Settings of a replay.

use std::ops::Range;
use std::path::PathBuf;

use crate::cleanup::CleanupRegistry;
use crate::grants::Grants;
use crate::interrupt::Interrupt;
use crate::monitor::Monitor;

/// Settings of a replay. The default makes the whole call with the component of the bundle, without any grant.
#[derive(Debug, Clone, Default)]
pub struct ReplayOptions {
    pub(super) component: Option<PathBuf>,
    pub(super) rows: Option<Range<usize>>,
    pub(super) grants: Grants,
    pub(super) interrupt: Interrupt,
    pub(super) cleanup: CleanupRegistry,
    pub(super) monitor: Monitor,
}

impl ReplayOptions {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls this component instead of the one in the bundle.
    #[must_use]
    pub fn component(mut self, component: impl Into<PathBuf>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// Calls the step with these rows of the last batch only, counted from 0.
    #[must_use]
    pub fn rows(mut self, rows: Range<usize>) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Grants the step something outside of the sandbox. Default: nothing, whatever the step of the bundle was granted.
    #[must_use]
    pub fn allow(mut self, grants: &Grants) -> Self {
        self.grants.extend(grants);
        self
    }

    /// Stops the call when this interrupt is triggered.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Lists temporary files in this registry, for a caller that may end the process without waiting for the replay.
    #[must_use]
    pub fn cleanup(mut self, cleanup: &CleanupRegistry) -> Self {
        self.cleanup = cleanup.clone();
        self
    }

    /// Shows the call to this monitor.
    #[must_use]
    pub fn monitor(mut self, monitor: &Monitor) -> Self {
        self.monitor = monitor.clone();
        self
    }
}
