//! The reasons of dropped rows.

use std::fmt::Write as _;

use stillbox::report::{DropReason, StepReport};
use stillbox::units::{counted, grouped};

use crate::report::evidence::Evidence;
use crate::report::text::html;

/// The most bytes of the section.
const MAX_SECTION: usize = 256 << 10;

/// The reasons that each step gives for dropped rows, with the first rows of each.
pub(super) fn drops(page: &mut String, evidence: &Evidence) {
    let mut steps = evidence.report.steps.iter().filter(|step| !step.drop_reasons.is_empty()).peekable();
    if steps.peek().is_none() {
        return;
    }
    page.push_str("<section><h2>Dropped rows</h2>\n");
    if let Some(dropped) = evidence.outline.as_ref().and_then(|outline| outline.dropped.as_ref()) {
        let path = dropped.path.display().to_string();
        let _ = writeln!(page, "<p class=\"soft\">Whole rows are in {}.</p>", html(&path));
    }
    page.push_str(
        "<div class=\"wide\"><table><tr><th>step</th><th>rows</th><th class=\"text\">reason</th><th class=\"text\">first \
         rows</th></tr>\n",
    );
    let start = page.len();
    let mut omitted = 0;
    for step in steps {
        for (name, rows, reason, examples) in reasons(step) {
            let line = format!(
                "<tr><td>{}</td><td>{}</td><td class=\"text\">{}</td><td class=\"text\">{examples}</td></tr>\n",
                html(name),
                grouped(rows),
                html(reason),
            );
            if page.len() - start + line.len() > MAX_SECTION {
                omitted += 1;
            } else {
                page.push_str(&line);
            }
        }
    }
    page.push_str("</table></div>\n");
    if omitted > 0 {
        let _ = writeln!(page, "<p>and {}</p>", counted(omitted, "more reason", "more reasons"));
    }
    page.push_str("</section>\n");
}

/// Returns the lines of a step, the most frequent reason first: the name of the step in the first one, the number of rows, the
/// reason, and the first rows as HTML.
fn reasons(step: &StepReport) -> Vec<(&str, u64, &str, String)> {
    let mut reasons: Vec<&DropReason> = step.drop_reasons.iter().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
    let explained: u64 = reasons.iter().map(|reason| reason.rows).sum();
    let unexplained = Some(step.dropped.saturating_sub(explained)).filter(|rows| *rows > 0);
    let lines = reasons.into_iter().map(|reason| (reason.rows, &*reason.reason, examples(reason)));
    let lines = lines.chain(unexplained.map(|rows| (rows, "no reason given", String::new())));
    let name = |index: usize| if index == 0 { &*step.name } else { "" };
    lines.enumerate().map(|(index, (rows, reason, examples))| (name(index), rows, reason, examples)).collect()
}

fn examples(reason: &DropReason) -> String {
    let example = reason.examples.iter().map(|example| {
        let place = html(&example.row.to_string());
        if example.reason == reason.reason { place } else { format!("{place}: {}", html(&example.reason)) }
    });
    example.collect::<Vec<_>>().join("<br>")
}
