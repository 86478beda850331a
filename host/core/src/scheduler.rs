//! The scheduler: one reader, tasks on all cores, one writer, and a dispatcher that owns the state of the run.
//!
//! Stages run one after the other. The reader cuts a stage's inputs into pieces and makes a task of each. No more than a fixed number of pieces are between
//! the reader and the sinks' files, so memory does not grow with the input. Tasks end in any order; the dispatcher
//! puts their outcomes in the order of the input and hands them to the writer.

mod dispatcher;
mod in_order;
mod ledger;
mod mailbox;
mod message;
mod permits;
mod priority;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use dispatcher::{Ended, Run, RunStage, run};
pub(crate) use ledger::Keeping;
pub(crate) use priority::share_cores;
pub(crate) use writer::Files;
