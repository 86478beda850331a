//! Lowering the graph to the operations of each stage.

use std::sync::Arc;

use super::columns::{Combination, TypedNode};
use super::graph::{PipelineGraph, Role};
use super::projection::Projection;
use super::stage_assignment::StageAssignment;
use super::stages::{InputSource, JoinOperation, JoinParent, Operation, SpillPlan, StagePlan, StageSource, Work, Zip};
use super::step::Step;
use super::until::RowGoal;
use crate::component::StepKind;

/// Lowers the graph. Returns all stages, and the spills between them.
pub(super) fn lower(
    (graph, assignments): (&PipelineGraph, &[StageAssignment]),
    typed: &[TypedNode],
    sinks: &[usize],
    until: Option<&RowGoal>,
) -> (Vec<StagePlan>, Vec<SpillPlan>) {
    let count = assignments.iter().map(|assignment| assignment.output_stage).max().unwrap_or(0) + 1;
    let stages = (0..count).map(|_| StagePlan { inputs: Vec::new(), operations: Vec::new(), slots: 0 }).collect();
    let outputs = vec![None; graph.nodes.len()];
    let mut lowering = Lowering {
        graph,
        assignments,
        typed,
        until,
        stages,
        spills: Vec::new(),
        outputs,
        found: Vec::new(),
        spilled_edges: Vec::new(),
    };
    for id in 0..graph.nodes.len() {
        lowering.node(id, sinks);
    }
    let Lowering { mut stages, spills, .. } = lowering;
    for stage in &mut stages {
        stage.inputs.sort_by_key(|input| input.node);
    }
    (stages, spills)
}

/// The rows of a node, or of one child of its route.
type EdgeRows = (usize, Option<usize>);

struct Lowering<'a> {
    graph: &'a PipelineGraph,
    assignments: &'a [StageAssignment],
    typed: &'a [TypedNode],
    until: Option<&'a RowGoal>,
    stages: Vec<StagePlan>,
    spills: Vec<SpillPlan>,
    /// The slot of the outgoing rows of each node, in its `output_stage`.
    outputs: Vec<Option<usize>>,
    /// The slots in which a stage already has rows: the stage, the rows, and the slot.
    found: Vec<(usize, EdgeRows, usize)>,
    /// The spills created so far: the rows, and the index of the spill.
    spilled_edges: Vec<(EdgeRows, usize)>,
}

