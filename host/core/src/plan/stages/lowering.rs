//! From the graph to what each stage reads and does.

use std::sync::Arc;

use super::super::Step;
use super::super::columns::{Combined, TypedNode};
use super::super::graph::{Graph, Role};
use super::super::levels::Level;
use super::super::projection::Projection;
use super::{Input, InputSource, JoinParent, Joining, Kept, Operation, StagePlan, Work, Zip};
use crate::component::Kind;

/// All stages, and what is kept between them.
pub(crate) fn stages(
    graph: &Graph,
    levels: &[Level],
    typed: &[TypedNode],
    sinks: &[usize],
) -> (Vec<StagePlan>, Vec<Kept>) {
    let count = levels.iter().map(|level| level.home).max().unwrap_or(0) + 1;
    let stages = (0..count).map(|_| StagePlan { inputs: Vec::new(), operations: Vec::new(), slots: 0 }).collect();
    let outputs = vec![None; graph.nodes.len()];
    let mut lowering =
        Lowering { graph, levels, typed, stages, kept: Vec::new(), outputs, found: Vec::new(), kept_edges: Vec::new() };
    for id in 0..graph.nodes.len() {
        lowering.node(id, sinks);
    }
    let Lowering { mut stages, kept, .. } = lowering;
    for stage in &mut stages {
        stage.inputs.sort_by_key(|input| input.node);
    }
    (stages, kept)
}

/// A node's rows, or those of one of its routes.
type Rows = (usize, Option<usize>);

struct Lowering<'a> {
    graph: &'a Graph,
    levels: &'a [Level],
    typed: &'a [TypedNode],
    stages: Vec<StagePlan>,
    kept: Vec<Kept>,
    /// The slot that each node fills in its home stage.
    outputs: Vec<Option<usize>>,
    /// What a stage has found already, and its slot.
    found: Vec<(usize, Rows, usize)>,
    /// What is kept already.
    kept_edges: Vec<(Rows, usize)>,
}

