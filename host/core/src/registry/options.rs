//! Settings of downloads and uploads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cleanup::CleanupRegistry;
use crate::event::{Event, Listener};
use crate::interrupt::Interrupt;

/// Settings of a download or upload. The default cannot be interrupted, reports no events, and uses the credentials of Docker.
#[derive(Clone, Default)]
pub struct TransferOptions {
    pub(super) interrupt: Interrupt,
    pub(super) cleanup: CleanupRegistry,
    pub(super) on_event: Option<Listener>,
    pub(super) docker_config: Option<PathBuf>,
    pub(super) limits: TransferLimits,
}

/// Limits of the answers of servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransferLimits {
    /// Until a connection is open: the lookup of the name, the connection, TLS.
    pub(super) connection: Duration,
    /// Without a byte of an answer.
    pub(super) idle: Duration,
    /// Of a whole answer, for servers that send byte after byte.
    pub(super) time: Duration,
    /// Bytes of a component.
    pub(super) component: u64,
    /// Bytes of a manifest. Registries take no larger ones.
    pub(super) manifest: u64,
    /// Bytes of every other answer.
    pub(super) other: u64,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            connection: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            time: Duration::from_mins(30),
            component: 256 << 20,
            manifest: 4 << 20,
            other: 1 << 20,
        }
    }
}

impl TransferOptions {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the transfer when this interrupt is triggered.
    #[must_use]
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Lists credential helpers that run in this registry, for a caller that may end the process without waiting for the transfer.
    #[must_use]
    pub fn cleanup(mut self, cleanup: &CleanupRegistry) -> Self {
        self.cleanup = cleanup.clone();
        self
    }

    /// Calls the listener with the events [`Event::Downloading`] and [`Event::Uploading`].
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(std::sync::Arc::new(listener));
        self
    }

    /// Calls this listener.
    pub(crate) fn listener(mut self, listener: &Listener) -> Self {
        self.on_event = Some(std::sync::Arc::clone(listener));
        self
    }

    /// Takes credentials from `config.json` in this folder. Default: the folder in the variable `DOCKER_CONFIG`, or else `.docker` in
    /// the home of the user.
    #[must_use]
    pub fn docker_config(mut self, folder: impl Into<PathBuf>) -> Self {
        self.docker_config = Some(folder.into());
        self
    }

    pub(crate) fn own_interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(super) fn report(&self, event: &Event<'_>) {
        if let Some(listener) = &self.on_event {
            listener(event);
        }
    }

    /// Returns the file with the credentials, if the user has a home.
    pub(super) fn credentials_file(&self) -> Option<PathBuf> {
        let of_user = || std::env::home_dir().filter(|home| home != Path::new("")).map(|home| home.join(".docker"));
        let named = || std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        self.docker_config.clone().or_else(named).or_else(of_user).map(|folder| folder.join("config.json"))
    }
}

impl fmt::Debug for TransferOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferOptions").field("limits", &self.limits).finish_non_exhaustive()
    }
}
