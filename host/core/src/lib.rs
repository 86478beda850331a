//! Runs data pipelines whose steps are WebAssembly components.
//!
//! Every batch of every step runs in its own instance, without permissions. Every failure becomes one [`Failure`] that
//! carries the guest's own message.
//!
//! ```no_run
//! use stillbox::{Engine, Pipeline, RunOptions};
//!
//! let pipeline = Pipeline::from_file("examples/clean-text/pipeline.toml")?;
//! let report = pipeline.run(&Engine::default(), &RunOptions::new())?;
//! println!("{} rows in", report.rows_in);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `ARCHITECTURE.md` next to this crate describes the modules and the way of a batch through them.

mod batch;
pub mod build;
mod call;
mod cases;
mod cleanup;
mod component;
mod config;
mod corrupt;
mod data_type;
mod engine;
mod event;
mod failure;
mod format;
mod inspection;
mod interrupt;
mod json;
mod limits;
mod loader;
mod outline;
mod panics;
mod pipeline;
mod plan;
mod policy;
mod private_dir;
mod report;
mod result_cache;
mod runs;
mod runtime;
mod sandbox;
mod scheduler;
mod sink;
mod source;
mod spill;
mod stage;
mod stage_input;
mod step;
mod text;
mod units;
// For the benchmarks.
#[doc(hidden)]
pub mod bench_support;

pub use cases::{
    CaseReport, CheckName, Difference, Problem, RowDifference, StepProblem, Suite, TestError, TestOptions, TestReport,
};
pub use cleanup::CleanupRegistry;
pub use component::{
    Access, Column, CompileCache, ComponentError, ComponentErrorKind, Import, Manifest, Signature, StepKind, Toolchain,
};
pub use config::{ConfigError, ConfigLocation, Diagnostic, Diagnostics, Overrides, PIPELINE_SCHEMA};
pub use data_type::DataType;
pub use engine::Permission;
pub use event::{Event, Listener};
pub use failure::{Failure, FailureKind, Frame, LimitHit, Location, LogEntry, LogLevel, RowPlace};
pub use inspection::{InspectError, Inspection, inspect};
pub use interrupt::{Interrupt, Signal};
pub use limits::Limits;
pub use outline::{NodeRole, Outline, OutlineEdge, OutlineNode};
pub use panics::panic_is_caught;
pub use pipeline::{Failed, Pipeline, Run, RunError, RunOptions};
pub use policy::MaxRejects;
pub use report::{Report, Resumable, SinkReport, StepReport};
pub use result_cache::{CachePruneSummary, CacheUsage, ResultCache, prune_cache, usage_of_cache};
pub use runs::{CHECKPOINT_EVERY, Checkpointing, PruneSummary, RunInfo, RunStatus, RunStore, RunStoreError, Start};
pub use runtime::{Engine, EngineBuilder, EngineError};
pub use step::{BindError, BoundStep, RejectedRow, StepBuilder, StepResult, StepSession};
pub use text::{escape_controls, escape_controls_in_json, escape_controls_in_lines, shell_word};
pub use units::{DurationError, SizeError, grouped, parse_duration, parse_size};

/// The Arrow crates whose types are part of the interface, in the versions that this library is built with.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_schema as schema;
}
