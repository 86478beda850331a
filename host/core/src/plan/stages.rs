//! The stages of a plan: the graph as a list of operations on slots.
//!
//! A slot holds the rows between two operations of a task. An operation reads slots and fills at most one. It comes after
//! the operations that fill the slots it reads. A task fills the slots of the input that it read. Slots that cannot be
//! reached from there stay empty, and operations that read an empty slot do nothing.

use std::sync::Arc;

use super::combine::{Append, Join};
use super::projection::Projection;
use super::route::Route;
use super::step::Step;
use super::until::RowFilter;

/// One stage.
#[derive(Debug)]
pub(crate) struct StagePlan {
    /// In the order in which they are read.
    pub(crate) inputs: Vec<StageSource>,
    pub(crate) operations: Vec<Operation>,
    /// The number of slots.
    pub(crate) slots: usize,
}

/// Rows that a stage reads.
#[derive(Debug)]
pub(crate) struct StageSource {
    /// The index of the node that it is for. Inputs are sorted by it.
    pub(super) node: usize,
    pub(crate) from: InputSource,
    /// The slots that its rows fill: one, or one per parent for rows that are read side by side.
    pub(crate) slots: Vec<usize>,
}

/// The source of the rows of an input.
#[derive(Debug)]
pub(crate) enum InputSource {
    /// The index among the pipeline's sources.
    Source(usize),
    /// A source step, which generates rows; of a pipeline with `until`, at most this many.
    Generator { step: Arc<Step>, at_most: Option<u64> },
    /// An aggregate, which reads the rows of a spill.
    Aggregate { step: Arc<Step>, spill: usize },
    /// A spill of an earlier stage, in batches of `batch_rows` rows, or `None` for the batches in which it was written.
    Spill { spill: usize, batch_rows: Option<usize> },
    /// Several spills of earlier stages, side by side.
    Zipped(Zip),
}

/// Rows that are read side by side.
#[derive(Debug)]
pub(crate) struct Zip {
    /// The name of the node that joins the rows.
    pub(crate) name: Arc<str>,
    /// The indexes of the spills, and the node of each in messages.
    pub(crate) spills: Vec<(usize, String)>,
}

/// One operation of a task.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) reads: Vec<usize>,
    /// `None` for sinks and spills, which have no output.
    pub(crate) fills: Option<usize>,
    pub(crate) work: Work,
}

/// The kind of an operation.
#[derive(Debug)]
pub(crate) enum Work {
    Step(Arc<Step>),
    Project(Projection),
    /// The rows that go to one child of a route.
    Route {
        route: Route,
        child: usize,
    },
    Union(Arc<Append>),
    Join(JoinOperation),
    /// The rows that `until` accepts.
    Accept(Arc<RowFilter>),
    /// The index in [`Plan::sinks`](super::Plan::sinks).
    Sink(usize),
    /// The index in [`Plan::spills`](super::Plan::spills).
    Spill(usize),
}

/// A join within a task.
#[derive(Debug)]
pub(crate) struct JoinOperation {
    pub(crate) name: Arc<str>,
    pub(crate) join: Arc<Join>,
    pub(crate) parents: Vec<JoinParent>,
}

/// A parent of a join.
#[derive(Debug)]
pub(crate) struct JoinParent {
    /// The node in messages.
    pub(crate) title: String,
    /// The numbers of the steps that may have rejected a row before it arrives here.
    pub(crate) steps: Vec<usize>,
}

/// Rows that one stage spills to disk for later stages.
#[derive(Debug)]
pub(crate) struct SpillPlan {
    /// The node of the rows in messages.
    pub(crate) title: String,
}
