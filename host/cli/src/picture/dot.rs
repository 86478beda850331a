//! A pipeline in the language of Graphviz.

use std::fmt::Write as _;

use stillbox::outline::{NodeRole, Outline};

use super::describe;

/// Returns a directed graph from the sources down to the sinks.
pub(crate) fn draw(outline: &Outline) -> String {
    let mut text = format!("digraph \"{}\" {{\n", escaped(&stillbox::text::escape_controls(&outline.name)));
    text.push_str("    node [shape=box, fontname=\"monospace\", fontsize=12];\n");
    text.push_str("    edge [fontname=\"monospace\", fontsize=10];\n");
    for (id, node) in outline.nodes.iter().enumerate() {
        let label = lines(&describe::node_lines(node), "\\n");
        let shape = match &node.role {
            NodeRole::Source { .. } | NodeRole::Sink { .. } => ", style=rounded",
            NodeRole::Step { kind: "aggregate", .. } => ", peripheries=2",
            _ => "",
        };
        let _ = writeln!(text, "    n{id} [label=\"{label}\"{shape}];");
    }
    for (id, node) in outline.nodes.iter().enumerate() {
        for edge in &node.edges {
            // `\l` ends a left-aligned line.
            let label = lines(&describe::edge_lines(edge), "\\l") + "\\l";
            let _ = writeln!(text, "    n{} -> n{id} [label=\"{label}\"];", edge.parent);
        }
    }
    text.push_str("}\n");
    text
}

fn lines(lines: &[String], end: &str) -> String {
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join(end)
}

/// Returns a text in quotation marks. Entities of HTML are escaped, because labels decode them.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\"")
}
