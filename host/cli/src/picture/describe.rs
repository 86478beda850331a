//! The texts of nodes and edges.

use std::path::Path;

use stillbox::outline::{NodeRole, OutlineEdge, OutlineNode};
use stillbox::text::escape_controls;
use stillbox::units::counted;

/// The maximum number of columns listed on an edge.
const MAX_COLUMNS: usize = 12;
/// The maximum number of characters of a line. Names of files and columns may be longer, and are shortened.
const MAX_CHARACTERS: usize = 48;

/// Returns the lines in a node: its name, then its description.
pub(super) fn node_lines(node: &OutlineNode) -> Vec<String> {
    let mut lines = vec![shortened(&node.name)];
    match &node.role {
        NodeRole::Source { inputs, .. } => lines.push(match inputs.as_slice() {
            [] => "standard input".to_owned(),
            [file] => file_name(file),
            [first, rest @ ..] => format!("{} and {} more", file_name(first), rest.len()),
        }),
        NodeRole::Step { component, .. } => lines.push(shortened(component)),
        NodeRole::Sink { path, .. } => {
            lines.push(path.as_deref().map_or_else(|| "standard output".into(), file_name));
        }
        _ => {}
    }
    match node.combine {
        Some("columns") => lines.push("columns side by side".into()),
        Some(_) => lines.push("rows one after the other".into()),
        None => {}
    }
    lines
}

/// Returns the lines on an edge: its condition if it does not carry all rows, then its columns.
pub(super) fn edge_lines(edge: &OutlineEdge) -> Vec<String> {
    let mut lines: Vec<String> = edge.route.iter().map(|route| format!("({})", shortened(route))).collect();
    // A line for a single omitted column would take as much space as the column.
    let listed = if edge.columns.len() > MAX_COLUMNS { MAX_COLUMNS - 1 } else { edge.columns.len() };
    lines.extend(edge.columns[..listed].iter().map(|column| shortened(column)));
    if edge.columns.is_empty() {
        lines.push("no columns".into());
    } else if listed < edge.columns.len() {
        lines.push(format!("and {} more", edge.columns.len() - listed));
    }
    lines
}

/// Returns the lines on an edge with a number of rows: its condition if it does not carry all rows, then the number.
pub(super) fn row_lines(edge: &OutlineEdge, rows: Option<u64>) -> Vec<String> {
    let route = edge.route.iter().map(|route| format!("({})", shortened(route)));
    route.chain(rows.map(|rows| counted(rows, "row", "rows"))).collect()
}

/// Returns the name of a file without its folders, which would make the picture wide.
fn file_name(path: &Path) -> String {
    shortened(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
}

/// Returns the text as one line without control characters. A long line is shortened in the middle.
fn shortened(text: &str) -> String {
    let text = escape_controls(text);
    let count = text.chars().count();
    if count <= MAX_CHARACTERS {
        return text.into_owned();
    }
    let half = (MAX_CHARACTERS - 1) / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_and_names_are_cut() {
        let edge = |columns: usize| {
            let mut edge = OutlineEdge::default();
            edge.columns = (0..columns).map(|number| format!("c{number}: text")).collect();
            edge
        };
        let lines = edge_lines(&edge(20));
        assert_eq!(lines.len(), MAX_COLUMNS);
        assert_eq!(lines.last().map(String::as_str), Some("and 9 more"));
        assert_eq!(edge_lines(&edge(MAX_COLUMNS)).len(), MAX_COLUMNS);
        let name = shortened(&format!("{}\u{202e}{}", "a".repeat(60), "z".repeat(60)));
        assert_eq!(name.chars().count(), 47);
        assert!(name.starts_with("aaa") && name.ends_with("zzz"), "{name}");
    }
}
