//! Counts the memory and table entries of an instance against its limits.

use wasmtime::{OutOfMemory, ResourceLimiter};

use crate::failure::is_shortage;
use crate::limits::Limits;

/// Largest number of entries over all tables of an instance. `CPython` needs about 10,000; an entry takes the host 16
/// bytes.
pub(crate) const TABLE_ELEMENTS: usize = 1_000_000;

/// Counts the memory and table entries of an instance.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_limit: usize,
    memory: usize,
    table_elements: usize,
    denied_growth: Option<DeniedGrowth>,
}

/// A growth that the meter denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeniedGrowth {
    /// The total number of bytes of memory that was requested.
    Memory(usize),
    /// The total number of table entries that was requested.
    TableElements(usize),
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            memory: 0,
            table_elements: 0,
            denied_growth: None,
        }
    }

    /// Returns the peak of the instance's linear memory, in bytes. Memories never shrink.
    pub(crate) fn peak(&self) -> u64 {
        self.memory as u64
    }

    /// Returns the last growth that was denied. A guest may handle that; if it fails later, this is the reason.
    pub(crate) fn denied_growth(&self) -> Option<DeniedGrowth> {
        self.denied_growth
    }

    /// Allows so many bytes of memory, if they are more than before.
    pub(crate) fn allow(&mut self, memory: u64) {
        self.memory_limit = self.memory_limit.max(usize::try_from(memory).unwrap_or(usize::MAX));
    }

    /// Forgets the denied growth, which an earlier call handled.
    pub(super) fn forget_refusal(&mut self) {
        self.denied_growth = None;
    }
}

fn end_if_shortage(error: wasmtime::Error) -> wasmtime::Result<()> {
    if is_shortage_error(&error) { Err(error) } else { Ok(()) }
}

/// Returns whether an error means that the system gives this process no more memory or threads.
pub(crate) fn is_shortage_error(error: &wasmtime::Error) -> bool {
    error.is::<OutOfMemory>() || error.chain().any(|link| is_shortage(&link.to_string()))
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            self.denied_growth = Some(DeniedGrowth::Memory(total));
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    /// Ends the call if the system is the cause: the guest would take it for a full memory, and blame its row.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        end_if_shortage(error)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        end_if_shortage(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            self.denied_growth = Some(DeniedGrowth::TableElements(total));
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }
}
