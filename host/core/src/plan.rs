//! The plan: what will be done. The graph is checked, components are loaded and bound, columns have types along every
//! edge. After it only input, output and guests can fail.

mod assemble;
mod bind;
mod columns;
mod combine;
mod files;
mod graph;
mod projection;
mod route;
mod stage_assignment;
mod stages;
mod steps;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use tokio::sync::Semaphore;

use crate::cleanup::CleanupRegistry;
use crate::component::{Component, Signature, StepKind};
use crate::config::combine::Combine;
use crate::config::instance::{CacheMode, InstanceLife};
use crate::config::{Config, DEFAULT_BATCH_ROWS, Diagnostic, Diagnostics};
use crate::event::Listener;
use crate::failure::Failure;
use crate::interrupt::{Signal, Stop, StopReason};
use crate::limits::Limits;
use crate::loader::ComponentLoader;
use crate::policy::{MaxRejects, OnFailure};
use crate::report::SinkReport;
use crate::sink::{SinkLocation, SinkSpec};
use crate::source::{self, OpenSource, SourceError};

pub(crate) use bind::standalone_step;
pub(crate) use columns::describe;
pub(crate) use combine::Append;
pub(crate) use files::check_failures;
pub(crate) use graph::{Graph, Role};
pub(crate) use stages::{
    InputSource, JoinOperation, JoinParent, Operation, SpillPlan, StagePlan, StageSource, Work, Zip,
};

/// A pipeline that is ready to run.
pub(crate) struct Plan {
    pub(crate) name: Arc<str>,
    /// Sources, steps and sinks, each after its parents.
    pub(crate) nodes: Vec<PlannedNode>,
    /// In the order in which they run.
    pub(crate) stages: Vec<StagePlan>,
    /// What is kept on disk between them.
    pub(crate) spills: Vec<SpillPlan>,
    /// In the order of the pipeline file.
    pub(crate) sources: Vec<OpenSource>,
    pub(crate) sinks: Vec<PlannedSink>,
    /// Where rejected rows go.
    pub(crate) rejects: Option<Rejects>,
    /// Rows in a batch, where a step does not say otherwise.
    pub(crate) batch_rows: usize,
}

/// A node as it is project.
pub(crate) struct PlannedNode {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) edges: Vec<PlannedEdge>,
    pub(crate) combine: Option<Combine>,
    pub(crate) step: Option<Arc<Step>>,
    /// The columns that come in.
    pub(crate) input: SchemaRef,
    /// The columns that come out of it; of a sink, those that it writes.
    pub(crate) schema: SchemaRef,
}

/// An edge into a node, as it is project.
pub(crate) struct PlannedEdge {
    pub(crate) parent: usize,
    /// The columns that come along it.
    pub(crate) schema: SchemaRef,
    /// Which of the parent's rows these are, in words; none for all of them.
    pub(crate) route: Option<String>,
}

/// A sink's specification under its name.
pub(crate) struct PlannedSink {
    pub(crate) name: Arc<str>,
    pub(crate) spec: SinkSpec,
}

impl PlannedSink {
    /// Returns the sink's report before any row is written.
    pub(crate) fn report(&self) -> SinkReport {
        let is_stdout = self.spec.location == SinkLocation::Stdout;
        SinkReport { name: Arc::clone(&self.name), rows: 0, is_stdout }
    }
}

/// The reject file, and how many rows may come to it.
pub(crate) struct Rejects {
    pub(crate) spec: SinkSpec,
    pub(crate) max_rejects: Option<MaxRejects>,
}

/// A component under a name, with its parameters, and its columns found among those that come in.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its location among the steps of the graph, each of which comes after those before it.
    pub(crate) number: usize,
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
    pub(crate) column_sources: Vec<ColumnSource>,
    /// The columns that go out.
    pub(crate) schema: SchemaRef,
    /// The most rows that an instance gets at once.
    pub(crate) batch_rows: usize,
    pub(crate) instance: InstanceLife,
    pub(crate) cache: CacheMode,
    /// What an instance needs to be at work, where there may not be many of them.
    pub(crate) slots: Option<Arc<Semaphore>>,
}

