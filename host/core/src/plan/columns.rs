//! The columns along every edge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};

use super::Step;
use super::bind::{self, BindContext};
use super::combine::{self, Append, Join};
use super::graph::{Graph, Role};
use super::projection::{self, Projection};
use super::route::{self, Route};
use super::stage_assignment::StageAssignment;
use super::steps::LoadedStep;
use crate::config::combine::Combine;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, Diagnostic};
use crate::data_type::DataType;
use crate::source::SourceSchema;

/// The columns that come out of a node.
#[derive(Debug, Clone)]
pub(crate) struct NodeSchema {
    pub(crate) schema: SchemaRef,
    /// For each column an identity, which it keeps as long as it is carried along unchanged.
    pub(crate) ids: Vec<u64>,
    /// Whether the input is empty, so that there may be any column; those in the schema are the ones that steps ask for
    /// or add.
    pub(crate) open: bool,
}

impl NodeSchema {
    /// Columns that are there for the first time.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let ids = schema.fields().iter().map(|_| new_id()).collect();
        Self { schema, ids, open: false }
    }

    pub(super) fn from_source(schema: &SourceSchema) -> Self {
        match schema {
            SourceSchema::Known(schema) => Self::new(Arc::clone(schema)),
            SourceSchema::Empty => Self { open: true, ..Self::new(Arc::new(Schema::empty())) },
        }
    }

    /// Adds a column that the settings name and nobody knows, where that is possible; its index.
    pub(super) fn assume(&mut self, name: &str) -> Option<usize> {
        self.open.then(|| self.append(DataType::Text.field(name, true)))
    }

    pub(super) fn append(&mut self, field: Field) -> usize {
        let fields = self.schema.fields().iter().cloned().chain([Arc::new(field)]);
        self.schema = Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()));
        self.ids.push(new_id());
        self.ids.len() - 1
    }

    /// The columns in words.
    pub(super) fn describe(&self) -> String {
        let columns = self.schema.fields().iter().map(|field| describe(field)).collect::<Vec<_>>().join(", ");
        if columns.is_empty() { "no columns".into() } else { columns }
    }
}

/// An identity that no column has.
pub(super) fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How the columns of several parents become one.
#[derive(Debug, Clone)]
pub(crate) enum Combined {
    Append(Arc<Append>),
    Join(Arc<Join>),
}

/// A node whose columns are known.
pub(super) struct TypedNode {
    /// What each edge shows; none for all.
    pub(super) edges: Vec<Option<Projection>>,
    /// The columns that come along each edge.
    pub(super) arriving: Vec<SchemaRef>,
    pub(super) combined: Option<Combined>,
    /// What is shown of what comes in, or out of a source.
    pub(super) projection: Option<Projection>,
    /// What comes in, after all of that.
    pub(super) input: NodeSchema,
    pub(super) output: NodeSchema,
    pub(super) route: Option<Route>,
    pub(super) step: Option<Arc<Step>>,
}

impl TypedNode {
    /// Applies the node's own settings to what goes out.
    fn apply_projection(&mut self, table: &ProjectionTable, provider: &str, diagnostics: &mut Vec<Diagnostic>) {
        if let Some((projection, node_schema)) = projection::apply(table, &self.output, provider, diagnostics) {
            (self.projection, self.output) = (Some(projection), node_schema);
        }
    }
}