impl Lowering<'_> {
    fn node(&mut self, id: usize, sinks: &[usize]) {
        let (graph, assignment, typed) = (self.graph, &self.assignments[id], &self.typed[id]);
        let node = &graph.nodes[id];
        let step = typed.step.as_ref();
        let output = match (node.role, step) {
            (Role::Source(index), _) => Some(self.input(id, InputSource::Source(index))),
            (Role::Step(_), Some(step)) if node.edges.is_empty() => {
                let at_most = self.until.map(|until| until.at_most);
                Some(self.input(id, InputSource::Generator { step: Arc::clone(step), at_most }))
            }
            (Role::Sink(index), _) => {
                let mut slot = self.incoming(id);
                if let Some(until) = self.until {
                    let accept = Work::Accept(Arc::clone(&until.filter));
                    slot = self.push_into_slot(assignment.input_stage, vec![slot], accept);
                }
                let sink = sinks.iter().position(|sink| *sink == index).unwrap_or_default();
                self.push(assignment.input_stage, vec![slot], Work::Sink(sink));
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

    /// Adds an input for a node without parents. Returns the slot of its rows.
    fn input(&mut self, id: usize, from: InputSource) -> usize {
        let stage = self.assignments[id].output_stage;
        let slot = self.slot(stage);
        self.stages[stage].inputs.push(StageSource { node: id, from, slots: vec![slot] });
        self.project(stage, slot, self.typed[id].projection.as_ref())
    }

    fn step(&mut self, id: usize, step: &Arc<Step>, slot: usize) -> usize {
        let assignment = &self.assignments[id];
        if !assignment.spilled {
            return self.push_into_slot(assignment.input_stage, vec![slot], Work::Step(Arc::clone(step)));
        }
        let title = format!("the input of {}", self.graph.nodes[id].title());
        let spill = self.add_spill(title);
        self.push(assignment.input_stage, vec![slot], Work::Spill(spill));
        let output = self.slot(assignment.output_stage);
        let is_aggregate = step.component.manifest().kind == StepKind::Aggregate;
        let from = if is_aggregate {
            InputSource::Aggregate { step: Arc::clone(step), spill }
        } else {
            InputSource::Spill { spill, batch_rows: Some(step.batch_rows) }
        };
        self.stages[assignment.output_stage].inputs.push(StageSource { node: id, from, slots: vec![output] });
        if is_aggregate {
            output
        } else {
            self.push_into_slot(assignment.output_stage, vec![output], Work::Step(Arc::clone(step)))
        }
    }

    /// Combines the input of a node in its `input_stage`. Returns their slot.
    fn incoming(&mut self, id: usize) -> usize {
        let (graph, assignment, typed) = (self.graph, &self.assignments[id], &self.typed[id]);
        let node = &graph.nodes[id];
        let slots: Vec<usize> = if assignment.zipped {
            let mut spills = Vec::with_capacity(node.edges.len());
            for edge in &node.edges {
                let rows = self.spill_for((edge.parent, edge.pick));
                spills.push((rows, graph.nodes[edge.parent].title()));
            }
            let slots: Vec<usize> = node.edges.iter().map(|_| self.slot(assignment.input_stage)).collect();
            let from = InputSource::Zipped(Zip { name: Arc::clone(&node.name), spills });
            self.stages[assignment.input_stage].inputs.push(StageSource { node: id, from, slots: slots.clone() });
            slots
        } else {
            node.edges.iter().map(|edge| self.slot_for(assignment.input_stage, (edge.parent, edge.pick))).collect()
        };
        let projected: Vec<usize> = slots
            .iter()
            .zip(&typed.edges)
            .map(|(slot, projection)| self.project(assignment.input_stage, *slot, projection.as_ref()))
            .collect();
        let slot = match &typed.combined {
            None => projected[0],
            Some(Combination::Append(append)) => {
                self.push_into_slot(assignment.input_stage, projected, Work::Union(Arc::clone(append)))
            }
            Some(Combination::Join(join)) => {
                let parents = node.edges.iter().map(|edge| JoinParent {
                    title: graph.nodes[edge.parent].title(),
                    steps: self.steps_before(edge.parent),
                });
                let parents = parents.collect();
                let joining = JoinOperation { name: Arc::clone(&node.name), join: Arc::clone(join), parents };
                self.push_into_slot(assignment.input_stage, projected, Work::Join(joining))
            }
        };
        self.project(assignment.input_stage, slot, typed.projection.as_ref())
    }

    /// Returns the slot of rows in a stage. Reads them from a spill if an earlier stage produces them.
    fn slot_for(&mut self, stage: usize, rows: EdgeRows) -> usize {
        if let Some((.., slot)) = self.found.iter().find(|(of, what, _)| *of == stage && *what == rows) {
            return *slot;
        }
        let (node, pick) = rows;
        let slot = if self.assignments[node].output_stage == stage {
            let all = self.outputs[node].expect("nodes come after their parents");
            match (pick, &self.typed[node].route) {
                (Some(child), Some(route)) => {
                    self.push_into_slot(stage, vec![all], Work::Route { route: route.clone(), child })
                }
                _ => all,
            }
        } else {
            let spill = self.spill_for(rows);
            let slot = self.slot(stage);
            let from = InputSource::Spill { spill, batch_rows: None };
            self.stages[stage].inputs.push(StageSource { node, from, slots: vec![slot] });
            slot
        };
        self.found.push((stage, rows, slot));
        slot
    }

    /// Returns the spill of rows. Adds one to the `output_stage` of their node if there is none.
    fn spill_for(&mut self, rows: EdgeRows) -> usize {
        if let Some((_, spill)) = self.spilled_edges.iter().find(|(of, _)| *of == rows) {
            return *spill;
        }
        let stage = self.assignments[rows.0].output_stage;
        let slot = self.slot_for(stage, rows);
        let spill = self.add_spill(self.graph.nodes[rows.0].title());
        self.push(stage, vec![slot], Work::Spill(spill));
        self.spilled_edges.push((rows, spill));
        spill
    }

    /// The numbers of the node and of all steps before it.
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

    fn project(&mut self, stage: usize, slot: usize, projection: Option<&Projection>) -> usize {
        match projection {
            Some(projection) => self.push_into_slot(stage, vec![slot], Work::Project(projection.clone())),
            None => slot,
        }
    }

    fn push_into_slot(&mut self, stage: usize, reads: Vec<usize>, work: Work) -> usize {
        let slot = self.slot(stage);
        self.stages[stage].operations.push(Operation { reads, fills: Some(slot), work });
        slot
    }

    fn push(&mut self, stage: usize, reads: Vec<usize>, work: Work) {
        self.stages[stage].operations.push(Operation { reads, fills: None, work });
    }

    fn slot(&mut self, stage: usize) -> usize {
        self.stages[stage].slots += 1;
        self.stages[stage].slots - 1
    }

    fn add_spill(&mut self, title: String) -> usize {
        self.spills.push(SpillPlan { title });
        self.spills.len() - 1
    }
}
