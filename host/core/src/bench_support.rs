//! Parts of a run by themselves, for the benchmarks. No part of the library's interface: anything here may change.

mod files;
mod steps;

pub use files::{BenchInput, BenchOutput, Raw};
pub use steps::{Allocation, BenchEngine, BenchStep};

/// What went wrong, in words: a benchmark has nothing else to do with it than to end.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;
