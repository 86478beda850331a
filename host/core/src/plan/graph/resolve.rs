//! Resolving the names in `from` and `route` to edges of the graph.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Edge, Role};
use crate::component::StepKind;
use crate::config::combine::Combine;
use crate::config::from::FromTable;
use crate::config::projection::ProjectionTable;
use crate::config::route::RouteTable;
use crate::config::{Config, ConfigLocation, Diagnostic, Located, nearest};

/// A node before names are resolved.
pub(super) struct UnresolvedNode<'a> {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) location: &'a ConfigLocation,
    pub(super) from: Option<&'a [FromTable]>,
    pub(super) combine: Option<&'a Located<Combine>>,
    pub(super) projection: &'a ProjectionTable,
    pub(super) route: Option<&'a RouteTable>,
    /// The kind of a step whose component could be loaded.
    pub(super) kind: Option<StepKind>,
}

pub(super) fn unresolved_nodes<'a>(config: &'a Config, kinds: &[Option<StepKind>]) -> Vec<UnresolvedNode<'a>> {
    let sources = config.sources.iter().enumerate().map(|(index, source)| UnresolvedNode {
        name: config.source_name(index),
        role: Role::Source(index),
        location: &source.location,
        from: None,
        combine: None,
        projection: &source.projection,
        route: source.route.as_ref(),
        kind: None,
    });
    let steps = config.steps.iter().enumerate().map(|(index, step)| UnresolvedNode {
        name: Arc::from(step.name.as_str()),
        role: Role::Step(index),
        location: &step.name.location,
        from: step.from.as_deref(),
        combine: step.combine.as_ref(),
        projection: &step.projection,
        route: step.route.as_ref(),
        kind: kinds.get(index).copied().flatten(),
    });
    let sinks = config.sinks.iter().enumerate().map(|(index, sink)| UnresolvedNode {
        name: config.sink_name(index),
        role: Role::Sink(index),
        location: &sink.location,
        from: sink.from.as_deref(),
        combine: sink.combine.as_ref(),
        projection: &sink.projection,
        route: None,
        kind: None,
    });
    sources.chain(steps).chain(sinks).collect()
}

