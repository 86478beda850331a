//! The stage in which each node runs.
//!
//! A stage is a part of the graph through which a task can take a piece of the input from end to end. It ends where
//! rows of many pieces have to be there first: at an aggregate; where columns are joined that do not come from the same
//! pieces; and where a step wants larger batches than the pieces are. What crosses the border is kept on disk.

use std::collections::BTreeSet;

use super::graph::{Graph, Role};
use crate::component::Kind;
use crate::config::combine::Combine;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// The stage in which its rows come together.
    pub(crate) at: usize,
    /// The stage in which what comes out of it is there.
    pub(crate) home: usize,
    /// Whether the rows of its parents are kept on disk before stage `at`, which reads them side by side.
    pub(crate) zipped: bool,
    /// Whether stage `at` keeps its rows on disk, for the next stage to read them in batches of another size, or one
    /// after the other.
    pub(crate) kept: bool,
}

/// What the rows of a node are pieces of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    /// Rows that this node reads or makes, or that were kept for it.
    Of(usize),
    /// What came out of a node, kept for a later stage.
    Kept(usize, Option<usize>),
}

/// The levels of all nodes. `kinds` and `larger` are of the steps by their index in the file; `larger` tells which of
/// them want larger batches than the pieces are.
pub(crate) fn levels(graph: &Graph, kinds: &[Kind], larger: &[bool]) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::with_capacity(graph.nodes.len());
    let mut roots: Vec<BTreeSet<Root>> = Vec::with_capacity(graph.nodes.len());
    for (id, node) in graph.nodes.iter().enumerate() {
        let at = node.edges.iter().map(|edge| levels[edge.parent].home).max().unwrap_or(0);
        let of_edges: Vec<BTreeSet<Root>> = node
            .edges
            .iter()
            .map(|edge| {
                let here = levels[edge.parent].home == at;
                if here { roots[edge.parent].clone() } else { BTreeSet::from([Root::Kept(edge.parent, edge.pick)]) }
            })
            .collect();
        let is_apart = of_edges.windows(2).any(|pair| pair[0] != pair[1]);
        let kind = match node.role {
            Role::Step(index) => Some((kinds[index], larger[index])),
            Role::Source(_) | Role::Sink(_) => None,
        };
        let kept = matches!(kind, Some((Kind::Aggregate, _) | (Kind::Transform, true)));
        let zipped = node.combine == Some(Combine::Columns) && is_apart;
        let at = at + usize::from(zipped);
        let home = at + usize::from(kept);
        let own = kept || zipped || node.edges.is_empty();
        roots.push(if own { BTreeSet::from([Root::Of(id)]) } else { of_edges.into_iter().flatten().collect() });
        levels.push(Level { at, home, zipped, kept });
    }
    levels
}
