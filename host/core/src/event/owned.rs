//! Events that can be stored and sent to other threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Event;
use crate::failure::Failure;
use crate::report::Report;

/// An [`Event`] that borrows nothing, from [`Run::events`](crate::Run::events) or `OwnedEvent::from(&event)`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OwnedEvent {
    /// See [`Event::Building`].
    #[non_exhaustive]
    Building {
        /// The folder.
        folder: PathBuf,
    },
    /// See [`Event::BuildWaits`].
    #[non_exhaustive]
    BuildWaits {
        /// The process, or the folder that it has locked.
        what: String,
    },
    /// See [`Event::Installing`].
    #[non_exhaustive]
    Installing {
        /// The packages.
        what: String,
    },
    /// See [`Event::BuildOutput`].
    #[non_exhaustive]
    BuildOutput {
        /// The line.
        line: String,
    },
    /// See [`Event::Downloading`].
    #[non_exhaustive]
    Downloading {
        /// The reference.
        reference: String,
    },
    /// See [`Event::Uploading`].
    #[non_exhaustive]
    Uploading {
        /// The reference.
        reference: String,
    },
    /// See [`Event::Compiling`].
    #[non_exhaustive]
    Compiling {
        /// The component's file.
        component: PathBuf,
    },
    /// See [`Event::Compiled`].
    #[non_exhaustive]
    Compiled {
        /// The component's file.
        component: PathBuf,
        /// Whether it came from the cache.
        cached: bool,
    },
    /// See [`Event::Resumed`].
    #[non_exhaustive]
    Resumed {
        /// The run's id.
        run: Arc<str>,
        /// Rows that are not read again.
        rows: u64,
    },
    /// See [`Event::Started`].
    #[non_exhaustive]
    Started {
        /// The run's id.
        run: Arc<str>,
        /// The pipeline's name.
        pipeline: String,
        /// The steps' names, in the order in which rows pass them.
        steps: Vec<Arc<str>>,
        /// Size of the input in bytes, if known.
        total_bytes: Option<u64>,
    },
    /// See [`Event::Warning`].
    #[non_exhaustive]
    Warning {
        /// The message, in one sentence.
        message: String,
    },
    /// See [`Event::Rejected`].
    #[non_exhaustive]
    Rejected {
        /// The reason and the row.
        failure: Box<Failure>,
    },
    /// See [`Event::TimeLimit`].
    #[non_exhaustive]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// See [`Event::Progress`].
    #[non_exhaustive]
    Progress {
        /// The counts so far.
        report: Box<Report>,
        /// Bytes of the input read so far.
        bytes_read: u64,
    },
    /// The receiver was too slow, and the oldest events were dropped. No event of the run itself.
    #[non_exhaustive]
    Missed {
        /// The number of dropped events.
        events: u64,
    },
}

impl From<&Event<'_>> for OwnedEvent {
    fn from(event: &Event<'_>) -> Self {
        match *event {
            Event::Building { folder } => Self::Building { folder: folder.to_owned() },
            Event::BuildWaits { what } => Self::BuildWaits { what: what.to_owned() },
            Event::Installing { what } => Self::Installing { what: what.to_owned() },
            Event::BuildOutput { line } => Self::BuildOutput { line: line.to_owned() },
            Event::Downloading { reference } => Self::Downloading { reference: reference.to_owned() },
            Event::Uploading { reference } => Self::Uploading { reference: reference.to_owned() },
            Event::Compiling { component } => Self::Compiling { component: component.to_owned() },
            Event::Compiled { component, cached } => Self::Compiled { component: component.to_owned(), cached },
            Event::Resumed { run, rows } => Self::Resumed { run: run.into(), rows },
            Event::Started { run, pipeline, steps, total_bytes } => {
                Self::Started { run: run.into(), pipeline: pipeline.to_owned(), steps: steps.to_vec(), total_bytes }
            }
            Event::Warning { message } => Self::Warning { message: message.to_owned() },
            Event::Rejected { failure } => Self::Rejected { failure: Box::new(failure.clone()) },
            Event::TimeLimit { limit } => Self::TimeLimit { limit },
            Event::Progress { report, bytes_read } => Self::Progress { report: Box::new(report.clone()), bytes_read },
        }
    }
}
