//! The plan of a run: a checked graph, loaded and bound components, and typed columns along every edge. After planning
//! only input, output and guests can fail.

mod bind;
mod carried;
mod columns;
mod combine;
mod files;
mod grants;
mod graph;
mod load;
mod lock;
mod lowering;
mod node_schema;
mod pin;
mod projection;
mod reach;
mod replacements;
mod route;
mod stage_assignment;
mod stages;
mod step;
mod until;

use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::component::StepKind;
use crate::config::combine::Combine;
use crate::config::{Config, DEFAULT_BATCH_ROWS, Diagnostic, Diagnostics};
use crate::event::Event;
use crate::failure::Failure;
use crate::grants::Redactor;
use crate::interrupt::{CancelReason, StopReason};
use crate::model_client::ModelClient;
use crate::report::SinkReport;
use crate::sink::{self, SinkLocation, SinkSpec};
use crate::source::{self, OpenSource, SourceError};

pub use bind::ColumnMismatch;
pub(crate) use bind::standalone_step;
pub(crate) use carried::{carried_columns, carried_files};
pub(crate) use combine::Append;
pub(crate) use files::{Dropped, Rejects, check_reserved};
pub(crate) use graph::{PipelineGraph, Role};
pub(crate) use load::PlanContext;
pub(crate) use lock::describe as describe_for_lock;
pub(crate) use node_schema::describe;
pub(crate) use replacements::Replacements;
pub(crate) use stages::{
    InputSource, JoinOperation, JoinParent, Operation, SpillPlan, StagePlan, StageSource, Work, Zip,
};
pub(crate) use step::{ColumnSource, Step};
pub(crate) use until::RowGoal;

/// A pipeline that is ready to run.
pub(crate) struct Plan {
    pub(crate) name: Arc<str>,
    /// Sources, steps and sinks, each after its parents.
    pub(crate) nodes: Vec<PlannedNode>,
    /// In the order in which they run.
    pub(crate) stages: Vec<StagePlan>,
    /// Rows that one stage writes to disk for later stages.
    pub(crate) spills: Vec<SpillPlan>,
    /// In the order of the pipeline file.
    pub(crate) sources: Vec<OpenSource>,
    pub(crate) sinks: Vec<PlannedSink>,
    /// The reject file, if there is one.
    pub(crate) rejects: Option<Rejects>,
    /// The file for dropped rows, if there is one.
    pub(crate) dropped: Option<Dropped>,
    /// The number of rows in a batch, unless a step sets its own.
    pub(crate) batch_rows: usize,
    /// The models, in the order of the pipeline file.
    pub(crate) models: Vec<Arc<ModelClient>>,
    /// The number of accepted rows with which a run is complete. `None` for all rows.
    pub(crate) until: Option<RowGoal>,
    /// Removes all secrets of the pipeline, also those that no step uses.
    pub(crate) redactor: Redactor,
}

/// A source, step or sink with its columns.
pub(crate) struct PlannedNode {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) edges: Vec<PlannedEdge>,
    pub(crate) combine: Option<Combine>,
    pub(crate) step: Option<Arc<Step>>,
    /// The incoming columns.
    pub(crate) input: SchemaRef,
    /// The outgoing columns. For a sink, the columns that it writes.
    pub(crate) schema: SchemaRef,
}

/// An edge into a node.
pub(crate) struct PlannedEdge {
    pub(crate) parent: usize,
    /// The columns that arrive at the node.
    pub(crate) schema: SchemaRef,
    /// A description of the rows that a route sends along this edge. `None` for all rows.
    pub(crate) route: Option<String>,
}

/// A sink with its name.
pub(crate) struct PlannedSink {
    pub(crate) name: Arc<str>,
    pub(crate) spec: SinkSpec,
}

impl PlannedSink {
    /// Returns the sink's report before any row is written.
    pub(crate) fn report(&self) -> SinkReport {
        let is_stdout = self.spec.location == SinkLocation::Stdout;
        SinkReport::new(Arc::clone(&self.name), is_stdout)
    }
}

/// An error of planning.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// Problems of the pipeline file or its components.
    #[error(transparent)]
    Diagnostics(#[from] Diagnostics),
    /// The start of the input is malformed, or the input is corrupt.
    #[error(transparent)]
    Input(SourceError),
    /// A bug in Stillbox.
    #[error(transparent)]
    Host(Box<Failure>),
    /// The caller cancelled the run.
    #[error("{0}")]
    Cancelled(CancelReason),
}

