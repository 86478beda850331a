//! From the names in `from` and `route` to the edges of the graph.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Edge, Role};
use crate::component::Kind;
use crate::config::combine::Combine;
use crate::config::from::FromTable;
use crate::config::projection::ProjectionTable;
use crate::config::route::RouteTable;
use crate::config::{Config, Diagnostic, Place, Placed, nearest};

/// A node before names are resolved.
pub(super) struct Draft<'a> {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) place: &'a Place,
    pub(super) from: Option<&'a [FromTable]>,
    pub(super) combine: Option<&'a Placed<Combine>>,
    pub(super) view: &'a ProjectionTable,
    pub(super) route: Option<&'a RouteTable>,
    /// Of steps whose component answered.
    pub(super) kind: Option<Kind>,
}

pub(super) fn drafts<'a>(config: &'a Config, kinds: &[Option<Kind>]) -> Vec<Draft<'a>> {
    let numbered = |what: &str, index: usize, count: usize| {
        if count == 1 { Arc::from(what) } else { Arc::from(format!("{what}-{}", index + 1)) }
    };
    let named = |name: &Option<Placed<String>>, what: &str, index: usize, count: usize| {
        name.as_ref().map_or_else(|| numbered(what, index, count), |name| Arc::from(name.as_str()))
    };
    let sources = config.sources.iter().enumerate().map(|(index, source)| Draft {
        name: named(&source.name, "source", index, config.sources.len()),
        role: Role::Source(index),
        place: &source.place,
        from: None,
        combine: None,
        view: &source.view,
        route: source.route.as_ref(),
        kind: None,
    });
    let steps = config.steps.iter().enumerate().map(|(index, step)| Draft {
        name: Arc::from(step.name.as_str()),
        role: Role::Step(index),
        place: &step.name.place,
        from: step.from.as_deref(),
        combine: step.combine.as_ref(),
        view: &step.view,
        route: step.route.as_ref(),
        kind: kinds.get(index).copied().flatten(),
    });
    let sinks = config.sinks.iter().enumerate().map(|(index, sink)| Draft {
        name: named(&sink.name, "sink", index, config.sinks.len()),
        role: Role::Sink(index),
        place: &sink.place,
        from: sink.from.as_deref(),
        combine: sink.combine.as_ref(),
        view: &sink.view,
        route: None,
        kind: None,
    });
    sources.chain(steps).chain(sinks).collect()
}

/// The edges into every node; by default from the step before, or the source.
pub(super) fn resolve(drafts: &[Draft<'_>], config: &Config, diagnostics: &mut Vec<Diagnostic>) -> Vec<Vec<Edge>> {
    let names: HashMap<&str, usize> = drafts.iter().enumerate().map(|(index, draft)| (&*draft.name, index)).collect();
    let is_source = |draft: &Draft<'_>| matches!(draft.role, Role::Source(_)) || draft.kind == Some(Kind::Source);
    // A step that could not be loaded may be a source.
    let is_unknown = |draft: &Draft<'_>| matches!(draft.role, Role::Step(_)) && draft.kind.is_none();
    let has_source = drafts.iter().any(|draft| is_source(draft) || is_unknown(draft));
    if !has_source {
        let diagnostic = Diagnostic::new(Place::File, "the pipeline has no [[source]], and none of its steps is one");
        diagnostics.push(diagnostic.help("add a [[source]] with a `path` that rows are read from"));
    }
    let routed = routed(drafts, &names, diagnostics);
    let mut all = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let mut edges = match draft.from {
            Some(from) if draft.kind == Some(Kind::Source) => {
                let message = format!("step \"{}\" makes rows itself, and takes none", draft.name);
                let place = from.first().map_or(draft.place, |from| &from.name.place);
                diagnostics.push(Diagnostic::new(place.clone(), message).help("leave out its `from`"));
                Vec::new()
            }
            Some(from) => named(draft, from, drafts, &names, diagnostics),
            None if is_source(draft) => Vec::new(),
            None => {
                let of_route = routed.iter().filter(|route| route.child == index).map(|route| route.parent);
                let of_route: Vec<usize> = of_route.collect();
                let parents = if of_route.is_empty() {
                    default_parent(draft, index, config, has_source, diagnostics).into_iter().collect()
                } else {
                    of_route
                };
                let edge =
                    |parent| Edge { parent, pick: None, view: ProjectionTable::default(), place: draft.place.clone() };
                parents.into_iter().map(edge).collect()
            }
        };
        for edge in &mut edges {
            let route = routed.iter().find(|route| route.child == index && route.parent == edge.parent);
            edge.pick = route.map(|route| route.pick);
        }
        for route in routed.iter().filter(|route| route.child == index) {
            if !edges.iter().any(|edge| edge.parent == route.parent) {
                let from = &drafts[route.parent].name;
                let message = format!("\"{}\" is a route of \"{from}\", and does not take its rows", draft.name);
                let help = format!("add \"{from}\" to its `from`, or leave out the `from`");
                diagnostics.push(Diagnostic::new(draft.place.clone(), message).help(help));
            }
        }
        check_combine(draft, &edges, diagnostics);
        all.push(edges);
    }
    all
}

