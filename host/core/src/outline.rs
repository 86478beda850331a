//! The outline of a pipeline: its nodes, and the columns along its edges.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::Schema;
use serde::Serialize;

use crate::component::Availability;
use crate::config::SampleBy;
use crate::config::combine::Combine;
use crate::engine::Permission;
use crate::grants::{EnvValue, Redactor};
use crate::limits::Limits;
use crate::plan::{Dropped, Plan, PlannedEdge, Role, Step, describe};
use crate::sink::SinkLocation;
use crate::text::{optional_path_as_text, path_as_text, paths_as_text};

/// A checked pipeline.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Outline {
    /// The pipeline's name.
    pub name: Arc<str>,
    /// Sources, steps and sinks, each after its parents.
    pub nodes: Vec<OutlineNode>,
    /// Where dropped rows are written. `None` if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<OutlineDropped>,
    #[serde(skip)]
    redactor: HiddenRedactor,
}

/// The secrets of the pipeline, which are not shown.
#[derive(Clone, Default)]
struct HiddenRedactor(Redactor);

impl fmt::Debug for HiddenRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// The file for a sample of dropped rows.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OutlineDropped {
    /// The path of the file.
    #[serde(serialize_with = "path_as_text")]
    pub path: PathBuf,
    /// The most rows of each step, or of each reason of a step.
    pub sample: u64,
    /// `step` or `reason`.
    pub by: &'static str,
    /// The steps whose dropped rows are written: those of kind transform.
    pub steps: Vec<Arc<str>>,
}

/// A source, a step or a sink.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OutlineNode {
    /// The name of the node.
    pub name: Arc<str>,
    /// The kind of the node.
    pub role: NodeRole,
    /// The edges from its parents. Empty for sources.
    pub edges: Vec<OutlineEdge>,
    /// How the rows of several parents are combined: `rows` or `columns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combine: Option<&'static str>,
    /// The incoming columns, each as `name: type`.
    pub takes: Vec<String>,
    /// The outgoing columns, each as `name: type`. For a sink, the columns that it writes.
    pub columns: Vec<String>,
}

/// An edge from a parent to a node.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct OutlineEdge {
    /// The index of the parent in [`Outline::nodes`].
    pub parent: usize,
    /// The columns that arrive at the node, each as `name: type`.
    pub columns: Vec<String>,
    /// The rows that a route sends along this edge, such as `lang = en`. `None` for all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

/// Something that a step is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutlineGrant {
    /// The grant, such as `GET https://api.example.org/v1/`.
    pub grant: String,
    /// Whether the component imports an interface that uses it.
    pub imported: bool,
}

/// The kind of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NodeRole {
    /// A source of rows.
    #[non_exhaustive]
    Source {
        /// The input files. Empty for standard input.
        #[serde(serialize_with = "paths_as_text")]
        inputs: Vec<PathBuf>,
    },
    /// A step, which runs a component.
    #[non_exhaustive]
    Step {
        /// The name and version of the component.
        component: String,
        /// The kind of the step: `source`, `transform` or `aggregate`.
        kind: &'static str,
        /// The path of the component; that of the built file if it was built from a folder. Not part of the JSON.
        #[serde(skip)]
        path: PathBuf,
        /// The limits of the step. Not part of the JSON.
        #[serde(skip)]
        limits: Box<Limits>,
        /// The digest of the component's file: `sha256:` and 64 hexadecimal digits.
        digest: Arc<str>,
        /// The columns that the step reads, each as `name: type`.
        reads: Vec<String>,
        /// The columns that the step adds or replaces, each as `name: type`.
        writes: Vec<String>,
        /// What the step is granted.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        granted: Vec<OutlineGrant>,
        /// What the component imports without a grant, so that every use of it is denied. Imports that compilers add to every
        /// component are left out.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        missing: Vec<&'static str>,
    },
    /// A sink of rows.
    #[non_exhaustive]
    Sink {
        /// The output file. `None` for standard output.
        #[serde(serialize_with = "optional_path_as_text")]
        path: Option<PathBuf>,
    },
}

/// Returns where dropped rows are written.
fn dropped(plan: &Plan, dropped: &Dropped) -> Option<OutlineDropped> {
    let SinkLocation::Path(path) = &dropped.spec.location else { return None };
    let by = match dropped.by {
        SampleBy::Step => "step",
        SampleBy::Reason => "reason",
    };
    let steps = plan.steps().filter(|step| step.records_drops).map(|step| Arc::clone(&step.name)).collect();
    Some(OutlineDropped { path: path.clone(), sample: dropped.sample, by, steps })
}

impl Outline {
    /// Returns a text with the secrets of the pipeline covered, by their values.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.0.redact(text).into_owned()
    }

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
                        path: step.component.path().to_owned(),
                        limits: Box::new(step.limits.clone()),
                        digest: Arc::clone(step.component.digest()),
                        reads: columns(&step.signature.inputs),
                        writes: columns(&step.signature.outputs),
                        granted: granted(step),
                        missing: missing(step),
                    }
                }
                (None, Role::Source(index)) => NodeRole::Source { inputs: plan.sources[index].files.clone() },
                (None, Role::Step(_) | Role::Sink(_)) => {
                    let path = match sinks.next().map(|sink| &sink.spec.location) {
                        Some(SinkLocation::Path(path)) => Some(path.clone()),
                        Some(SinkLocation::Stdout | SinkLocation::Batches(_)) | None => None,
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
        let dropped = plan.dropped.as_ref().and_then(|to| dropped(plan, to));
        Self { name: Arc::clone(&plan.name), nodes, dropped, redactor: HiddenRedactor(plan.redactor.clone()) }
    }
}

/// Returns whether a component imports an interface that needs this permission.
fn imports(step: &Step, permission: Permission) -> bool {
    step.component.imports().iter().any(|import| import.availability == Availability::Empty(permission))
}

/// Returns what a step is granted.
fn granted(step: &Step) -> Vec<OutlineGrant> {
    let grants = &step.grants;
    let mut granted = Vec::new();
    let imported = imports(step, Permission::Http);
    for grant in &grants.http {
        let secret = grant.secret_header().map(|header| format!(", with a secret in `{}`", header.name()));
        let grant = format!("{} {}{}", grant.method_names().join(", "), grant.url(), secret.unwrap_or_default());
        granted.push(OutlineGrant { grant, imported });
    }
    let imported = imports(step, Permission::Files);
    for dir in &grants.dirs {
        let verb = if dir.is_writable() { "writing" } else { "reading" };
        let grant = format!("{verb} {} at {}", dir.path().display(), dir.guest_path());
        granted.push(OutlineGrant { grant, imported });
    }
    let imported = imports(step, Permission::Environment);
    for variable in &grants.env {
        let grant = match &variable.value {
            EnvValue::Literal(_) => format!("the variable {}", variable.name),
            EnvValue::Host(host) => format!("the variable {} of the host as {}", host, variable.name),
        };
        granted.push(OutlineGrant { grant, imported });
    }
    granted
}

/// Returns what a component imports without a grant. Compilers import files, variables and sockets whether a program uses them or
/// not, so only requests are certain.
fn missing(step: &Step) -> Vec<&'static str> {
    let needs_http = imports(step, Permission::Http) && step.grants.http.is_empty();
    needs_http.then_some("requests by HTTP").into_iter().collect()
}
