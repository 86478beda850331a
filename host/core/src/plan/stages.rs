//! What each stage reads and does: the graph as a list of operations on slots.
//!
//! A slot holds the rows that are between two operations of a task. An operation reads slots and fills one; it comes
//! after those that fill what it reads. The rows of an input fill its slots; what cannot be reached from there stays
//! empty, and the operations that read it do nothing.

mod lowering;

use std::sync::Arc;

use super::Step;
use super::combine::{Append, Join};
use super::projection::Projection;
use super::route::Route;

pub(super) use lowering::stages;

/// One stage.
#[derive(Debug)]
pub(crate) struct StagePlan {
    /// In the order in which they are read.
    pub(crate) inputs: Vec<StageSource>,
    pub(crate) operations: Vec<Operation>,
    /// How many slots there are.
    pub(crate) slots: usize,
}

/// Rows that a stage reads.
#[derive(Debug)]
pub(crate) struct StageSource {
    /// Who it reads, for its location among the inputs: the nodes in their order.
    node: usize,
    pub(crate) from: InputSource,
    /// What its rows fill: one slot, but for those that are read side by side.
    pub(crate) slots: Vec<usize>,
}

/// Where an input's rows come from.
#[derive(Debug)]
pub(crate) enum InputSource {
    /// The index among the pipeline's sources.
    Source(usize),
    /// A step that makes them.
    Generator(Arc<Step>),
    /// A step that makes them of what was kept for it.
    Aggregate { step: Arc<Step>, spill: usize },
    /// What an earlier stage kept, in batches of so many rows, or as it was kept.
    Spill { spill: usize, batch_rows: Option<usize> },
    /// What earlier stages kept, side by side.
    Zipped(Zip),
}

/// Rows that are read side by side.
#[derive(Debug)]
pub(crate) struct Zip {
    /// Who asks for it.
    pub(crate) name: Arc<str>,
    /// What is read, and whose rows they are, in words.
    pub(crate) spills: Vec<(usize, String)>,
}

/// Something that a task does.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) reads: Vec<usize>,
    /// None for those from which nothing comes.
    pub(crate) fills: Option<usize>,
    pub(crate) work: Work,
}

/// What an operation does.
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
    /// In words.
    pub(crate) title: String,
    /// The steps, by number, in which a row can have been rejected on its way here.
    pub(crate) steps: Vec<usize>,
}

/// Rows that one stage keeps on disk for later ones.
#[derive(Debug)]
pub(crate) struct SpillPlan {
    /// Whose rows they are, in words.
    pub(crate) title: String,
}
