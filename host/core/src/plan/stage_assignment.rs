//! Assigning nodes to stages.
//!
//! A stage is a part of the graph that one task can process from end to end for one chunk of the input. A stage ends where
//! a node needs the rows of many chunks: at an aggregate, at a join of columns that do not come from the same chunks, and
//! at a step whose batches are larger than the chunks. Rows that cross the border between stages are spilled to disk.

use std::collections::BTreeSet;

use super::graph::{PipelineGraph, Role};
use crate::component::StepKind;
use crate::config::combine::Combine;

/// The stages of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageAssignment {
    /// The stage in which its incoming rows are combined.
    pub(crate) input_stage: usize,
    /// The stage in which its outgoing rows are available.
    pub(crate) output_stage: usize,
    /// Whether the rows of its parents are spilled before `input_stage`, which reads them side by side.
    pub(crate) zipped: bool,
    /// Whether `input_stage` spills its incoming rows. The next stage then reads them in batches of another size, or as one
    /// sequence.
    pub(crate) spilled: bool,
}

/// The origin of the chunks that the rows of a node are part of. Only rows of the same chunks can be joined in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    /// Rows that this node reads or generates, or that were spilled for it.
    Node(usize),
    /// Outgoing rows of a node, or of one child of its route, spilled for a later stage.
    Spill(usize, Option<usize>),
}

/// Assigns all nodes to stages. `kinds` and `larger` have an element for each step of the file; `larger` is whether its
/// batches are larger than the chunks.
pub(crate) fn assign_stages(graph: &PipelineGraph, kinds: &[StepKind], larger: &[bool]) -> Vec<StageAssignment> {
    let mut assignments: Vec<StageAssignment> = Vec::with_capacity(graph.nodes.len());
    let mut roots: Vec<BTreeSet<Root>> = Vec::with_capacity(graph.nodes.len());
    for (id, node) in graph.nodes.iter().enumerate() {
        let earliest = node.edges.iter().map(|edge| assignments[edge.parent].output_stage).max().unwrap_or(0);
        let edge_roots: Vec<BTreeSet<Root>> = node
            .edges
            .iter()
            .map(|edge| {
                let here = assignments[edge.parent].output_stage == earliest;
                if here { roots[edge.parent].clone() } else { BTreeSet::from([Root::Spill(edge.parent, edge.pick)]) }
            })
            .collect();
        let is_apart = edge_roots.windows(2).any(|pair| pair[0] != pair[1]);
        let kind = match node.role {
            Role::Step(index) => Some((kinds[index], larger[index])),
            Role::Source(_) | Role::Sink(_) => None,
        };
        let spilled = matches!(kind, Some((StepKind::Aggregate, _) | (StepKind::Transform, true)));
        let zipped = node.combine == Some(Combine::Columns) && is_apart;
        let input_stage = earliest + usize::from(zipped);
        let output_stage = input_stage + usize::from(spilled);
        let own = spilled || zipped || node.edges.is_empty();
        roots.push(if own { BTreeSet::from([Root::Node(id)]) } else { edge_roots.into_iter().flatten().collect() });
        assignments.push(StageAssignment { input_stage, output_stage, zipped, spilled });
    }
    assignments
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// Each node with its `input_stage`, and its `output_stage` if that is another one.
    fn cut(steps: &[(&str, StepKind, &str)], sink: &str) -> String {
        let mut text = "[pipeline]\nname = \"x\"\n[[source]]\nname = \"a\"\npath = \"a.jsonl\"\n".to_owned();
        for (name, _, settings) in steps {
            text += &["[[step]]\nname = \"", name, "\"\ncomponent = \"x.wasm\"\n", settings, "\n"].concat();
        }
        text += &["[[sink]]\npath = \"out.jsonl\"\n", sink, "\n"].concat();
        let config = Config::parse(Path::new("p.toml"), &text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let kinds: Vec<StepKind> = steps.iter().map(|(_, kind, _)| *kind).collect();
        let known: Vec<Option<StepKind>> = kinds.iter().copied().map(Some).collect();
        let mut diagnostics = Vec::new();
        let graph = PipelineGraph::new(&config, &known, &mut diagnostics);
        let graph = graph.unwrap_or_else(|| panic!("{}", config.diagnostics(diagnostics)));
        let larger: Vec<bool> = config.steps.iter().map(|step| step.batch_rows.is_some()).collect();
        let assignment = |(node, assignment): (&super::super::graph::GraphNode, StageAssignment)| {
            let output = if assignment.output_stage == assignment.input_stage {
                String::new()
            } else {
                format!("->{}", assignment.output_stage)
            };
            format!(
                "{}:{}{output}{}",
                node.name,
                assignment.input_stage,
                if assignment.zipped { " zipped" } else { "" }
            )
        };
        let assignments = assign_stages(&graph, &kinds, &larger);
        graph.nodes.iter().zip(assignments).map(assignment).collect::<Vec<_>>().join(", ")
    }

    const T: StepKind = StepKind::Transform;
    const A: StepKind = StepKind::Aggregate;

    #[test]
    fn a_stage_ends_at_an_aggregate() {
        assert_eq!(cut(&[("t", T, "")], ""), "a:0, t:0, sink:0");
        assert_eq!(cut(&[("t", T, ""), ("g", A, ""), ("u", T, "")], ""), "a:0, t:0, g:0->1, u:1, sink:1");
        assert_eq!(cut(&[("g", A, ""), ("h", A, "")], ""), "a:0, g:0->1, h:1->2, sink:2");
    }

    #[test]
    fn branches_meet_within_a_stage() {
        let steps = [("t", T, "from = \"a\""), ("u", T, "from = \"a\"")];
        assert_eq!(cut(&steps, "from = [\"t\", \"u\"]\ncombine = \"columns\""), "a:0, t:0, u:0, sink:0");
        assert_eq!(
            cut(&steps, "from = [\"t\", \"a\"]\ncombine = \"rows\"\n[[sink]]\npath = \"u.csv\"\nfrom = \"u\""),
            "a:0, t:0, u:0, sink-1:0, sink-2:0"
        );
    }

    #[test]
    fn columns_from_before_an_aggregate_wait_for_a_stage_of_their_own() {
        let both = "from = [\"a\", \"g\"]\ncombine = ";
        assert_eq!(cut(&[("g", A, "")], &format!("{both}\"columns\"")), "a:0, g:0->1, sink:2 zipped");
        assert_eq!(cut(&[("g", A, "")], &format!("{both}\"rows\"")), "a:0, g:0->1, sink:1");
    }

    #[test]
    fn larger_batches_are_cut_from_what_was_kept() {
        assert_eq!(cut(&[("t", T, "batch-rows = 5000"), ("u", T, "")], ""), "a:0, t:0->1, u:1, sink:1");
    }
}
