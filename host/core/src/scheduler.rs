//! The scheduler: one reader, tasks on all cores, one writer, and a dispatcher that owns the state of the run.
//!
//! Stages run one after the other. The reader cuts a stage's inputs into pieces and makes a task of each. No more than a fixed number of pieces are between
//! the reader and the sinks' files, so memory does not grow with the input. Tasks end in any order; the dispatcher
//! puts their outcomes in the order of the input and hands them to the writer.

mod checkpoint_writer;
mod dispatcher;
mod in_flight;
mod message;
mod reader;
mod reorder_buffer;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use checkpoint_writer::Keeping;
pub(crate) use dispatcher::{Run, RunOutcome, RunStage, run};
pub(crate) use writer::Files;
