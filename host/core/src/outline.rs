//! What a pipeline would do: its nodes, and the columns along its edges.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::Schema;
use serde::Serialize;

use crate::config::combine::Combine;
use crate::plan::{Plan, PlannedEdge, Role, describe};
use crate::sink::SinkLocation;

/// A checked pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Outline {
    /// The pipeline's name.
    pub name: Arc<str>,
    /// Sources, steps and sinks, each after the node that it takes rows from.
    pub nodes: Vec<OutlineNode>,
}

/// A source, a step or a sink.
#[derive(Debug, Clone, Serialize)]
pub struct OutlineNode {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub role: NodeRole,
    /// Where its rows come from; none for those from which rows come.
    pub edges: Vec<OutlineEdge>,
    /// How the rows of several parents become one: `rows` or `columns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combine: Option<&'static str>,
    /// The columns that come in, each as `name: type`.
    pub takes: Vec<String>,
    /// The columns that come out of it, or for a sink into it, each as `name: type`.
    pub columns: Vec<String>,
}

/// The way of rows from one node to another.
#[derive(Debug, Clone, Serialize)]
pub struct OutlineEdge {
    /// The index of the node that the rows come from.
    pub parent: usize,
    /// The columns that come along, each as `name: type`.
    pub columns: Vec<String>,
    /// Which of the parent's rows come along, such as `lang = en`; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRole {
    /// Rows come from it.
    Source {
        /// The input files; none for standard input.
        inputs: Vec<PathBuf>,
    },
    /// A component.
    Step {
        /// The component's own name and version.
        component: String,
        /// How it is driven: `source`, `transform` or `aggregate`.
        kind: &'static str,
        /// The digest of the component's file.
        digest: Arc<str>,
        /// What the step reads, each as `name: type`.
        reads: Vec<String>,
        /// What the step adds or replaces, each as `name: type`.
        writes: Vec<String>,
    },
    /// Rows go to it.
    Sink {
        /// The file; none for standard output.
        path: Option<PathBuf>,
    },
}

impl Outline {
    pub(crate) fn from_plan(plan: &Plan) -> Self {
        let mut sinks = plan.sinks.iter();
        let mut nodes = Vec::with_capacity(plan.nodes.len());
        for node in &plan.nodes {
            let role = match (&node.step, node.role) {
                (Some(step), _) => {
                    let manifest = step.component.manifest();
                    let columns = |columns: &[crate::component::Column]| {
                        columns.iter().map(|column| format!("{}: {}", column.name, column.data_type)).collect()
                    };
                    NodeRole::Step {
                        component: format!("{} {}", manifest.name, manifest.version),
                        kind: manifest.kind.name(),
                        digest: Arc::clone(step.component.digest()),
                        reads: columns(&step.signature.inputs),
                        writes: columns(&step.signature.outputs),
                    }
                }
                (None, Role::Source(index)) => NodeRole::Source { inputs: plan.sources[index].files.clone() },
                (None, Role::Step(_) | Role::Sink(_)) => {
                    let path = match sinks.next().map(|sink| &sink.spec.location) {
                        Some(SinkLocation::Path(path)) => Some(path.clone()),
                        Some(SinkLocation::Stdout) | None => None,
                    };
                    NodeRole::Sink { path }
                }
            };
            let columns = |schema: &Schema| schema.fields().iter().map(|field| describe(field)).collect();
            let edge = |edge: &PlannedEdge| OutlineEdge {
                parent: edge.parent,
                columns: columns(&edge.schema),
                route: edge.route.clone(),
            };
            nodes.push(OutlineNode {
                name: Arc::clone(&node.name),
                role,
                edges: node.edges.iter().map(edge).collect(),
                combine: node.combine.map(|combine| match combine {
                    Combine::Rows => "rows",
                    Combine::Columns => "columns",
                }),
                takes: if node.edges.is_empty() { Vec::new() } else { columns(&node.input) },
                columns: columns(&node.schema),
            });
        }
        Self { name: Arc::clone(&plan.name), nodes }
    }
}
