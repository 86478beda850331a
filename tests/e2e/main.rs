//! End-to-end tests of the command and the library: real files, real components, real exit codes. See `tests/README.md`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]
#![expect(clippy::format_collect, reason = "inputs are small, and `format!` shows them")]

mod authoring;
mod cancellation;
mod ci;
mod command_line;
mod compile_cache;
mod compile_limits;
mod concurrent_failures;
mod data_types;
mod documentation;
mod dropped;
mod events;
mod failures_file;
mod formats;
mod grants;
mod graph;
mod harness;
mod help;
mod hostile;
mod input;
mod invalid_components;
mod isolation;
mod library;
mod limits;
mod locks;
mod misbehaving;
mod models;
mod on_failure;
mod output;
mod pipeline_file;
mod profiles;
mod python_steps;
mod recipes;
mod replay;
mod reports;
mod result_cache;
mod resume;
mod round_trips;
mod schemas;
mod security_page;
mod sharing;
mod show_output;
mod standard_steps;
mod starved;
mod step_folders;
mod step_kinds;
mod telemetry;
mod test_command;
mod text_benchmark;
mod time_limit;
mod traces;
mod types;
mod until;
mod untrusted;
