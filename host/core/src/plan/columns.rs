//! Type checking: the columns along every edge, from the sources to the sinks.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::bind::{self, BindContext};
use super::combine::{self, Append, Join};
use super::graph::{PipelineGraph, Role};
use super::load::LoadedStep;
use super::node_schema::NodeSchema;
use super::projection::{self, Projection};
use super::route::{self, Route};
use super::stage_assignment::StageAssignment;
use super::step::Step;
use crate::config::combine::Combine;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, Diagnostic};
use crate::source::SourceSchema;

/// How the columns of several parents are combined.
#[derive(Debug, Clone)]
pub(crate) enum Combination {
    Append(Arc<Append>),
    Join(Arc<Join>),
}

/// A node with its columns.
pub(super) struct TypedNode {
    /// The projection of each edge. `None` for all columns.
    pub(super) edges: Vec<Option<Projection>>,
    /// The columns that arrive along each edge.
    pub(super) arriving: Vec<SchemaRef>,
    pub(super) combined: Option<Combination>,
    /// The projection of the incoming columns, or of the outgoing ones of a source.
    pub(super) projection: Option<Projection>,
    /// The incoming columns after combination and projection.
    pub(super) input: NodeSchema,
    pub(super) output: NodeSchema,
    pub(super) route: Option<Route>,
    pub(super) step: Option<Arc<Step>>,
}

impl TypedNode {
    /// Applies the node's own projection to the outgoing columns.
    ///
    /// # Errors
    /// The projection has problems, which have diagnostics. The columns are then a guess.
    fn apply_projection(
        &mut self,
        table: &ProjectionTable,
        provider: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), ()> {
        let before = diagnostics.len();
        if let Some((projection, node_schema)) = projection::project(table, &self.output, provider, diagnostics) {
            (self.projection, self.output) = (Some(projection), node_schema);
        }
        if diagnostics.len() == before { Ok(()) } else { Err(()) }
    }
}

/// Derives the columns of all nodes from the sources to the sinks. Returns `None` if there are problems, which have
/// diagnostics.
pub(super) fn resolve_columns(
    config: &Config,
    graph: &PipelineGraph,
    assignments: &[StageAssignment],
    loaded: Vec<Option<LoadedStep>>,
    sources: &[&SourceSchema],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<TypedNode>> {
    let nodes = Vec::with_capacity(graph.nodes.len());
    let mut resolver = ColumnResolver { config, graph, loaded, sources, nodes };
    for (id, assignment) in assignments.iter().enumerate() {
        let typed = resolver.node(id, assignment, diagnostics);
        resolver.nodes.push(typed);
    }
    resolver.nodes.into_iter().collect()
}

/// The state of deriving columns node by node. Lives until all nodes have columns.
struct ColumnResolver<'a> {
    config: &'a Config,
    graph: &'a PipelineGraph,
    /// The steps by their index in the file. Each is taken when its columns are bound.
    loaded: Vec<Option<LoadedStep>>,
    sources: &'a [&'a SourceSchema],
    /// The nodes so far. `None` for nodes with problems.
    nodes: Vec<Option<TypedNode>>,
}