/// Returns the edges into every node. By default the parent is the previous step, or the source.
pub(super) fn resolve(
    unresolved: &[UnresolvedNode<'_>],
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Vec<Edge>> {
    let names: HashMap<&str, usize> = unresolved.iter().enumerate().map(|(index, node)| (&*node.name, index)).collect();
    let is_source =
        |node: &UnresolvedNode<'_>| matches!(node.role, Role::Source(_)) || node.kind == Some(StepKind::Source);
    // A step that could not be loaded could be a source.
    let is_unknown = |node: &UnresolvedNode<'_>| matches!(node.role, Role::Step(_)) && node.kind.is_none();
    let has_source = unresolved.iter().any(|node| is_source(node) || is_unknown(node));
    if !has_source {
        let diagnostic =
            Diagnostic::new(ConfigLocation::File, "the pipeline has no [[source]], and no step is a source");
        diagnostics.push(diagnostic.help("add a [[source]] with a `path` that rows are read from"));
    }
    let routes = route_edges(unresolved, &names, diagnostics);
    let mut all = Vec::with_capacity(unresolved.len());
    for (index, node) in unresolved.iter().enumerate() {
        let mut edges = match node.from {
            Some(from) if node.kind == Some(StepKind::Source) => {
                let message = format!("step \"{}\" is a source and takes no rows", node.name);
                let location = from.first().map_or(node.location, |from| &from.name.location);
                diagnostics.push(Diagnostic::new(location.clone(), message).help("remove its `from`"));
                Vec::new()
            }
            Some(from) => edges_from(node, from, unresolved, &names, diagnostics),
            None if is_source(node) => Vec::new(),
            None => {
                let route_parents = routes.iter().filter(|route| route.child == index).map(|route| route.parent);
                let route_parents: Vec<usize> = route_parents.collect();
                let parents = if route_parents.is_empty() {
                    default_parent(node, index, config, has_source, diagnostics).into_iter().collect()
                } else {
                    route_parents
                };
                let edge = |parent| Edge {
                    parent,
                    pick: None,
                    projection: ProjectionTable::default(),
                    location: node.location.clone(),
                };
                parents.into_iter().map(edge).collect()
            }
        };
        let own_routes: Vec<_> = routes.iter().filter(|route| route.child == index).collect();
        apply_routes(node, &mut edges, &own_routes, unresolved, diagnostics);
        check_combine(node, &edges, diagnostics);
        all.push(edges);
    }
    all
}

/// A child of a route. `pick` is its index among the children.
struct RouteEdge {
    parent: usize,
    child: usize,
    pick: usize,
}

fn route_edges(
    unresolved: &[UnresolvedNode<'_>],
    names: &HashMap<&str, usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<RouteEdge> {
    let mut all = Vec::new();
    for (parent, node) in unresolved.iter().enumerate() {
        let children = node.route.into_iter().flat_map(|route| route.to.iter().enumerate());
        for (pick, name) in children {
            match names.get(name.as_str()) {
                Some(child) if !matches!(unresolved[*child].role, Role::Source(_)) => {
                    all.push(RouteEdge { parent, child: *child, pick });
                }
                Some(_) => {
                    let message = format!("\"{}\" is a source, which takes no rows", name.value);
                    diagnostics.push(Diagnostic::new(name.location.clone(), message).help("name a step or a sink"));
                }
                None => {
                    diagnostics
                        .push(unknown(name, unresolved, "step or sink", |role| !matches!(role, Role::Source(_))));
                }
            }
        }
    }
    all
}

/// Sets which edges carry only the rows of a route. Reports routes to the node from other nodes than its parents.
fn apply_routes(
    node: &UnresolvedNode<'_>,
    edges: &mut [Edge],
    routes: &[&RouteEdge],
    unresolved: &[UnresolvedNode<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for edge in &mut *edges {
        let route = routes.iter().find(|route| route.parent == edge.parent);
        edge.pick = route.map(|route| route.pick);
    }
    for route in routes {
        if !edges.iter().any(|edge| edge.parent == route.parent) {
            let from = &unresolved[route.parent].name;
            let message = format!("\"{}\" is in the route of \"{from}\", but does not take its rows", node.name);
            let help = format!("add \"{from}\" to its `from`, or remove the `from`");
            diagnostics.push(Diagnostic::new(node.location.clone(), message).help(help));
        }
    }
}

/// Returns the edges from the parents in `from`.
fn edges_from(
    node: &UnresolvedNode<'_>,
    from: &[FromTable],
    unresolved: &[UnresolvedNode<'_>],
    names: &HashMap<&str, usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::with_capacity(from.len());
    for FromTable { name, projection } in from {
        match names.get(name.as_str()) {
            Some(parent) if edges.iter().any(|edge| edge.parent == *parent) => {
                let message = format!("\"{}\" takes the rows of \"{}\" twice", node.name, name.value);
                diagnostics.push(Diagnostic::new(name.location.clone(), message).help("name it once"));
            }
            // Sinks have names, but no outgoing rows.
            Some(parent) if !matches!(unresolved[*parent].role, Role::Sink(_)) => {
                edges.push(Edge {
                    parent: *parent,
                    pick: None,
                    projection: projection.clone(),
                    location: name.location.clone(),
                });
            }
            Some(_) => {
                let message = format!("\"{}\" is a sink, which has no output rows", name.value);
                diagnostics.push(Diagnostic::new(name.location.clone(), message).help("name a step or a source"));
            }
            None => {
                diagnostics.push(unknown(name, unresolved, "step or source", |role| !matches!(role, Role::Sink(_))));
            }
        }
    }
    edges
}

fn default_parent(
    node: &UnresolvedNode<'_>,
    index: usize,
    config: &Config,
    has_source: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let sources = config.sources.len();
    let last_step = sources + config.steps.len();
    match node.role {
        Role::Source(_) => None,
        Role::Step(0) => only_source(node, sources, has_source, diagnostics),
        Role::Step(_) => Some(index - 1),
        Role::Sink(_) if config.steps.is_empty() => only_source(node, sources, has_source, diagnostics),
        Role::Sink(_) => Some(last_step - 1),
    }
}

fn only_source(
    node: &UnresolvedNode<'_>,
    sources: usize,
    has_source: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let (message, help) = match sources {
        1 => return Some(0),
        // The missing source or the component that could not be loaded already has a diagnostic.
        0 if !has_source || node.kind.is_none() => return None,
        0 => {
            let message = format!("\"{}\" has no `from`, and the pipeline has no [[source]]", node.name);
            (message, "add a `from` that names a step, or add a [[source]]".to_owned())
        }
        _ => {
            let message =
                format!("there are {sources} sources, but \"{}\" does not name the one it reads from", node.name);
            (message, "name the sources, and add a `from` with one or more of the names".to_owned())
        }
    };
    diagnostics.push(Diagnostic::new(node.location.clone(), message).help(help));
    None
}

fn check_combine(node: &UnresolvedNode<'_>, edges: &[Edge], diagnostics: &mut Vec<Diagnostic>) {
    const HELP: &str = "add `combine = \"rows\"` to append their rows, or `combine = \"columns\"` to join the columns of the same rows";
    match (edges, node.combine) {
        ([_, second, ..], None) => {
            let count = edges.len();
            let message = format!("\"{}\" takes rows from {count} nodes, but does not set `combine`", node.name);
            diagnostics.push(Diagnostic::new(second.location.clone(), message).help(HELP));
        }
        ([] | [_], Some(combine)) => {
            let message = format!("\"{}\" has `combine`, but takes rows from at most one node", node.name);
            let help = "remove it, or name several steps or sources in `from`";
            diagnostics.push(Diagnostic::new(combine.location.clone(), message).help(help));
        }
        _ => {}
    }
}

fn unknown(
    name: &Located<String>,
    unresolved: &[UnresolvedNode<'_>],
    what: &str,
    fits: impl Fn(Role) -> bool,
) -> Diagnostic {
    let candidates = || unresolved.iter().filter(|node| fits(node.role)).map(|node| &*node.name);
    let diagnostic = Diagnostic::new(name.location.clone(), format!("there is no {what} \"{}\"", name.value));
    match nearest(name, candidates()) {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic.help(format!("there are {}", candidates().collect::<Vec<_>>().join(", "))),
    }
}
