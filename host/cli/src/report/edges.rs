//! The numbers of rows along the edges of a graph.

use stillbox::Report;
use stillbox::outline::{NodeRole, Outline, OutlineNode};

/// Returns the rows that passed each edge of each node, as far as the counts of steps and sinks say it.
pub(super) fn edge_rows(outline: &Outline, report: &Report) -> Vec<Vec<Option<u64>>> {
    let edges = |node: &OutlineNode| {
        let rows = node.edges.iter().map(|edge| match (node.edges.len(), &edge.route) {
            // The only edge carries all rows that come in, whatever its route leaves out.
            (1, _) => rows_in(node, report),
            (_, None) => rows_out(outline, edge.parent, report),
            // How the rows of a parent with routes are divided is not counted.
            _ => None,
        });
        rows.collect()
    };
    outline.nodes.iter().map(edges).collect()
}

/// The rows that came into a node.
fn rows_in(node: &OutlineNode, report: &Report) -> Option<u64> {
    match &node.role {
        NodeRole::Step { .. } => report.steps.iter().find(|step| step.name == node.name).map(|step| step.rows_in),
        NodeRole::Sink { .. } => report.sinks.iter().find(|sink| sink.name == node.name).map(|sink| sink.rows),
        _ => None,
    }
}

/// The rows that came out of a node. The report counts the rows of all sources together.
fn rows_out(outline: &Outline, node: usize, report: &Report) -> Option<u64> {
    let is_source = |node: &&OutlineNode| matches!(node.role, NodeRole::Source { .. });
    match &outline.nodes[node].role {
        NodeRole::Step { .. } => {
            report.steps.iter().find(|step| step.name == outline.nodes[node].name).map(|step| step.rows_out)
        }
        NodeRole::Source { .. } => {
            let alone = outline
                .nodes
                .iter()
                .find(|child| matches!(child.edges.as_slice(), [edge] if edge.parent == node && edge.route.is_none()));
            let is_only = outline.nodes.iter().filter(is_source).count() == 1
                && !outline.nodes.iter().any(|node| matches!(node.role, NodeRole::Step { kind: "source", .. }));
            let all = is_only.then(|| report.rows_in.saturating_sub(report.bad_rows));
            alone.and_then(|child| rows_in(child, report)).or(all)
        }
        _ => None,
    }
}
