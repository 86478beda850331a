//! Who takes rows from whom.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{Complaint, Config, Place, Placed, nearest};

/// A pipeline's nodes, each after its parents. The source is node 0.
pub(crate) struct Graph {
    pub(crate) nodes: Vec<GraphNode>,
}

/// A source, step or sink under its name.
pub(crate) struct GraphNode {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// The nodes whose rows it takes.
    pub(crate) parents: Vec<usize>,
}

/// What a node is: an index into the pipeline file's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source(usize),
    Step(usize),
    Sink(usize),
}

/// A node before names are resolved.
struct Draft<'a> {
    name: Arc<str>,
    role: Role,
    place: &'a Place,
    from: Option<&'a [Placed<String>]>,
}

impl Graph {
    /// Resolves names, and complains of everything that does not fit together.
    pub(crate) fn new(config: &Config, complaints: &mut Vec<Complaint>) -> Option<Self> {
        let before = complaints.len();
        for source in config.sources.iter().skip(1) {
            let message = "a pipeline takes its rows from one source, and this is another";
            let help =
                "if the files have the same columns, give one source a pattern, such as `path = \"data/*.jsonl\"`";
            complaints.push(Complaint::new(source.place.clone(), message).help(help));
        }
        let drafts = drafts(config);
        let parents = resolve(&drafts, config, complaints);
        let order = order(&drafts, &parents, complaints);
        check_use(&drafts, &parents, complaints);
        if complaints.len() > before {
            return None;
        }
        let mut position = vec![0; drafts.len()];
        for (new, old) in order.iter().enumerate() {
            position[*old] = new;
        }
        let nodes = order.iter().map(|old| GraphNode {
            name: Arc::clone(&drafts[*old].name),
            role: drafts[*old].role,
            parents: parents[*old].iter().map(|parent| position[*parent]).collect(),
        });
        Some(Self { nodes: nodes.collect() })
    }
}

fn drafts(config: &Config) -> Vec<Draft<'_>> {
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
    });
    let steps = config.steps.iter().enumerate().map(|(index, step)| Draft {
        name: Arc::from(step.name.as_str()),
        role: Role::Step(index),
        place: &step.name.place,
        from: step.from.as_deref(),
    });
    let sinks = config.sinks.iter().enumerate().map(|(index, sink)| Draft {
        name: named(&sink.name, "sink", index, config.sinks.len()),
        role: Role::Sink(index),
        place: &sink.place,
        from: sink.from.as_deref(),
    });
    sources.chain(steps).chain(sinks).collect()
}

/// The parents of every node; by default the step before, or the source.
fn resolve(drafts: &[Draft<'_>], config: &Config, complaints: &mut Vec<Complaint>) -> Vec<Vec<usize>> {
    let sources = config.sources.len();
    let last_step = sources + config.steps.len();
    // Sinks have names, too, but nothing comes out of them.
    let names: HashMap<&str, usize> = drafts.iter().enumerate().map(|(index, draft)| (&*draft.name, index)).collect();
    let mut parents = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let default = match draft.role {
            Role::Source(_) => Vec::new(),
            Role::Step(0) => vec![0],
            Role::Step(_) => vec![index - 1],
            Role::Sink(_) if config.steps.is_empty() => vec![0],
            Role::Sink(_) => vec![last_step - 1],
        };
        let Some(from) = draft.from else {
            parents.push(default);
            continue;
        };
        if let [_, second, ..] = from {
            let message = format!("\"{}\" takes rows from {} nodes, and only one is possible", draft.name, from.len());
            complaints.push(Complaint::new(second.place.clone(), message).help("name one step or source"));
        }
        let known = from.iter().filter_map(|name| match names.get(name.as_str()) {
            Some(parent) if !matches!(drafts[*parent].role, Role::Sink(_)) => Some(*parent),
            Some(_) => {
                let message = format!("\"{}\" is a sink, and no rows come out of a sink", name.value);
                complaints.push(Complaint::new(name.place.clone(), message).help("name a step or a source"));
                None
            }
            None => {
                complaints.push(unknown(name, drafts));
                None
            }
        });
        parents.push(known.collect());
    }
    parents
}

fn unknown(name: &Placed<String>, drafts: &[Draft<'_>]) -> Complaint {
    let candidates = || drafts.iter().filter(|draft| !matches!(draft.role, Role::Sink(_))).map(|draft| &*draft.name);
    let complaint = Complaint::new(name.place.clone(), format!("there is no step or source \"{}\"", name.value));
    match nearest(name, candidates()) {
        Some(meant) => complaint.help(format!("did you mean \"{meant}\"?")),
        None => complaint.help(format!("there are {}", candidates().collect::<Vec<_>>().join(", "))),
    }
}

/// The nodes in an order in which each comes after its parents, and otherwise in the order of the file.
fn order(drafts: &[Draft<'_>], parents: &[Vec<usize>], complaints: &mut Vec<Complaint>) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(drafts.len());
    let mut placed = vec![false; drafts.len()];
    loop {
        let ready =
            (0..drafts.len()).find(|node| !placed[*node] && parents[*node].iter().all(|parent| placed[*parent]));
        let Some(node) = ready else { break };
        placed[node] = true;
        order.push(node);
    }
    let is_on_cycle = |start: usize| {
        let mut seen = vec![false; drafts.len()];
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
    let cycle: Vec<usize> = (0..drafts.len()).filter(|node| !placed[*node] && is_on_cycle(*node)).collect();
    if let Some(first) = cycle.first() {
        let names: Vec<_> = cycle.iter().map(|node| format!("\"{}\"", drafts[*node].name)).collect();
        let message = format!("{} take rows from each other in a circle", names.join(", "));
        let message = if names.len() == 1 { format!("{} takes rows from itself", names[0]) } else { message };
        let complaint = Complaint::new(drafts[*first].place.clone(), message);
        complaints.push(complaint.help("change a `from` so that rows flow from a source to a sink"));
    }
    order
}

/// Complains of steps whose rows nobody takes.
fn check_use(drafts: &[Draft<'_>], parents: &[Vec<usize>], complaints: &mut Vec<Complaint>) {
    for (index, draft) in drafts.iter().enumerate() {
        let is_used = parents.iter().any(|parents| parents.contains(&index));
        if matches!(draft.role, Role::Step(_)) && !is_used {
            let message = format!("nothing takes the rows of step \"{}\"", draft.name);
            let help = format!("add a [[sink]] or a step with `from = \"{}\"`, or remove the step", draft.name);
            complaints.push(Complaint::new(draft.place.clone(), message).help(help));
        }
    }
}
