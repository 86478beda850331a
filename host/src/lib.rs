//! Runs data pipelines whose steps are WebAssembly components.
#![expect(dead_code, reason = "the road is being built from both ends")]

mod config;
mod data_type;
mod format;
mod sink;
mod source;
