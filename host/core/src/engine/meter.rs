//! Counts the memory and table entries of an instance against its limits.

use wasmtime::ResourceLimiter;

use crate::limits::Limits;

/// Entries over all tables of an instance. `CPython` needs about 10,000; a table costs the host 16 bytes an entry.
pub(crate) const TABLE_ELEMENTS: usize = 1_000_000;

/// Counts what an instance uses.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_limit: usize,
    memory: usize,
    table_elements: usize,
    refused: Option<DeniedGrowth>,
}

/// What the meter refused last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeniedGrowth {
    /// So many bytes of memory in all.
    Memory(usize),
    /// So many table entries in all.
    TableElements(usize),
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            memory: 0,
            table_elements: 0,
            refused: None,
        }
    }

    /// The most bytes of linear memory that the instance has had. Memories never shrink.
    pub(crate) fn peak(&self) -> u64 {
        self.memory as u64
    }

    /// What the guest asked for and did not get. A guest may live with that; if it fails later, this is why.
    pub(crate) fn refused(&self) -> Option<DeniedGrowth> {
        self.refused
    }

    /// A refusal that a call lived with has nothing to do with the next call.
    pub(super) fn forget_refusal(&mut self) {
        self.refused = None;
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            self.refused = Some(DeniedGrowth::Memory(total));
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            self.refused = Some(DeniedGrowth::TableElements(total));
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }
}
