//! Runs data pipelines whose steps are WebAssembly components.
#![expect(dead_code, reason = "the road is being built from both ends")]

mod author;
mod config;
mod data_type;
mod format;
mod sink;
mod source;
mod text;

pub use author::{BuildError, BuildOptions, Built, build, build_all};
pub use config::{Complaint, Complaints, ConfigError, Overrides, Place};
pub use text::{escape_controls, escape_controls_in_lines};
