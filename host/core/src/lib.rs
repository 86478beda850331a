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
//! An [`Engine`] has the compiled components and the threads; create one per process. A [`Pipeline`] is read from a file or a
//! text and runs any number of times. The directory `examples` of this crate has a program for each of these tasks:
//!
//! - `clean_text`: to run a pipeline file.
//! - `run_handle`: to start a run, follow its [`Event`]s, and cancel it: [`Pipeline::start`], [`Run`].
//! - `record_batches`: to replace sources and sinks by record batches of the program: [`RunOptions::source`],
//!   [`RunOptions::sink`].
//! - `call_step`: to call one step on record batches: [`Engine::step`].

mod batch;
pub mod build;
pub mod bundle;
mod call;
mod cleanup;
pub mod component;
pub mod config;
mod corrupt;
mod data_type;
mod digest;
mod engine;
mod event;
pub mod failure;
mod format;
mod frame;
pub mod grants;
mod http;
pub mod inspection;
mod instance_log;
mod interrupt;
mod json;
mod limits;
mod loader;
pub mod lockfile;
mod log_level;
pub mod model;
mod model_client;
mod monitor;
mod os;
pub mod outline;
mod panics;
mod pattern;
mod pipeline;
mod plan;
mod policy;
mod private_dir;
mod process;
pub mod reference;
pub mod registry;
pub mod remote;
pub mod report;
pub mod result_cache;
mod row_size;
pub mod rows;
pub mod runs;
mod runtime;
mod sandbox;
mod scheduler;
mod sharing;
mod sink;
mod source;
mod spill;
mod stack;
mod stage;
mod stage_input;
mod step;
pub mod telemetry;
pub mod text;
pub mod units;
mod values;
mod writeback;
// For the benchmarks.
#[doc(hidden)]
pub mod bench_support;
// For the fuzz driver.
#[doc(hidden)]
pub mod fuzz_support;

pub use cleanup::CleanupRegistry;
pub use config::Overrides;
pub use data_type::DataType;
pub use engine::{Fuel, Traps};
pub use event::{Event, Events, Listener, OwnedEvent};
pub use failure::{Failure, FailureKind};
pub use grants::{Grants, Policy};
pub use interrupt::{CancelReason, Interrupt, Signal};
pub use limits::Limits;
pub use lockfile::Lock;
pub use monitor::{
    GuestMessage, GuestStream, ModelRequestSpan, Monitor, Snapshot, Span, SpanKind, ThreadActivity, Wait,
};
pub use panics::{caught as catch_panic, panic_is_caught};
pub use pipeline::{Failed, Pipeline, Run, RunError, RunOptions, Worker};
pub use policy::MaxRejects;
pub use report::Report;

pub use runtime::{Engine, EngineBuilder, EngineError};
pub use sharing::{PushError, check_push_target};
pub use step::{
    Applied, AppliedReject, BindError, BoundStep, ColumnMismatch, ConfiguredStep, LoadedComponent, RejectedRow, Replay,
    ReplayError, ReplayOptions, ReplayOutcome, StepBuilder, StepPool, StepResult, StepSession,
};

/// The Arrow crates whose types are part of the interface, in the versions that this library is built with.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_schema as schema;
}

/// The examples of the page for users of the library.
#[cfg(doctest)]
#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/library.md"))]
struct LibraryPage;

/// Callers share these between threads. A field that is not `Send` or `Sync` does not compile.
const _: () = {
    const fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Engine>();
    assert_shared::<EngineBuilder>();
    assert_shared::<Pipeline>();
    assert_shared::<RunOptions>();
    assert_shared::<Run>();
    assert_shared::<Events>();
    assert_shared::<OwnedEvent>();
    assert_shared::<Interrupt>();
    assert_shared::<Monitor>();
    assert_shared::<Snapshot>();
    assert_shared::<CleanupRegistry>();
    assert_shared::<StepPool>();
    assert_shared::<LoadedComponent>();
    assert_shared::<ConfiguredStep>();
    assert_shared::<BoundStep>();
    assert_shared::<RunError>();
    assert_shared::<BindError>();
    assert_shared::<Failure>();
    assert_shared::<Report>();
};