impl ColumnResolver<'_> {
    /// Derives the columns of the next node. Returns `None` if it has problems, or one of its parents does: the columns of
    /// such a parent are unknown, so the node is not checked.
    fn node(
        &mut self,
        id: usize,
        assignment: &StageAssignment,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<TypedNode> {
        let node = &self.graph.nodes[id];
        let Incoming { edges, arriving, combined, node_schema } = match node.role {
            Role::Source(index) => Incoming::from_source(self.sources[index]),
            Role::Step(_) | Role::Sink(_) => incoming(self.graph, id, assignment, &self.nodes, diagnostics)?,
        };
        let provider = match (node.role, node.edges.as_slice()) {
            (Role::Source(_) | Role::Step(_), []) => node.title(),
            (_, [edge]) => self.graph.nodes[edge.parent].title(),
            _ => format!("the input of {}", node.title()),
        };
        let (input, output) = (node_schema.clone(), node_schema);
        let mut typed =
            TypedNode { edges, arriving, combined, projection: None, input, output, route: None, step: None };
        // The projection of a step without parents applies to its output, since it has no input.
        let is_origin = node.edges.is_empty() && matches!(node.role, Role::Step(_));
        let mut has_problems = false;
        if !is_origin {
            has_problems |= typed.apply_projection(&node.projection, &provider, diagnostics).is_err();
            typed.input = typed.output.clone();
        }
        if let Role::Step(index) = node.role {
            let steps_before = self.graph.nodes[..id].iter().filter(|node| matches!(node.role, Role::Step(_)));
            let number = steps_before.count();
            let context = BindContext { config: self.config, node, index, number, provider: &provider };
            let loaded = self.loaded[index].take()?;
            let (step, output) = bind::bind_columns(context, loaded, &typed.input, diagnostics)?;
            (typed.step, typed.output) = (Some(Arc::new(step)), output);
            if is_origin {
                has_problems |= typed.apply_projection(&node.projection, &provider, diagnostics).is_err();
            }
        }
        let table = match node.role {
            Role::Source(index) => self.config.sources[index].route.as_ref(),
            Role::Step(index) => self.config.steps[index].route.as_ref(),
            Role::Sink(_) => None,
        };
        typed.route = table.and_then(|table| route::route(node, table, &typed.output, diagnostics));
        (!has_problems).then_some(typed)
    }
}

/// The columns that come to a node from its parents, before its own projection.
struct Incoming {
    edges: Vec<Option<Projection>>,
    arriving: Vec<SchemaRef>,
    combined: Option<Combination>,
    node_schema: NodeSchema,
}

impl Incoming {
    /// The columns of a source, which has no parents.
    fn from_source(schema: &SourceSchema) -> Self {
        let node_schema = NodeSchema::from_source(schema);
        Self { edges: Vec::new(), arriving: Vec::new(), combined: None, node_schema }
    }
}

/// Combines the columns of the parents of a node. Returns `None` if there are problems, or if a parent has some.
fn incoming(
    graph: &PipelineGraph,
    id: usize,
    assignment: &StageAssignment,
    nodes: &[Option<TypedNode>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Incoming> {
    let node = &graph.nodes[id];
    let before = diagnostics.len();
    let mut projections = Vec::with_capacity(node.edges.len());
    let mut node_schemas = Vec::with_capacity(node.edges.len());
    for edge in &node.edges {
        let node_schema = &nodes[edge.parent].as_ref()?.output;
        let projected =
            projection::project(&edge.projection, node_schema, &graph.nodes[edge.parent].title(), diagnostics);
        node_schemas
            .push(projected.as_ref().map_or_else(|| node_schema.clone(), |(_, node_schema)| node_schema.clone()));
        projections.push(projected.map(|(projection, _)| projection));
    }
    if diagnostics.len() > before {
        return None;
    }
    let (combined, node_schema) = match (node_schemas.as_slice(), node.combine) {
        ([], _) => (None, NodeSchema::new(Arc::new(Schema::empty()))),
        ([node_schema], _) => (None, node_schema.clone()),
        (_, Some(Combine::Columns)) => {
            let (join, node_schema) = combine::join(graph, node, &node_schemas, !assignment.zipped, diagnostics)?;
            (Some(Combination::Join(Arc::new(join))), node_schema)
        }
        (_, Some(Combine::Rows) | None) => {
            let (append, node_schema) = combine::append(graph, node, &node_schemas, diagnostics)?;
            (Some(Combination::Append(Arc::new(append))), node_schema)
        }
    };
    let arriving = node_schemas.iter().map(|node_schema| Arc::clone(&node_schema.schema)).collect();
    Some(Incoming { edges: projections, arriving, combined, node_schema })
}
