//! Parts of a run by themselves, for the benchmarks. No part of the library's interface: anything here may change.

mod files;
mod lab;

pub use files::{Input, Output, Raw};
pub use lab::{Allocation, BoundStep, Lab};

/// What went wrong, in words: a benchmark has nothing else to do with it than to end.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
