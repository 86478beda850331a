//! The tasks of a stage, from their start until their outputs are ordered to be written.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::scheduler::in_flight::InFlight;
use crate::scheduler::reorder_buffer::ReorderBuffer;

/// The tasks of the stage that runs, and their outputs that cannot be written yet.
pub(super) struct Tasks {
    pub(super) input: InputState,
    pub(super) running: usize,
    pub(super) outputs: ReorderBuffer<Box<InFlight>>,
    /// The first item whose requests are deferred. Outputs after it cannot be written in this run.
    pub(super) first_deferred: Option<u64>,
    /// Failures whose turn has not come, by the number of their item.
    pub(super) failures: BTreeMap<u64, Box<Failure>>,
}

/// The state of a stage's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputState {
    /// Read from a file or from spilled rows, as far as is known.
    Read,
    /// Made by a step that is called on the reader's thread.
    Generated,
    /// There are no more items.
    Ended,
}

impl Tasks {
    /// The tasks of a stage that starts at the item with this number.
    pub(super) fn new(first: u64) -> Self {
        Self {
            input: InputState::Read,
            running: 0,
            outputs: ReorderBuffer::new(first),
            first_deferred: None,
            failures: BTreeMap::new(),
        }
    }

    /// Whether no task is running or will be started, and no output is held back.
    pub(super) fn have_ended(&self) -> bool {
        self.input == InputState::Ended && self.running == 0 && !self.outputs.has_next()
    }

    /// Notes that an item has no output in this run. Outputs after it would hold their permits until the end, so they are dropped: their
    /// answers are stored.
    pub(super) fn defer(&mut self, number: u64) {
        let first = self.first_deferred.map_or(number, |first| first.min(number));
        self.first_deferred = Some(first);
        self.outputs.remove_after(first);
    }
}
