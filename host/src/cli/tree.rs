//! A checked pipeline as text.

use std::fmt::Write as _;

use stillbox::{NodeRole, Outline, OutlineNode};

/// The pipeline's graph: a node a line, each with the columns that come out of it, children under their parents.
pub(super) fn tree(outline: &Outline) -> String {
    let mut text = format!("{}\n", outline.name);
    write_node(&mut text, outline, 0, "");
    text
}

fn write_node(text: &mut String, outline: &Outline, id: usize, indent: &str) {
    let node = &outline.nodes[id];
    let _ = writeln!(text, "{indent}{}", title(outline, node));
    if !matches!(node.role, NodeRole::Sink { .. }) {
        let columns = if node.columns.is_empty() { "no columns yet".to_owned() } else { node.columns.join(", ") };
        let _ = writeln!(text, "{indent}│ {columns}");
    }
    let children: Vec<usize> =
        (0..outline.nodes.len()).filter(|child| outline.nodes[*child].parent == Some(id)).collect();
    let branches = children.len() > 1;
    for child in children {
        // A chain stays at one depth; only where it branches are the branches set in.
        let indent = if branches { format!("{indent}├─ ") } else { indent.to_owned() };
        let indent = indent.replace("├─ ├─ ", "│  ├─ ");
        write_node(text, outline, child, &indent);
    }
}

fn title(outline: &Outline, node: &OutlineNode) -> String {
    match &node.role {
        NodeRole::Source => {
            let files = match outline.inputs.as_slice() {
                [] => "standard input".to_owned(),
                [file] => file.display().to_string(),
                [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
            };
            format!("{} <- {files}", node.name)
        }
        NodeRole::Step { component, reads, writes, .. } => {
            let list = |columns: &[String]| if columns.is_empty() { "nothing".to_owned() } else { columns.join(", ") };
            format!("{} ({component}) reads {}, writes {}", node.name, list(reads), list(writes))
        }
        NodeRole::Sink { path: Some(path) } => format!("{} -> {}", node.name, path.display()),
        NodeRole::Sink { path: None } => format!("{} -> standard output", node.name),
    }
}
