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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// Each node with the stage where its rows come together, and where what it makes is there, if that is another one.
    fn cut(steps: &[(&str, Kind, &str)], sink: &str) -> String {
        let mut text = "[pipeline]\nname = \"x\"\n[[source]]\nname = \"a\"\npath = \"a.jsonl\"\n".to_owned();
        for (name, _, settings) in steps {
            text += &["[[step]]\nname = \"", name, "\"\ncomponent = \"x.wasm\"\n", settings, "\n"].concat();
        }
        text += &["[[sink]]\npath = \"out.jsonl\"\n", sink, "\n"].concat();
        let config = Config::parse(Path::new("p.toml"), &text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let kinds: Vec<Kind> = steps.iter().map(|(_, kind, _)| *kind).collect();
        let known: Vec<Option<Kind>> = kinds.iter().copied().map(Some).collect();
        let mut diagnostics = Vec::new();
        let graph = Graph::new(&config, &known, &mut diagnostics);
        let graph = graph.unwrap_or_else(|| panic!("{}", config.diagnostics(diagnostics)));
        let larger: Vec<bool> = config.steps.iter().map(|step| step.batch_rows.is_some()).collect();
        let level = |(node, level): (&super::super::graph::GraphNode, Level)| {
            let home = if level.home == level.at { String::new() } else { format!("->{}", level.home) };
            format!("{}:{}{home}{}", node.name, level.at, if level.zipped { " zipped" } else { "" })
        };
        let levels = levels(&graph, &kinds, &larger);
        graph.nodes.iter().zip(levels).map(level).collect::<Vec<_>>().join(", ")
    }

    const T: Kind = Kind::Transform;
    const A: Kind = Kind::Aggregate;

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
