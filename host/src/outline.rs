//! What a pipeline would do: its nodes, and the columns along its edges.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::plan::{Plan, Work, describe};
use crate::sink::SinkLocation;

/// A checked pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Outline {
    /// The pipeline's name.
    pub name: Arc<str>,
    /// The input files; none for standard input.
    pub inputs: Vec<PathBuf>,
    /// The source, then steps and sinks, each after the node that it takes rows from.
    pub nodes: Vec<OutlineNode>,
}

/// A source, a step or a sink.
#[derive(Debug, Clone, Serialize)]
pub struct OutlineNode {
    /// Its name.
    pub name: Arc<str>,
    /// What it is.
    pub role: NodeRole,
    /// The index of the node that it takes rows from; none for the source.
    pub parent: Option<usize>,
    /// The columns that come out of it, or for a sink into it, each as `name: type`.
    pub columns: Vec<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRole {
    /// Rows come from it.
    Source,
    /// A component.
    Step {
        /// The component's own name and version.
        component: String,
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
    pub(crate) fn of(plan: &Plan) -> Self {
        let source = OutlineNode {
            name: Arc::clone(&plan.source_name),
            role: NodeRole::Source,
            parent: None,
            columns: plan.source_schema.fields().iter().map(|field| describe(field)).collect(),
        };
        let mut nodes = vec![source];
        for node in &plan.nodes {
            let (name, role, columns) = match &node.work {
                Work::Step(step) => {
                    let manifest = step.component.manifest();
                    let columns = |columns: &[crate::component::Column]| {
                        columns.iter().map(|column| format!("{}: {}", column.name, column.data_type)).collect()
                    };
                    let role = NodeRole::Step {
                        component: format!("{} {}", manifest.name, manifest.version),
                        digest: Arc::clone(step.component.digest()),
                        reads: columns(&step.signature.inputs),
                        writes: columns(&step.signature.outputs),
                    };
                    let columns = step.schema.fields().iter().map(|field| describe(field)).collect();
                    (Arc::clone(&step.name), role, columns)
                }
                Work::Sink(index) => {
                    let sink = &plan.sinks[*index];
                    let path = match &sink.spec.location {
                        SinkLocation::Path(path) => Some(path.clone()),
                        SinkLocation::Stdout => None,
                    };
                    (Arc::clone(&sink.name), NodeRole::Sink { path }, nodes[node.parent].columns.clone())
                }
            };
            nodes.push(OutlineNode { name, role, parent: Some(node.parent), columns });
        }
        Self { name: Arc::clone(&plan.name), inputs: plan.source.files.clone(), nodes }
    }
}