impl Lowering<'_> {
    fn node(&mut self, id: usize, sinks: &[usize]) {
        let (graph, level, typed) = (self.graph, &self.levels[id], &self.typed[id]);
        let node = &graph.nodes[id];
        let step = typed.step.as_ref();
        let output = match (node.role, step) {
            (Role::Source(index), _) => Some(self.origin(id, InputSource::Source(index))),
            (Role::Step(_), Some(step)) if node.edges.is_empty() => {
                Some(self.origin(id, InputSource::Generator(Arc::clone(step))))
            }
            (Role::Sink(index), _) => {
                let slot = self.incoming(id);
                let sink = sinks.iter().position(|sink| *sink == index).unwrap_or_default();
                self.operation(level.at, vec![slot], Work::Sink(sink));
                None
            }
            (Role::Step(_), None) => unreachable!("every step is typed"),
            (Role::Step(_), Some(step)) => {
                let slot = self.incoming(id);
                Some(self.step(id, step, slot))
            }
        };
        self.outputs[id] = output;
    }

    /// The rows of a node without parents.
    fn origin(&mut self, id: usize, from: InputSource) -> usize {
        let home = self.levels[id].home;
        let slot = self.slot(home);
        self.stages[home].inputs.push(Input { node: id, from, slots: vec![slot] });
        self.shown(home, slot, self.typed[id].view.as_ref())
    }

    fn step(&mut self, id: usize, step: &Arc<Step>, slot: usize) -> usize {
        let level = &self.levels[id];
        if !level.kept {
            return self.filling(level.at, vec![slot], Work::Step(Arc::clone(step)));
        }
        let title = format!("the rows that come to {}", self.graph.nodes[id].title());
        let kept = self.keep(title);
        self.operation(level.at, vec![slot], Work::Spill(kept));
        let output = self.slot(level.home);
        let is_aggregate = step.component.manifest().kind == Kind::Aggregate;
        let from = if is_aggregate {
            InputSource::Aggregate { step: Arc::clone(step), kept }
        } else {
            InputSource::Spill { kept, batch_rows: Some(step.batch_rows) }
        };
        self.stages[level.home].inputs.push(Input { node: id, from, slots: vec![output] });
        if is_aggregate { output } else { self.filling(level.home, vec![output], Work::Step(Arc::clone(step))) }
    }

    /// The rows that come to a node, in the stage where they come together.
    fn incoming(&mut self, id: usize) -> usize {
        let (graph, level, typed) = (self.graph, &self.levels[id], &self.typed[id]);
        let node = &graph.nodes[id];
        let slots: Vec<usize> = if level.zipped {
            let mut kept = Vec::with_capacity(node.edges.len());
            for edge in &node.edges {
                let rows = self.kept_edge((edge.parent, edge.pick));
                kept.push((rows, graph.nodes[edge.parent].title()));
            }
            let slots: Vec<usize> = node.edges.iter().map(|_| self.slot(level.at)).collect();
            let from = InputSource::Zipped(Zip { name: Arc::clone(&node.name), kept });
            self.stages[level.at].inputs.push(Input { node: id, from, slots: slots.clone() });
            slots
        } else {
            node.edges.iter().map(|edge| self.fetch(level.at, (edge.parent, edge.pick))).collect()
        };
        let shown: Vec<usize> =
            slots.iter().zip(&typed.edges).map(|(slot, view)| self.shown(level.at, *slot, view.as_ref())).collect();
        let slot = match &typed.combined {
            None => shown[0],
            Some(Combined::Append(append)) => self.filling(level.at, shown, Work::Union(Arc::clone(append))),
            Some(Combined::Join(join)) => {
                let parents = node.edges.iter().map(|edge| JoinParent {
                    title: graph.nodes[edge.parent].title(),
                    steps: self.steps_before(edge.parent),
                });
                let parents = parents.collect();
                let joining = Joining { name: Arc::clone(&node.name), join: Arc::clone(join), parents };
                self.filling(level.at, shown, Work::Join(joining))
            }
        };
        self.shown(level.at, slot, typed.view.as_ref())
    }

    /// The slot of a node's rows in a stage.
    fn fetch(&mut self, stage: usize, rows: Rows) -> usize {
        if let Some((.., slot)) = self.found.iter().find(|(of, what, _)| *of == stage && *what == rows) {
            return *slot;
        }
        let (node, pick) = rows;
        let slot = if self.levels[node].home == stage {
            let all = self.outputs[node].expect("nodes come after their parents");
            match (pick, &self.typed[node].route) {
                (Some(child), Some(route)) => {
                    self.filling(stage, vec![all], Work::Route { route: route.clone(), child })
                }
                _ => all,
            }
        } else {
            let kept = self.kept_edge(rows);
            let slot = self.slot(stage);
            let from = InputSource::Spill { kept, batch_rows: None };
            self.stages[stage].inputs.push(Input { node, from, slots: vec![slot] });
            slot
        };
        self.found.push((stage, rows, slot));
        slot
    }

    /// Keeps a node's rows in its home stage.
    fn kept_edge(&mut self, rows: Rows) -> usize {
        if let Some((_, kept)) = self.kept_edges.iter().find(|(of, _)| *of == rows) {
            return *kept;
        }
        let home = self.levels[rows.0].home;
        let slot = self.fetch(home, rows);
        let kept = self.keep(self.graph.nodes[rows.0].title());
        self.operation(home, vec![slot], Work::Spill(kept));
        self.kept_edges.push((rows, kept));
        kept
    }

    /// The numbers of all steps that rows may have passed when they come out of a node.
    fn steps_before(&self, node: usize) -> Vec<usize> {
        let mut seen = vec![false; self.graph.nodes.len()];
        let mut open = vec![node];
        let mut steps = Vec::new();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                steps.extend(self.typed[node].step.as_ref().map(|step| step.number));
                open.extend(self.graph.nodes[node].edges.iter().map(|edge| edge.parent));
            }
        }
        steps
    }

    fn shown(&mut self, stage: usize, slot: usize, view: Option<&Projection>) -> usize {
        match view {
            Some(view) => self.filling(stage, vec![slot], Work::Project(view.clone())),
            None => slot,
        }
    }

    fn filling(&mut self, stage: usize, reads: Vec<usize>, work: Work) -> usize {
        let slot = self.slot(stage);
        self.stages[stage].operations.push(Operation { reads, fills: Some(slot), work });
        slot
    }

    fn operation(&mut self, stage: usize, reads: Vec<usize>, work: Work) {
        self.stages[stage].operations.push(Operation { reads, fills: None, work });
    }

    fn slot(&mut self, stage: usize) -> usize {
        self.stages[stage].slots += 1;
        self.stages[stage].slots - 1
    }

    fn keep(&mut self, title: String) -> usize {
        self.kept.push(Kept { title });
        self.kept.len() - 1
    }
}