impl Plan {
    /// Plans a pipeline. All problems are reported together.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn new(config: &Config, context: &PlanContext) -> Result<Self, PlanError> {
        let mut diagnostics = Vec::new();
        let grant_context = grants::GrantContext {
            policy: context.policy.as_deref(),
            staged: context.staged.as_ref(),
            name_servers: &context.name_servers,
            responses: context.responses.as_ref(),
            journal: &context.journal,
            estimates: context.estimates.as_ref(),
        };
        let grants::PreparedGrants { steps: grants, models, redactor } =
            grants::prepare(config, &grant_context, &mut diagnostics);
        if let Some(locked) = &context.locked {
            diagnostics.extend(lock::check_names(config, locked));
        }
        let loaded = load::load(config, grants, context, &mut diagnostics);
        let kinds: Vec<Option<StepKind>> =
            loaded.iter().map(|step| step.as_ref().map(|step| step.component.manifest().kind)).collect();
        files::check_dropped(config, &kinds, &mut diagnostics);
        let graph = PipelineGraph::new(config, &kinds, &mut diagnostics);
        if let Some(StopReason::Cancelled(reason)) = context.stop.reason() {
            return Err(PlanError::Cancelled(reason));
        }
        context.replacements.check(config, &mut diagnostics);
        let sources = open_sources(config, context, &mut diagnostics)?;
        let inputs: Vec<_> = sources.iter().flatten().flat_map(|source| source.files.iter().cloned()).collect();
        files::check(config, &inputs, &context.replacements, &mut diagnostics);
        let sources: Option<Vec<OpenSource>> = sources.into_iter().collect();
        let (Some(graph), Some(sources)) = (graph, sources) else {
            return Err(config.diagnostics(diagnostics).into());
        };
        // Steps that could not be loaded already have diagnostics. They count as transforms, so that the rest is checked.
        let kinds: Vec<StepKind> = kinds.into_iter().map(Option::unwrap_or_default).collect();
        let pipeline_rows = batch_rows(config);
        let larger =
            config.steps.iter().map(|step| step.batch_rows.as_ref().is_some_and(|rows| rows.value > pipeline_rows));
        let assignments = stage_assignment::assign_stages(&graph, &kinds, &larger.collect::<Vec<_>>());
        let schemas: Vec<_> = sources.iter().map(|source| &source.schema).collect();
        let typed = columns::resolve_columns(config, &graph, &assignments, loaded, &schemas, &mut diagnostics);
        if let Some(typed) = &typed {
            check_sink_types(config, &graph, typed, &context.replacements, &mut diagnostics);
        }
        let until = typed
            .as_deref()
            .and_then(|typed| until::resolve(config, &graph, (&assignments, &kinds), typed, &mut diagnostics));
        match typed {
            Some(typed) if diagnostics.is_empty() => {
                let mut plan = Self::assemble(config, (&graph, &assignments), sources, &typed, until);
                plan.replace_sinks(&context.replacements);
                plan.models = models;
                plan.redactor = redactor;
                Ok(plan)
            }
            _ => Err(config.diagnostics(diagnostics).into()),
        }
    }

    fn assemble(
        config: &Config,
        (graph, assignments): (&PipelineGraph, &[stage_assignment::StageAssignment]),
        sources: Vec<OpenSource>,
        typed: &[columns::TypedNode],
        until: Option<RowGoal>,
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
        let (stages, spills) = lowering::lower((graph, assignments), typed, &order, until.as_ref());
        Self {
            name: config.pipeline.name.value.as_str().into(),
            nodes,
            stages,
            spills,
            sources,
            sinks,
            rejects: config.rejects.as_ref().map(files::rejects),
            dropped: config.dropped.as_ref().map(files::dropped),
            batch_rows: batch_rows(config),
            models: Vec::new(),
            until,
            redactor: Redactor::default(),
        }
    }

    /// Gives the rows of replaced sinks to the functions of the calling program.
    fn replace_sinks(&mut self, replacements: &Replacements) {
        for sink in &mut self.sinks {
            if let Some(function) = replacements.sinks.get(&*sink.name) {
                sink.spec.location = SinkLocation::Batches(function.clone());
            }
        }
    }

    /// The steps in topological order, which is the order of their numbers.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Arc<Step>> {
        self.nodes.iter().filter_map(|node| node.step.as_ref())
    }
}

/// Reports columns whose types the formats of their sinks do not support.
fn check_sink_types(
    config: &Config,
    graph: &PipelineGraph,
    typed: &[columns::TypedNode],
    replacements: &Replacements,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (node, typed) in graph.nodes.iter().zip(typed) {
        let Role::Sink(index) = node.role else { continue };
        if replacements.sinks.contains_key(&*node.name) {
            continue;
        }
        let table = &config.sinks[index];
        let spec = files::sink_spec(table, Arc::clone(&typed.input.schema));
        if let Err(error) = sink::check_types(&spec) {
            diagnostics.push(Diagnostic::from_error(table.path.location.clone(), &error));
        }
    }
}

/// The edges into a node, with their columns.
fn edges(node: &graph::GraphNode, typed: &columns::TypedNode, all: &[columns::TypedNode]) -> Vec<PlannedEdge> {
    // With one parent, the node's own projection applies to the edge as well.
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

/// The number of rows in a batch, unless a step sets its own.
fn batch_rows(config: &Config) -> usize {
    config.pipeline.batch_rows.as_ref().map_or(DEFAULT_BATCH_ROWS, |rows| rows.value)
}

/// Opens the sources. An error in the content of an input is reported as a failure of the input, but only if the pipeline
/// has no problems so far. Other errors are problems of the pipeline.
fn open_sources(
    config: &Config,
    context: &PlanContext,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Option<OpenSource>>, PlanError> {
    let mut sources = Vec::with_capacity(config.sources.len());
    for (index, table) in config.sources.iter().enumerate() {
        let opened = match context.replacements.source(config, index) {
            Some(batches) => batches.open(&config.source_name(index), batch_rows(config)),
            None => source::open(&files::source_spec(table, batch_rows(config))),
        };
        sources.push(match opened {
            Ok(source) => {
                source.warnings.iter().for_each(|message| (context.on_event)(&Event::Warning { message }));
                Some(source)
            }
            Err(error) if error.is_about_content() && diagnostics.is_empty() => return Err(PlanError::Input(error)),
            Err(error) => {
                diagnostics
                    .push(Diagnostic::from_error(table.path_location().clone(), &error).failure(error.to_failure()));
                None
            }
        });
    }
    Ok(sources)
}