/// A child that a route names.
struct Routed {
    parent: usize,
    child: usize,
    pick: usize,
}

fn routed(drafts: &[Draft<'_>], names: &HashMap<&str, usize>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Routed> {
    let mut all = Vec::new();
    for (parent, draft) in drafts.iter().enumerate() {
        let children = draft.route.into_iter().flat_map(|route| route.to.iter().enumerate());
        for (pick, name) in children {
            match names.get(name.as_str()) {
                Some(child) if !matches!(drafts[*child].role, Role::Source(_)) => {
                    all.push(Routed { parent, child: *child, pick });
                }
                Some(_) => {
                    let message = format!("\"{}\" is a source, and takes no rows", name.value);
                    diagnostics.push(Diagnostic::new(name.place.clone(), message).help("name a step or a sink"));
                }
                None => {
                    diagnostics.push(unknown(name, drafts, "step or sink", |role| !matches!(role, Role::Source(_))))
                }
            }
        }
    }
    all
}

/// The parents that a `from` names.
fn named(
    draft: &Draft<'_>,
    from: &[FromTable],
    drafts: &[Draft<'_>],
    names: &HashMap<&str, usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::with_capacity(from.len());
    for FromTable { name, view } in from {
        match names.get(name.as_str()) {
            Some(parent) if edges.iter().any(|edge| edge.parent == *parent) => {
                let message = format!("\"{}\" takes the rows of \"{}\" twice", draft.name, name.value);
                diagnostics.push(Diagnostic::new(name.place.clone(), message).help("name it once"));
            }
            // Sinks have names, too, but nothing comes out of them.
            Some(parent) if !matches!(drafts[*parent].role, Role::Sink(_)) => {
                edges.push(Edge { parent: *parent, pick: None, view: view.clone(), place: name.place.clone() });
            }
            Some(_) => {
                let message = format!("\"{}\" is a sink, and no rows come out of a sink", name.value);
                diagnostics.push(Diagnostic::new(name.place.clone(), message).help("name a step or a source"));
            }
            None => diagnostics.push(unknown(name, drafts, "step or source", |role| !matches!(role, Role::Sink(_)))),
        }
    }
    edges
}

fn default_parent(
    draft: &Draft<'_>,
    index: usize,
    config: &Config,
    has_source: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let sources = config.sources.len();
    let last_step = sources + config.steps.len();
    match draft.role {
        Role::Source(_) => None,
        Role::Step(0) => only_source(draft, sources, has_source, diagnostics),
        Role::Step(_) => Some(index - 1),
        Role::Sink(_) if config.steps.is_empty() => only_source(draft, sources, has_source, diagnostics),
        Role::Sink(_) => Some(last_step - 1),
    }
}

fn only_source(
    draft: &Draft<'_>,
    sources: usize,
    has_source: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let (message, help) = match sources {
        1 => return Some(0),
        // That is told already, or the component will not load, and that is.
        0 if !has_source || draft.kind.is_none() => return None,
        0 => {
            let message =
                format!("\"{}\" comes first, and there is no [[source]] whose rows it would take", draft.name);
            (message, "add a `from` that names a step, or add a [[source]]".to_owned())
        }
        _ => {
            let message =
                format!("there are {sources} sources, and \"{}\" does not say whose rows it takes", draft.name);
            (message, "name each source, and add a `from` with one of the names, or with several".to_owned())
        }
    };
    diagnostics.push(Diagnostic::new(draft.place.clone(), message).help(help));
    None
}

fn check_combine(draft: &Draft<'_>, edges: &[Edge], diagnostics: &mut Vec<Diagnostic>) {
    const HELP: &str = "add `combine = \"rows\"` for their rows one after the other, or `combine = \"columns\"` for the same rows side by side";
    match (edges, draft.combine) {
        ([_, second, ..], None) => {
            let count = edges.len();
            let message =
                format!("\"{}\" takes rows from {count} nodes, and does not say how to combine them", draft.name);
            diagnostics.push(Diagnostic::new(second.place.clone(), message).help(HELP));
        }
        ([] | [_], Some(combine)) => {
            let message = format!("\"{}\" has `combine`, and takes rows from one node at most", draft.name);
            let help = "leave it out, or name several steps or sources in `from`";
            diagnostics.push(Diagnostic::new(combine.place.clone(), message).help(help));
        }
        _ => {}
    }
}

fn unknown(name: &Placed<String>, drafts: &[Draft<'_>], what: &str, fits: impl Fn(Role) -> bool) -> Diagnostic {
    let candidates = || drafts.iter().filter(|draft| fits(draft.role)).map(|draft| &*draft.name);
    let diagnostic = Diagnostic::new(name.place.clone(), format!("there is no {what} \"{}\"", name.value));
    match nearest(name, candidates()) {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic.help(format!("there are {}", candidates().collect::<Vec<_>>().join(", "))),
    }
}