/// Where an outgoing column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnSource {
    /// Carried along: the index among the incoming columns.
    Carried(usize),
    /// Made by the step: the index among its outputs.
    Output(usize),
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// The pipeline file asks for something that cannot be done.
    #[error(transparent)]
    Diagnostics(#[from] Diagnostics),
    /// The beginning of the input is malformed, or the input is damaged.
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
pub(crate) struct PlanContext {
    pub(crate) loader: Arc<ComponentLoader>,
    pub(crate) stop: Stop,
    pub(crate) on_event: Listener,
    /// Where builds are listed.
    pub(crate) cleanup: CleanupRegistry,
}

impl Plan {
    /// Makes the plan of a pipeline. All that is wrong is reported at once.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn new(config: &Config, context: &PlanContext) -> Result<Self, PlanError> {
        let mut diagnostics = Vec::new();
        let loaded = steps::load(config, context, &mut diagnostics);
        let kinds: Vec<Option<StepKind>> =
            loaded.iter().map(|step| step.as_ref().map(|step| step.component.manifest().kind)).collect();
        let graph = Graph::new(config, &kinds, &mut diagnostics);
        if let Some(StopReason::Signal(signal)) = context.stop.reason() {
            return Err(PlanError::Stopped(signal));
        }
        let sources = open_sources(config, &mut diagnostics)?;
        let inputs: Vec<_> = sources.iter().flatten().flat_map(|source| source.files.iter().cloned()).collect();
        files::check(config, &inputs, &mut diagnostics);
        let sources: Option<Vec<OpenSource>> = sources.into_iter().collect();
        let (Some(graph), Some(sources)) = (graph, sources) else {
            return Err(config.diagnostics(diagnostics).into());
        };
        // Steps that could not be loaded have their complaints; for the others they are as good as transforms.
        let kinds: Vec<StepKind> = kinds.into_iter().map(Option::unwrap_or_default).collect();
        let pipeline_rows = batch_rows(config);
        let larger =
            config.steps.iter().map(|step| step.batch_rows.as_ref().is_some_and(|rows| rows.value > pipeline_rows));
        let assignments = stage_assignment::assign_stages(&graph, &kinds, &larger.collect::<Vec<_>>());
        let schemas: Vec<_> = sources.iter().map(|source| &source.schema).collect();
        let typed = columns::resolve_columns(config, &graph, &assignments, loaded, &schemas, &mut diagnostics);
        match typed {
            Some(typed) if diagnostics.is_empty() => Ok(Self::assemble(config, &graph, &assignments, sources, &typed)),
            _ => Err(config.diagnostics(diagnostics).into()),
        }
    }

    fn assemble(
        config: &Config,
        graph: &Graph,
        assignments: &[stage_assignment::StageAssignment],
        sources: Vec<OpenSource>,
        typed: &[columns::TypedNode],
    ) -> Self {
        let mut sinks = Vec::with_capacity(config.sinks.len());
        let mut order = Vec::with_capacity(config.sinks.len());
        let mut nodes = Vec::with_capacity(graph.nodes.len());
        for (node, typed_node) in graph.nodes.iter().zip(typed) {
            if let Role::Sink(index) = node.role {
                let spec = files::sink_spec(&config.sinks[index], Arc::clone(&typed_node.input.schema));
                sinks.push(PlannedSink { name: Arc::clone(&node.name), spec });
                order.push(index);
            }
            nodes.push(PlannedNode {
                name: Arc::clone(&node.name),
                role: node.role,
                edges: edges(node, typed_node, typed),
                combine: node.combine,
                step: typed_node.step.clone(),
                input: Arc::clone(&typed_node.input.schema),
                schema: Arc::clone(&typed_node.output.schema),
            });
        }
        let (stages, spills) = stages::stages(graph, assignments, typed, &order);
        Self {
            name: config.pipeline.name.value.as_str().into(),
            nodes,
            stages,
            spills,
            sources,
            sinks,
            rejects: config.rejects.as_ref().map(files::rejects),
            batch_rows: batch_rows(config),
        }
    }

    /// The steps in topological order, which is that of their numbers.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Arc<Step>> {
        self.nodes.iter().filter_map(|node| node.step.as_ref())
    }
}

/// The edges into a node, with what comes along each.
fn edges(node: &graph::GraphNode, typed: &columns::TypedNode, all: &[columns::TypedNode]) -> Vec<PlannedEdge> {
    // The settings of a node with one parent are as good as those of its edge.
    let typed_node = (node.edges.len() == 1).then(|| Arc::clone(&typed.input.schema));
    let edge = |(edge, schema): (&graph::Edge, &SchemaRef)| {
        let parent = &all[edge.parent];
        let route = parent.route.as_ref().zip(edge.pick);
        PlannedEdge {
            parent: edge.parent,
            schema: typed_node.clone().unwrap_or_else(|| Arc::clone(schema)),
            route: route.map(|(route, child)| route.describe(child)),
        }
    };
    node.edges.iter().zip(&typed.arriving).map(edge).collect()
}

/// Rows in a batch where a step does not say otherwise.
fn batch_rows(config: &Config) -> usize {
    config.pipeline.batch_rows.as_ref().map_or(DEFAULT_BATCH_ROWS, |rows| rows.value)
}

/// Opens the sources. What is wrong in an input is its own fault and reported as such, unless there is something else to
/// complain of; all else is the pipeline's.
fn open_sources(config: &Config, diagnostics: &mut Vec<Diagnostic>) -> Result<Vec<Option<OpenSource>>, PlanError> {
    let mut sources = Vec::with_capacity(config.sources.len());
    for table in &config.sources {
        sources.push(match source::open(&files::source_spec(table, batch_rows(config))) {
            Ok(source) => Some(source),
            Err(error) if error.is_about_content() && diagnostics.is_empty() => return Err(PlanError::Input(error)),
            Err(error) => {
                diagnostics.push(diagnostic_at(table.path.location.clone(), &error).failure(error.to_failure()));
                None
            }
        });
    }
    Ok(sources)
}

/// A complaint with an error's message and causes.
fn diagnostic_at(location: crate::config::ConfigLocation, error: &dyn std::error::Error) -> Diagnostic {
    let mut message = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    Diagnostic::new(location, message)
}
