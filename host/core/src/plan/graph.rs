//! The graph: which node takes rows from which.

mod resolve;

use std::sync::Arc;

use crate::component::StepKind;
use crate::config::combine::Combine;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, ConfigLocation, Diagnostic};

use resolve::{UnresolvedNode, resolve, unresolved_nodes};

/// A pipeline's nodes, each after its parents, and otherwise in the order of the file: sources, steps, sinks.
pub(crate) struct PipelineGraph {
    pub(crate) nodes: Vec<GraphNode>,
}

/// A source, step or sink under its name.
pub(crate) struct GraphNode {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// The edges from the nodes whose rows it takes.
    pub(crate) edges: Vec<Edge>,
    /// How the rows of several parents are combined.
    pub(crate) combine: Option<Combine>,
    /// Applied to the incoming columns. For a source, to the outgoing ones.
    pub(crate) projection: ProjectionTable,
}

/// An edge from a parent to a node.
pub(crate) struct Edge {
    pub(crate) parent: usize,
    /// The index of the node among the children of the parent's route. `None` for all rows.
    pub(crate) pick: Option<usize>,
    /// Applied to the columns of this edge.
    pub(crate) projection: ProjectionTable,
    /// The location of the edge in the pipeline file.
    pub(crate) location: ConfigLocation,
}

/// The kind of a node, with its index among the tables of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source(usize),
    Step(usize),
    Sink(usize),
}

impl PipelineGraph {
    /// Resolves names and checks the connections between nodes. `kinds` are the kinds of the steps; `None` for steps that
    /// could not be loaded.
    pub(crate) fn new(config: &Config, kinds: &[Option<StepKind>], diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let before = diagnostics.len();
        let unresolved = unresolved_nodes(config, kinds);
        let edges = resolve(&unresolved, config, diagnostics);
        let parents: Vec<Vec<usize>> =
            edges.iter().map(|edges| edges.iter().map(|edge| edge.parent).collect()).collect();
        let order = order(&unresolved, &parents, diagnostics);
        check_use(&unresolved, &parents, diagnostics);
        if diagnostics.len() > before {
            return None;
        }
        let mut position = vec![0; unresolved.len()];
        for (new, old) in order.iter().enumerate() {
            position[*old] = new;
        }
        let mut edges: Vec<_> = edges.into_iter().map(Some).collect();
        let nodes = order.iter().map(|old| {
            let node = &unresolved[*old];
            let edges = edges[*old].take().unwrap_or_default();
            GraphNode {
                name: Arc::clone(&node.name),
                role: node.role,
                edges: edges.into_iter().map(|edge| Edge { parent: position[edge.parent], ..edge }).collect(),
                combine: node.combine.map(|combine| combine.value),
                projection: node.projection.clone(),
            }
        });
        Some(Self { nodes: nodes.collect() })
    }
}

impl GraphNode {
    /// The node in messages, such as `step "x"` or `the source`.
    pub(crate) fn title(&self) -> String {
        match self.role {
            Role::Step(_) => format!("step \"{}\"", self.name),
            Role::Source(_) if &*self.name == "source" => "the source".into(),
            Role::Source(_) => format!("source \"{}\"", self.name),
            Role::Sink(_) if &*self.name == "sink" => "the sink".into(),
            Role::Sink(_) => format!("sink \"{}\"", self.name),
        }
    }
}

/// Sorts the nodes topologically. Ties are in the order of the file.
fn order(unresolved: &[UnresolvedNode<'_>], parents: &[Vec<usize>], diagnostics: &mut Vec<Diagnostic>) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(unresolved.len());
    let mut placed = vec![false; unresolved.len()];
    loop {
        let ready =
            (0..unresolved.len()).find(|node| !placed[*node] && parents[*node].iter().all(|parent| placed[*parent]));
        let Some(node) = ready else { break };
        placed[node] = true;
        order.push(node);
    }
    let is_on_cycle = |start: usize| {
        let mut seen = vec![false; unresolved.len()];
        let mut open = parents[start].clone();
        while let Some(node) = open.pop() {
            if node == start {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(&parents[node]);
            }
        }
        false
    };
    let cycle: Vec<usize> = (0..unresolved.len()).filter(|node| !placed[*node] && is_on_cycle(*node)).collect();
    if let Some(first) = cycle.first() {
        let names: Vec<_> = cycle.iter().map(|node| format!("\"{}\"", unresolved[*node].name)).collect();
        let message = format!("{} form a cycle", names.join(", "));
        let message = if names.len() == 1 { format!("{} takes rows from itself", names[0]) } else { message };
        let diagnostic = Diagnostic::new(unresolved[*first].location.clone(), message);
        diagnostics.push(diagnostic.help("change a `from` so that rows flow from a source to a sink"));
    }
    order
}

/// Reports steps and sources without children.
fn check_use(unresolved: &[UnresolvedNode<'_>], parents: &[Vec<usize>], diagnostics: &mut Vec<Diagnostic>) {
    for (index, node) in unresolved.iter().enumerate() {
        let is_used = parents.iter().any(|parents| parents.contains(&index));
        let what = match node.role {
            Role::Step(_) => "step",
            Role::Source(_) => "source",
            Role::Sink(_) => continue,
        };
        if !is_used {
            let message = format!("no step or sink takes the rows of {what} \"{}\"", node.name);
            let help = format!("add a [[sink]] or a step with `from = \"{}\"`, or remove the {what}", node.name);
            diagnostics.push(Diagnostic::new(node.location.clone(), message).help(help));
        }
    }
}
