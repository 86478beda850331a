//! Who takes rows from whom.

mod resolve;

use std::sync::Arc;

use crate::component::StepKind;
use crate::config::combine::Combine;
use crate::config::projection::ProjectionTable;
use crate::config::{Config, ConfigLocation, Diagnostic};

use resolve::{UnresolvedNode, resolve, unresolved_nodes};

/// A pipeline's nodes, each after its parents, and otherwise in the order of the file: sources, steps, sinks.
pub(crate) struct Graph {
    pub(crate) nodes: Vec<GraphNode>,
}

/// A source, step or sink under its name.
pub(crate) struct GraphNode {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// The nodes whose rows it takes.
    pub(crate) edges: Vec<Edge>,
    /// How the rows of several parents become one.
    pub(crate) combine: Option<Combine>,
    /// What becomes of the columns that come in; of a source, of those that go out.
    pub(crate) projection: ProjectionTable,
}

/// The way from one node to another.
pub(crate) struct Edge {
    pub(crate) parent: usize,
    /// Which of the parent's routed children takes the rows; none for all rows.
    pub(crate) pick: Option<usize>,
    /// What becomes of the columns on it.
    pub(crate) projection: ProjectionTable,
    /// Where it was written.
    pub(crate) location: ConfigLocation,
}

/// What a node is: an index into the pipeline file's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source(usize),
    Step(usize),
    Sink(usize),
}

impl Graph {
    /// Resolves names, and complains of everything that does not fit together. `kinds` are those of the steps, where
    /// they are known.
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
    /// The node in words: `step "x"`, `the source`.
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

/// The nodes in an order in which each comes after its parents, and otherwise in the order of the file.
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
        let message = format!("{} take rows from each other in a circle", names.join(", "));
        let message = if names.len() == 1 { format!("{} takes rows from itself", names[0]) } else { message };
        let diagnostic = Diagnostic::new(unresolved[*first].location.clone(), message);
        diagnostics.push(diagnostic.help("change a `from` so that rows flow from a source to a sink"));
    }
    order
}

/// Complains of steps and sources whose rows nobody takes.
fn check_use(unresolved: &[UnresolvedNode<'_>], parents: &[Vec<usize>], diagnostics: &mut Vec<Diagnostic>) {
    for (index, node) in unresolved.iter().enumerate() {
        let is_used = parents.iter().any(|parents| parents.contains(&index));
        let what = match node.role {
            Role::Step(_) => "step",
            Role::Source(_) => "source",
            Role::Sink(_) => continue,
        };
        if !is_used {
            let message = format!("nothing takes the rows of {what} \"{}\"", node.name);
            let help = format!("add a [[sink]] or a step with `from = \"{}\"`, or remove the {what}", node.name);
            diagnostics.push(Diagnostic::new(node.location.clone(), message).help(help));
        }
    }
}
