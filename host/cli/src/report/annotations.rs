//! Annotations of a workflow of GitHub, which it shows next to the lines of the files.

use std::fmt::Write as _;

use stillbox::text::escape_controls;
use stillbox::units::grouped;

use super::evidence::Evidence;
use super::groups::FailureGroup;
use super::places::{FilePlace, Places};

/// The number of annotations: GitHub shows ten errors and ten warnings of a step of a workflow.
const MAX_ANNOTATIONS: usize = 10;

/// Returns the commands that make the annotations, one per line: the failures that ended the run, then the largest groups of
/// rejected rows. Texts of steps cannot end a command or begin another.
pub(super) fn commands(evidence: &Evidence) -> String {
    let groups = evidence.failures.sorted();
    let places = Places::new(evidence.outline.as_ref());
    let mut commands: String = groups.iter().take(MAX_ANNOTATIONS).map(|group| command(group, &places)).collect();
    let left_out = groups.len().saturating_sub(MAX_ANNOTATIONS);
    if left_out > 0 || evidence.failures.ungrouped() > 0 {
        let rows: u64 = groups.iter().skip(MAX_ANNOTATIONS).map(|group| group.count).sum();
        let rows = grouped(rows + evidence.failures.ungrouped());
        let _ =
            writeln!(commands, "::notice title=Stillbox::{rows} more failures with other messages are not shown here");
    }
    commands
}

fn command(group: &FailureGroup, places: &Places<'_>) -> String {
    let level = group.effect.level();
    let mut properties = vec![format!("title={}", property(&group.title()))];
    if let Some(FilePlace { file, line, column }) = places.place(group) {
        properties.push(format!("file={}", property(&file)));
        properties.push(format!("line={line}"));
        properties.extend(column.map(|column| format!("col={column}")));
    }
    let mut lines = vec![group.message.clone()];
    lines.extend(group.causes_and_places());
    lines.extend(group.location.as_ref().map(|location| format!("source: {location}")));
    lines.extend(group.hint.as_ref().map(|hint| format!("hint: {hint}")));
    let message = lines.iter().map(|line| data(&escape_controls(line))).collect::<Vec<_>>().join("%0A");
    format!("::{level} {}::{message}\n", properties.join(","))
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(&escape_controls(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_texts_cannot_end_a_command() {
        assert_eq!(property("a::b,c=d%\n::error::"), "a%3A%3Ab%2Cc=d%25\\u{a}%3A%3Aerror%3A%3A");
        assert_eq!(data("50%\r\n::error::"), "50%25%0D%0A::error::");
    }
}
