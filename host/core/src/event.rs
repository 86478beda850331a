//! Events of planning and running a pipeline, for progress displays and logs.

mod owned;
mod queue;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use owned::OwnedEvent;
pub use queue::Events;

pub(crate) use queue::EventQueue;

use crate::failure::Failure;
use crate::report::Report;

/// An event. Several threads send events; each sends one at a time.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step's folder is compiled to a component.
    #[non_exhaustive]
    Building {
        /// The folder.
        folder: &'a Path,
    },
    /// A build waits for another process.
    #[non_exhaustive]
    BuildWaits {
        /// The process, or the folder that it has locked.
        what: &'a str,
    },
    /// Packages that builds need are downloaded and installed, or the runtime of steps in JavaScript is built.
    #[non_exhaustive]
    Installing {
        /// The packages.
        what: &'a str,
    },
    /// A tool that builds a step has printed a line.
    #[non_exhaustive]
    BuildOutput {
        /// The line, with whatever control characters it has.
        line: &'a str,
    },
    /// A component is downloaded.
    #[non_exhaustive]
    Downloading {
        /// The reference.
        reference: &'a str,
    },
    /// A component is uploaded.
    #[non_exhaustive]
    Uploading {
        /// The reference.
        reference: &'a str,
    },
    /// A component is read, and compiled if it is not in the cache.
    #[non_exhaustive]
    Compiling {
        /// The component's file.
        component: &'a Path,
    },
    /// A component is ready.
    #[non_exhaustive]
    Compiled {
        /// The component's file.
        component: &'a Path,
        /// Whether it came from the cache.
        cached: bool,
    },
    /// An earlier run is resumed. `Started` follows.
    #[non_exhaustive]
    Resumed {
        /// The run's id.
        run: &'a str,
        /// Rows that are not read again.
        rows: u64,
    },
    /// The run starts.
    #[non_exhaustive]
    Started {
        /// The run's id.
        run: &'a str,
        /// The pipeline's name.
        pipeline: &'a str,
        /// The steps' names, in the order in which rows pass them.
        steps: &'a [Arc<str>],
        /// Size of the input in bytes, if known.
        total_bytes: Option<u64>,
    },
    /// Something about an input may be unexpected, such as a column with a made-up name. The run continues.
    #[non_exhaustive]
    Warning {
        /// The place and the message.
        message: &'a str,
    },
    /// A row was rejected, and written to the reject file.
    #[non_exhaustive]
    Rejected {
        /// The reason and the row.
        failure: &'a Failure,
    },
    /// The time limit of the run has passed, and the run is being stopped. Sent by a thread of its own.
    #[non_exhaustive]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// A batch was written, or models were asked: while a batch waits for models, once a second.
    #[non_exhaustive]
    Progress {
        /// The counts so far.
        report: &'a Report,
        /// Bytes of the input read so far.
        bytes_read: u64,
    },
}

impl<'a> Event<'a> {
    /// Creates the event of a folder that is about to be compiled, for programs that build steps themselves.
    pub fn building(folder: &'a Path) -> Self {
        Self::Building { folder }
    }

    /// Creates the event of a component that is about to be loaded, for programs that load components themselves.
    pub fn compiling(component: &'a Path) -> Self {
        Self::Compiling { component }
    }

    /// Creates the event of a component that is ready, for programs that load components themselves.
    pub fn compiled(component: &'a Path, cached: bool) -> Self {
        Self::Compiled { component, cached }
    }
}

/// Receives the events of a run. It is called from several threads, and the run waits for it.
pub type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;
