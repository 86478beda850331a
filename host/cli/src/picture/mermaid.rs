//! A pipeline in the language of Mermaid, for Markdown pages that draw it.

use std::fmt::Write as _;

use stillbox::outline::{NodeRole, Outline};

use super::describe;

/// Returns a flowchart from the sources down to the sinks.
pub(crate) fn draw(outline: &Outline) -> String {
    let mut text = "flowchart TB\n".to_owned();
    for (id, node) in outline.nodes.iter().enumerate() {
        let label = lines(&describe::node_lines(node));
        let (open, close) = match &node.role {
            NodeRole::Source { .. } | NodeRole::Sink { .. } => ("([", "])"),
            NodeRole::Step { kind: "aggregate", .. } => ("[[", "]]"),
            _ => ("[", "]"),
        };
        let _ = writeln!(text, "    n{id}{open}\"{label}\"{close}");
    }
    for (id, node) in outline.nodes.iter().enumerate() {
        for edge in &node.edges {
            let label = lines(&describe::edge_lines(edge));
            let _ = writeln!(text, "    n{} -- \"{label}\" --> n{id}", edge.parent);
        }
    }
    text
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>")
}

/// Escapes every character that could be markup of Mermaid or Markdown as its number.
fn escaped(line: &str) -> String {
    line.chars().fold(String::with_capacity(line.len()), |mut text, character| {
        if character.is_alphanumeric() || character == ' ' {
            text.push(character);
        } else {
            let _ = write!(text, "#{};", u32::from(character));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped(r#"a "b" <i>#1;"#), "a #34;b#34; #60;i#62;#35;1#59;");
    }
}
