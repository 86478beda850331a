//! Parts of a run by themselves, for the benchmarks. No part of the library's interface: anything here may change.

mod files;
mod steps;

pub use files::{Input, Output, Raw};
pub use steps::{Allocation, BenchEngine, BoundStep};

/// What went wrong, in words: a benchmark has nothing else to do with it than to end.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
