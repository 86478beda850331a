//! A checked pipeline as text.

use std::fmt::Write as _;

use stillbox::outline::{NodeRole, Outline, OutlineDropped, OutlineNode};
use stillbox::text::escape_controls;
use stillbox::units::counted;

/// Returns the graph of a pipeline: one node per line, each with its output columns, children under their parents. A
/// node with several parents is under the last of them, and names the others. Each name is escaped and stays on its line.
pub(crate) fn tree(outline: &Outline) -> String {
    let mut text = String::new();
    write_line(&mut text, &outline.name);
    for id in (0..outline.nodes.len()).filter(|id| outline.nodes[*id].edges.is_empty()) {
        write_node(&mut text, outline, id, "");
    }
    if let Some(dropped) = &outline.dropped {
        let OutlineDropped { path, sample, by, steps, .. } = dropped;
        let rows = counted(*sample, "row", "rows");
        let steps = steps.join(", ");
        let of_each = if *by == "reason" { "each reason of each step" } else { "each step" };
        write_line(&mut text, &format!("dropped rows of {steps}: the first {rows} of {of_each} in {}", path.display()));
    }
    text
}

fn write_node(text: &mut String, outline: &Outline, id: usize, indent: &str) {
    let node = &outline.nodes[id];
    write_line(text, &format!("{indent}{}", title(outline, node)));
    let is_sink = matches!(node.role, NodeRole::Sink { .. });
    let given = node.edges.last().map(|edge| &outline.nodes[edge.parent].columns);
    if given.is_some_and(|given| *given != node.takes) {
        let what = if is_sink { "writes" } else { "takes" };
        write_line(text, &format!("{indent}│ {what} {}", list(&node.takes, "no columns")));
    }
    if let NodeRole::Step { granted, missing, .. } = &node.role {
        for grant in granted {
            let unused = if grant.imported { "" } else { " (unused: the component does not import it)" };
            let _ = writeln!(text, "{indent}│ granted {}{unused}", grant.grant);
        }
        for missing in missing {
            let _ = writeln!(text, "{indent}│ imports {missing}, and is not granted any");
        }
    }
    if !is_sink {
        write_line(text, &format!("{indent}│ {}", list(&node.columns, "no columns yet")));
    }
    let children: Vec<usize> = (0..outline.nodes.len())
        .filter(|child| outline.nodes[*child].edges.last().is_some_and(|edge| edge.parent == id))
        .collect();
    let branches = children.len() > 1;
    for child in children {
        // A chain stays at one depth; only branches are indented.
        let indent = if branches { format!("{indent}├─ ") } else { indent.to_owned() };
        let indent = indent.replace("├─ ├─ ", "│  ├─ ");
        write_node(text, outline, child, &indent);
    }
}

fn write_line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", escape_controls(line));
}

fn list(columns: &[String], none: &str) -> String {
    if columns.is_empty() { none.to_owned() } else { columns.join(", ") }
}

fn title(outline: &Outline, node: &OutlineNode) -> String {
    let own = match &node.role {
        NodeRole::Source { inputs, .. } => {
            let files = match inputs.as_slice() {
                [] => "standard input".to_owned(),
                [file] => file.display().to_string(),
                [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
            };
            format!("{} <- {files}", node.name)
        }
        NodeRole::Step { component, reads, writes, .. } => {
            format!("{} ({component}) reads {}, writes {}", node.name, list(reads, "nothing"), list(writes, "nothing"))
        }
        NodeRole::Sink { path: Some(path), .. } => format!("{} -> {}", node.name, path.display()),
        NodeRole::Sink { path: None, .. } => format!("{} -> standard output", node.name),
        _ => node.name.to_string(),
    };
    let Some((_, others @ [_, ..])) = node.edges.split_last() else { return own };
    let others = others.iter().map(|edge| &*outline.nodes[edge.parent].name).collect::<Vec<_>>().join(", ");
    format!("{own}, with the {} of {others}", node.combine.unwrap_or("rows"))
}
