//! Parts of a run by themselves, for the benchmarks. No part of the library's interface: anything here may change.

mod files;
mod steps;

pub use files::{BenchInput, BenchOutput, Raw};
pub use steps::{BareComponent, BenchAllocation, BenchEngine, BenchStep};

/// An error with its message. A benchmark can only end with it.
pub type BenchError = Box<dyn std::error::Error + Send + Sync>;
