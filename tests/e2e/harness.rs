//! The harness of the end-to-end tests: everything that is not about one feature.
//!
//! - [`Folder`] runs the command in a temporary folder of its own; [`Outcome`] is how a command ended.
//! - [`PipelineFile`] builds a pipeline file.
//! - [`Events`], [`send`], [`end`] and [`wait_until`] are for commands that are still running.
//! - [`Server`] is a server on the loopback interface, and [`model_server`] one of language models.
//! - [`registry`] has registries of components.
//! - [`redact`] replaces values that differ from run to run in snapshots.
//! - [`schemas`] checks events and failure records, [`javascript`], [`python`] and [`wat`] build steps, and [`rows`] writes and reads rows.

mod folder;
pub(crate) mod javascript;
mod models;
mod pipeline;
pub(crate) mod python;
mod redact;
pub(crate) mod registry;
pub(crate) mod rows;
mod running;
pub(crate) mod schemas;
mod server;
pub(crate) mod wat;

pub(crate) use folder::{CACHE, Folder, Outcome, outcome, outcome_with_input};
pub(crate) use models::model_server;
pub(crate) use pipeline::{PipelineFile, Table, component_step, pipeline, sink, source, step};
pub(crate) use redact::{DIGESTS, MEASURES, paths, redact};
pub(crate) use running::{
    Events, SIGNALS, end, fill, full_pipe, memory_kib, process_status, send, spawn, wait_until, wait_until_caught,
};
pub(crate) use server::{Request, Server, ok, read_request, response};

/// The root of the repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
