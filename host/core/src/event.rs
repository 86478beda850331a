//! What happens while a pipeline is planned and run, for whoever shows it.

use std::path::Path;
use std::sync::Arc;

use crate::failure::Failure;
use crate::report::Report;

/// Something that happened. Events come from several threads, one at a time for each.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step's folder is being compiled to a component.
    Building {
        /// The folder.
        folder: &'a Path,
    },
    /// A component is being read, and compiled if it is not in the cache.
    Compiling {
        /// The component's file.
        component: &'a Path,
    },
    /// A component is ready.
    Compiled {
        /// The component's file.
        component: &'a Path,
        /// Whether it came from the cache.
        cached: bool,
    },
    /// An earlier run goes on. It is then told of as one that begins.
    Resumed {
        /// The run's id.
        run: &'a str,
        /// Rows that it does not read again.
        rows: u64,
    },
    /// The run begins.
    Started {
        /// The run's id.
        run: &'a str,
        /// The pipeline's name.
        pipeline: &'a str,
        /// The steps' names, in the order in which rows pass them.
        steps: &'a [Arc<str>],
        /// The bytes of the input, where that is known.
        total_bytes: Option<u64>,
    },
    /// A row was rejected, and is in the reject file.
    Rejected {
        /// Why, and which row it was.
        failure: &'a Failure,
    },
    /// A batch has been written.
    Progress {
        /// The numbers so far.
        report: &'a Report,
        /// How many bytes of the input have been read.
        bytes_read: u64,
    },
}

/// Receives the events of a run. It is called from several threads, and the run waits for it.
pub type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;
