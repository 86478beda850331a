//! The summary of a step of a workflow of GitHub, in Markdown.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use stillbox::units::{counted, grouped};

use super::evidence::{Evidence, RunVerdict};
use super::groups::{FailureGroup, write_groups};
use super::text::markdown;
use crate::output::summary::{duration, model_usage};

/// The largest summary, in bytes. GitHub rejects a whole file of more than 1 MiB, to which other commands of the step may write.
const MAX_BYTES: usize = 256 << 10;
/// The largest file that is appended to, in bytes.
const MAX_FILE: u64 = (1 << 20) - 1;
/// The number of steps, models and groups that are shown.
const MAX_STEPS: usize = 100;
const MAX_MODELS: usize = 20;
const MAX_GROUPS: usize = 20;
/// Characters of the name of a model.
const MAX_NAME: usize = 100;

/// Appends the summary to the file that GitHub names.
///
/// # Errors
/// The file cannot be written.
pub(super) fn append(path: &Path, evidence: &Evidence) -> io::Result<()> {
    let text = summary(evidence);
    let length = fs::metadata(path).map_or(0, |there| there.len());
    if length + text.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it would be larger than 1 MiB, the maximum of GitHub"));
    }
    File::options().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

/// Returns the summary.
fn summary(evidence: &Evidence) -> String {
    let mark = match evidence.verdict {
        RunVerdict::Done => "✅",
        RunVerdict::Failed => "❌",
        RunVerdict::Stopped => "⏹️",
    };
    let mut text = format!(
        "### {mark} {}: {}\n\n{}\n\n",
        markdown(&evidence.pipeline),
        evidence.verdict.word(),
        markdown(&evidence.sentence)
    );
    if !evidence.report.steps.is_empty() {
        steps(&mut text, evidence);
    }
    models(&mut text, evidence);
    let groups = evidence.failures.sorted();
    if !groups.is_empty() {
        let _ = writeln!(text, "#### {}\n", counted(evidence.failures.total(), "failure", "failures"));
    }
    let room = MAX_BYTES.saturating_sub(text.len());
    let (items, rest) = write_groups(&evidence.failures, &groups, (MAX_GROUPS, room), |_, group| failure(group));
    text.push_str(&items);
    if rest > 0 {
        let _ = writeln!(text, "\nand {} with other messages", counted(rest, "more failure", "more failures"));
    }
    text.push('\n');
    text
}

fn steps(text: &mut String, evidence: &Evidence) {
    text.push_str("| step | rows in | rows out | dropped | rejected | busy |\n|---|--:|--:|--:|--:|--:|\n");
    for step in evidence.report.steps.iter().take(MAX_STEPS) {
        let [rows_in, rows_out, dropped, rejected] =
            [step.rows_in, step.rows_out, step.dropped, step.rejected].map(grouped);
        let (name, busy) = (markdown(&step.name), duration(step.busy));
        let _ = writeln!(text, "| {name} | {rows_in} | {rows_out} | {dropped} | {rejected} | {busy} |");
    }
    if let Some(more) = evidence.report.steps.len().checked_sub(MAX_STEPS).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {}", counted(more as u64, "more step", "more steps"));
    }
    text.push('\n');
}

/// A line for each model that was asked, or whose stored answers were used.
fn models(text: &mut String, evidence: &Evidence) {
    let models = evidence.report.models.iter().filter(|model| model.requests + model.stored_answers > 0);
    let used: Vec<_> = models.collect();
    for model in used.iter().take(MAX_MODELS) {
        let name: String = model.name.chars().take(MAX_NAME).collect();
        let _ = writeln!(text, "- model {}: {}", markdown(&name), markdown(&model_usage(model)));
    }
    if let Some(more) = used.len().checked_sub(MAX_MODELS).filter(|more| *more > 0) {
        let _ = writeln!(text, "- and {}", counted(more as u64, "more model", "more models"));
    }
    if !used.is_empty() {
        text.push('\n');
    }
}

fn failure(group: &FailureGroup) -> String {
    let mut text = format!("- **{}**: {}\n", markdown(&group.title()), markdown(&group.message));
    let places = group.places();
    if !places.is_empty() {
        let _ = writeln!(text, "  - at {}", markdown(&places));
    }
    if let Some(location) = &group.location {
        let _ = writeln!(text, "  - source {}", markdown(&location.to_string()));
    }
    if let Some(hint) = &group.hint {
        let _ = writeln!(text, "  - hint: {}", markdown(hint));
    }
    text
}
