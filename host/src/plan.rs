//! The plan: what will be done. The graph is checked, components are loaded and bound, columns have types along every
//! edge. After it only input, output and guests can fail.

mod columns;
mod files;
mod graph;
mod steps;

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use crate::component::{Component, Signature, Workshop};
use crate::config::{Complaint, Complaints, Config, DEFAULT_BATCH_ROWS};
use crate::failure::Failure;
use crate::interrupt::{Signal, Stop, StopReason};
use crate::pipeline::Listener;
use crate::policy::{MostRejects, OnFailure};
use crate::sandbox::Limits;
use crate::sink::SinkSpec;
use crate::source::{self, OpenSource, SourceError, SourceSchema};

pub(crate) use columns::{Placement, alone, describe};
pub(crate) use graph::{Graph, Role};

use columns::Shape;

/// A pipeline that is ready to run.
pub(crate) struct Plan {
    pub(crate) name: Arc<str>,
    /// The steps and sinks, each after its parents. Node 0 is the source; node `n` is `nodes[n - 1]`.
    pub(crate) nodes: Vec<Node>,
    pub(crate) source: OpenSource,
    pub(crate) source_name: Arc<str>,
    /// The columns that come out of the source.
    pub(crate) source_schema: SchemaRef,
    pub(crate) sinks: Vec<PlannedSink>,
    /// Where rejected rows go.
    pub(crate) rejects: Option<Rejects>,
}

/// A sink's specification under its name.
pub(crate) struct PlannedSink {
    pub(crate) name: Arc<str>,
    pub(crate) spec: SinkSpec,
}

/// The reject file, and how many rows may come to it.
pub(crate) struct Rejects {
    pub(crate) spec: SinkSpec,
    pub(crate) most: Option<MostRejects>,
}

/// A node that takes batches of its parent.
pub(crate) struct Node {
    pub(crate) parent: usize,
    pub(crate) work: Work,
}

/// What a node does with a batch.
pub(crate) enum Work {
    Step(Arc<Step>),
    /// The index in [`Plan::sinks`].
    Sink(usize),
}

/// A component under a name, with its parameters, and its columns found among those that come in.
pub(crate) struct Step {
    pub(crate) name: Arc<str>,
    pub(crate) component: Arc<Component>,
    /// A JSON object.
    pub(crate) parameters: Arc<str>,
    pub(crate) signature: Signature,
    pub(crate) limits: Limits,
    pub(crate) on_failure: OnFailure,
    /// For every input of the signature, the index of its column in what comes in; none for an optional column that is
    /// missing.
    pub(crate) inputs: Vec<Option<usize>>,
    /// For every column that goes out, where it comes from.
    pub(crate) placements: Vec<Placement>,
    /// The columns that go out.
    pub(crate) schema: SchemaRef,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// The pipeline file asks for something that cannot be done.
    #[error(transparent)]
    Complaints(#[from] Complaints),
    /// The beginning of the input is malformed.
    #[error(transparent)]
    Input(SourceError),
    /// Stillbox is at fault.
    #[error("{0}")]
    Host(Box<Failure>),
    /// Planning was stopped.
    #[error("stopped by {}", .0.name())]
    Stopped(Signal),
}

/// What a plan is made with.
pub(crate) struct Making {
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) stop: Stop,
    pub(crate) on_event: Listener,
}

impl Plan {
    /// Makes the plan of a pipeline. All that is wrong is reported at once.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn make(config: &Config, making: &Making) -> Result<Self, PlanError> {
        let mut complaints = Vec::new();
        let graph = Graph::new(config, &mut complaints);
        let steps = steps::load(config, making, &mut complaints);
        if let Some(StopReason::Signal(signal)) = making.stop.reason() {
            return Err(PlanError::Stopped(signal));
        }
        let source = open_source(config, &mut complaints)?;
        files::check(config, source.as_ref().map_or(&[], |source| &source.files), &mut complaints);
        let (Some(graph), Some(source)) = (graph, source) else {
            return Err(config.complaints(complaints).into());
        };
        let typed = columns::flow(config, &graph, steps, &source.schema, &mut complaints);
        match typed {
            Some(typed) if complaints.is_empty() => Ok(Self::assemble(config, &graph, source, typed)),
            _ => Err(config.complaints(complaints).into()),
        }
    }

    fn assemble(config: &Config, graph: &Graph, source: OpenSource, typed: columns::Typed) -> Self {
        let columns::Typed { source_shape, mut steps, shapes } = typed;
        let mut sinks = Vec::with_capacity(config.sinks.len());
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for (id, node) in graph.nodes.iter().enumerate().skip(1) {
            let parent = node.parents[0];
            let work = match node.role {
                Role::Source(_) => continue,
                Role::Step(index) => Work::Step(steps[index].take().expect("every step is one node")),
                Role::Sink(index) => {
                    sinks.push(PlannedSink {
                        name: Arc::clone(&node.name),
                        spec: files::sink_spec(&config.sinks[index], shapes[parent].schema()),
                    });
                    Work::Sink(sinks.len() - 1)
                }
            };
            debug_assert!(parent < id, "nodes are in topological order");
            nodes.push(Node { parent, work });
        }
        Self {
            name: config.pipeline.name.value.as_str().into(),
            nodes,
            source,
            source_name: Arc::clone(&graph.nodes[0].name),
            source_schema: source_shape.schema(),
            sinks,
            rejects: config.rejects.as_ref().map(files::rejects),
        }
    }

    /// The steps in topological order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Arc<Step>> {
        self.nodes.iter().filter_map(|node| match &node.work {
            Work::Step(step) => Some(step),
            Work::Sink(_) => None,
        })
    }
}

/// Opens the only source. Malformed rows are the input's fault and reported as such; all else is the pipeline's.
fn open_source(config: &Config, complaints: &mut Vec<Complaint>) -> Result<Option<OpenSource>, PlanError> {
    let Some(table) = config.sources.first() else { return Ok(None) };
    let batch_rows = config.pipeline.batch_rows.as_ref().map_or(DEFAULT_BATCH_ROWS, |rows| rows.value);
    match source::open(&files::source_spec(table, batch_rows)) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.is_about_rows() => Err(PlanError::Input(error)),
        Err(error) => {
            complaints.push(complaint_of(table.path.place.clone(), &error));
            Ok(None)
        }
    }
}

/// A complaint with an error's message and causes.
fn complaint_of(place: crate::config::Place, error: &dyn std::error::Error) -> Complaint {
    let mut message = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    Complaint::new(place, message)
}

impl Shape {
    fn of_source(schema: &SourceSchema) -> Self {
        match schema {
            SourceSchema::Known(schema) => Self::Known(Arc::clone(schema)),
            SourceSchema::Empty => Self::Open(Arc::new(Schema::empty())),
        }
    }
}