/// Follows the columns from the sources to the sinks. None if something does not fit; then there is a complaint.
pub(super) fn resolve_columns(
    config: &Config,
    graph: &Graph,
    assignments: &[StageAssignment],
    mut loaded: Vec<Option<LoadedStep>>,
    sources: &[&SourceSchema],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<TypedNode>> {
    let mut nodes: Vec<Option<TypedNode>> = Vec::with_capacity(graph.nodes.len());
    let mut steps = 0;
    for (id, assignment) in assignments.iter().enumerate() {
        let node = &graph.nodes[id];
        let incoming = match node.role {
            Role::Source(index) => {
                let own = NodeSchema::from_source(sources[index]);
                Some(Incoming { edges: Vec::new(), arriving: Vec::new(), combined: None, node_schema: own })
            }
            _ => incoming(graph, id, assignment, &nodes, diagnostics),
        };
        // What a failed step would have added is unknown, so nothing behind it is judged.
        let Some(Incoming { edges, arriving, combined, node_schema }) = incoming else {
            nodes.push(None);
            steps += usize::from(matches!(node.role, Role::Step(_)));
            continue;
        };
        let provider = match (node.role, node.edges.as_slice()) {
            (Role::Source(_) | Role::Step(_), []) => node.title(),
            (_, [edge]) => graph.nodes[edge.parent].title(),
            _ => format!("the rows that come to {}", node.title()),
        };
        let mut typed = TypedNode {
            edges,
            arriving,
            combined,
            projection: None,
            output: node_schema.clone(),
            input: node_schema,
            route: None,
            step: None,
        };
        let before = diagnostics.len();
        // A step without parents has rows of its own only when it is done.
        let is_origin = node.edges.is_empty() && matches!(node.role, Role::Step(_));
        if !is_origin {
            typed.apply_projection(&node.projection, &provider, diagnostics);
            typed.input = typed.output.clone();
        }
        let mut is_known = diagnostics.len() == before;
        if let Role::Step(index) = node.role {
            let context = BindContext { config, node, index, number: steps, provider: &provider };
            steps += 1;
            let placed =
                loaded[index].take().and_then(|loaded| bind::bind_columns(context, loaded, &typed.input, diagnostics));
            let Some((step, output)) = placed else {
                nodes.push(None);
                continue;
            };
            (typed.step, typed.output) = (Some(Arc::new(step)), output);
            if is_origin {
                let before = diagnostics.len();
                typed.apply_projection(&node.projection, &provider, diagnostics);
                is_known &= diagnostics.len() == before;
            }
        }
        let table = match node.role {
            Role::Source(index) => config.sources[index].route.as_ref(),
            Role::Step(index) => config.steps[index].route.as_ref(),
            Role::Sink(_) => None,
        };
        typed.route = table.and_then(|table| route::route(node, table, &typed.output, diagnostics));
        nodes.push(is_known.then_some(typed));
    }
    nodes.into_iter().collect()
}

/// What comes to a node from its parents, before its own settings.
struct Incoming {
    edges: Vec<Option<Projection>>,
    arriving: Vec<SchemaRef>,
    combined: Option<Combined>,
    node_schema: NodeSchema,
}

fn incoming(
    graph: &Graph,
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
        let shown = projection::apply(&edge.projection, node_schema, &graph.nodes[edge.parent].title(), diagnostics);
        node_schemas.push(shown.as_ref().map_or_else(|| node_schema.clone(), |(_, node_schema)| node_schema.clone()));
        projections.push(shown.map(|(projection, _)| projection));
    }
    if diagnostics.len() > before {
        return None;
    }
    let (combined, node_schema) = match (node_schemas.as_slice(), node.combine) {
        ([], _) => (None, NodeSchema::new(Arc::new(Schema::empty()))),
        ([node_schema], _) => (None, node_schema.clone()),
        (_, Some(Combine::Columns)) => {
            let (join, node_schema) = combine::join(graph, node, &node_schemas, !assignment.zipped, diagnostics)?;
            (Some(Combined::Join(Arc::new(join))), node_schema)
        }
        (_, Some(Combine::Rows) | None) => {
            let (append, node_schema) = combine::append(graph, node, &node_schemas, diagnostics)?;
            (Some(Combined::Append(Arc::new(append))), node_schema)
        }
    };
    let arriving = node_schemas.iter().map(|node_schema| Arc::clone(&node_schema.schema)).collect();
    Some(Incoming { edges: projections, arriving, combined, node_schema })
}

/// A column and its type, as messages and `check` write it.
pub(crate) fn describe(field: &Field) -> String {
    format!("{}: {}", field.name(), type_name(field))
}

pub(super) fn type_name(field: &Field) -> String {
    DataType::from_field(field)
        .map_or_else(|| format!("{} (Arrow)", field.data_type()), |found| found.name().to_owned())
}
