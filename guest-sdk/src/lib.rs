//! Write a Stillbox step in Rust: types, one function, one macro.
//!
//! ```
//! use stillbox_sdk::{Input, Output, Parameters, Result, step};
//!
//! #[derive(Parameters)]
//! struct Parameters {
//!     /// Shorter words are not counted.
//!     #[parameter(default = 1, min = 1)]
//!     min_length: usize,
//! }
//!
//! #[derive(Input)]
//! struct Row<'a> {
//!     text: &'a str,
//! }
//!
//! #[derive(Output)]
//! struct Counted {
//!     n_words: usize,
//! }
//!
//! /// Counts the words of a text.
//! #[step]
//! fn count_words(parameters: &Parameters, row: Row<'_>) -> Result<Counted> {
//!     let long_enough = |word: &&str| word.len() >= parameters.min_length;
//!     Ok(Counted { n_words: row.text.split_whitespace().filter(long_enough).count() })
//! }
//! ```
//!
//! Compiled for `wasm32-wasip2`, the crate is a component that speaks [the contract](contract). Compiled natively it is an
//! ordinary crate, whose unit tests call the function, or run the whole step with [`testing`].
//!
//! - [`step`] documents the signatures and return types of steps.
//! - [`input`] and [`output`] list the types of columns; [`Batch`] and [`Rows`] are for steps that process a whole batch.
//! - [`parameters`] lists the types of parameters.
//! - [`any`] is for steps whose parameters define the number and the types of their columns.
//! - `http` sends requests, with the feature of that name and a grant.
//! - [`model`] asks language models, for a step that the pipeline file gives one.
//! - [`random`] generates random numbers that are the same in every run.
//! - [`Error`] and [`Context`] report errors to the host; [`log`] writes messages.
//! - [`Source`] creates rows, and [`Aggregate`] sees all rows of the input.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::result_large_err, reason = "errors are rare, and moved a few times at most")
)]

pub mod any;
pub mod contract;
pub mod error;
#[cfg(feature = "http")]
pub mod http;
pub mod input;
mod json;
pub mod log;
pub mod model;
pub mod output;
mod panic;
pub mod parameters;
pub mod random;
#[expect(
    clippy::missing_errors_doc,
    reason = "only generated code calls this module, except for two documented traits"
)]
mod run;
pub mod testing;

mod any_value;
mod column;
#[cfg(target_arch = "wasm32")]
mod component;
mod dropped;
mod manifest;
mod received;

pub use error::{Context, Error, Result};
pub use input::Batch;
pub use json::{Json, JsonType, JsonValue};
pub use model::Model;
pub use output::Rows;
pub use run::{Aggregate, Source};
pub use serde_json;
pub use stillbox_sdk_macros::{Input, Output, Parameters, step};

/// Items that generated code uses. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::column::{ColumnSpec, assert_names};
    pub use crate::dropped::{DropsRows, note_current as note_drop};
    pub use crate::input::opener::Opener;
    pub use crate::manifest::StepInfo;
    pub use crate::output::step_result::{batch_result, row_result};
    pub use crate::received::ReceivedBatch;
    pub use crate::run::{
        BoundStep, Step, aggregate, aggregate_signature, async_rows, async_rows_signature, batch, batch_signature,
        rows, rows_signature, source, source_signature, start,
    };
    #[cfg(target_arch = "wasm32")]
    pub use crate::{component::Component, contract::export_step};
}

/// Runs the README's examples as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The example of the front page, to be tested.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod front_page {}

/// The example of the page on steps, to be tested.
#[cfg(doctest)]
#[doc = include_str!("../../docs/steps.md")]
mod steps_page {}
