//! Limits: the resources that one instance may use, and the compilation of its component.

use std::time::Duration;

/// Limits of one instance, and of the compilation of its component. Every limit has a default; a guest can switch off none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of linear memory, summed over all memories of the instance. Default 256 MiB. Memory that the host uses
    /// for the batch itself is not counted.
    pub memory: u64,
    /// Wall-clock time of one batch in one step: instantiation, `bind` and `process`. For a source or an aggregate, of
    /// each call; the time between calls does not count. Default 30 s.
    pub time: Duration,
    /// WebAssembly instructions, approximately. Default none: they are not counted, which is faster.
    pub fuel: Option<u64>,
    /// Rows in one output. Default 10 million.
    pub output_rows: u64,
    /// Bytes in one output. Default 256 MiB. Values that a guest passes to a host function, such as a line of its log, are
    /// bounded by 4 MiB.
    pub output_bytes: u64,
    /// Bytes of log, and as many of standard error and of standard output each, that are retained for the failure's
    /// record. Default 64 KiB. The guest may write any amount; the end is retained.
    pub log_bytes: u64,
    /// Wall-clock time for compiling the component. Default 5 min. A component in the cache of compiled components is not
    /// compiled.
    pub compile_time: Duration,
    /// Bytes of memory of the process that compiles the component. Default 2 GiB. Not applied where the library compiles
    /// in its own process, see [`EngineBuilder::compiler`](crate::EngineBuilder::compiler), or on systems that do not
    /// limit the memory of a process.
    pub compile_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            time: Duration::from_secs(30),
            fuel: None,
            output_rows: 10_000_000,
            output_bytes: 256 << 20,
            log_bytes: 64 << 10,
            compile_time: Duration::from_mins(5),
            compile_memory: 2 << 30,
        }
    }
}

/// Limits that are set in the pipeline file or on the command line; the others keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    pub(crate) memory: Option<u64>,
    pub(crate) time: Option<Duration>,
    pub(crate) fuel: Option<u64>,
    pub(crate) output_rows: Option<u64>,
    pub(crate) output_bytes: Option<u64>,
    pub(crate) log_bytes: Option<u64>,
    pub(crate) compile_time: Option<Duration>,
    pub(crate) compile_memory: Option<u64>,
}

impl Limits {
    /// Returns these limits with the set ones replaced.
    pub(crate) fn with(&self, set: &LimitSettings) -> Self {
        Self {
            memory: set.memory.unwrap_or(self.memory),
            time: set.time.unwrap_or(self.time),
            fuel: set.fuel.or(self.fuel),
            output_rows: set.output_rows.unwrap_or(self.output_rows),
            output_bytes: set.output_bytes.unwrap_or(self.output_bytes),
            log_bytes: set.log_bytes.unwrap_or(self.log_bytes),
            compile_time: set.compile_time.unwrap_or(self.compile_time),
            compile_memory: set.compile_memory.unwrap_or(self.compile_memory),
        }
    }

    /// Returns the smaller one of each limit.
    pub(crate) fn smallest(self, other: &Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            time: self.time.min(other.time),
            fuel: self.fuel.into_iter().chain(other.fuel).min(),
            output_rows: self.output_rows.min(other.output_rows),
            output_bytes: self.output_bytes.min(other.output_bytes),
            log_bytes: self.log_bytes.min(other.log_bytes),
            compile_time: self.compile_time.min(other.compile_time),
            compile_memory: self.compile_memory.min(other.compile_memory),
        }
    }
}
