//! The failures of a run as SARIF 2.1.0, for tools that show results of analyses next to source lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use stillbox::text::{escape_controls, message_pattern};

use super::evidence::{Evidence, RunVerdict};
use super::groups::{Effect, FailureGroup};
use super::places::{FilePlace, Places};

/// The number of groups of failures. GitHub shows 5,000 results of a run, and takes 10 MB.
const MAX_RESULTS: usize = 1000;
/// The length of a message in characters.
const MAX_MESSAGE: usize = 2000;

/// Returns the document: a result for each group of failures, at the line of the step's source or of the input.
pub(super) fn document(evidence: &Evidence) -> Value {
    let groups = evidence.failures.sorted();
    let shown = &groups[..groups.len().min(MAX_RESULTS)];
    let kinds: Vec<&str> = shown.iter().map(|group| group.kind).collect::<BTreeSet<_>>().into_iter().collect();
    let places = Places::new(evidence.outline.as_ref());
    let results = shown.iter().map(|group| result(group, &kinds, places.place(group)));
    let rules = kinds.iter().map(|kind| {
        let text = format!("a failure of kind {kind}");
        json!({ "id": kind, "shortDescription": { "text": text } })
    });
    let mut invocation = json!({ "executionSuccessful": evidence.verdict == RunVerdict::Done });
    let left_out = evidence.failures.total() - shown.iter().map(|group| group.count).sum::<u64>();
    if left_out > 0 {
        let text = format!("{left_out} more failures with other messages are not among the results");
        invocation["toolExecutionNotifications"] = json!([{ "level": "note", "message": { "text": text } }]);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Stillbox",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("stillbox/{}/", escape_controls(&evidence.pipeline)) },
            "invocations": [invocation],
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn result(group: &FailureGroup, kinds: &[&str], place: Option<FilePlace>) -> Value {
    let level = match group.effect {
        Effect::Ended => "error",
        Effect::Rejected => "warning",
    };
    let mut lines = vec![format!("{}: {}", group.title(), group.message)];
    lines.extend(group.causes.iter().map(|cause| format!("caused by: {cause}")));
    let rows = group.places();
    if !rows.is_empty() {
        lines.push(format!("at: {rows}"));
    }
    lines.extend(group.hint.as_ref().map(|hint| format!("hint: {hint}")));
    let step = group.step.as_deref().unwrap_or_default();
    // Stays the same while the message differs in numbers and quoted texts only.
    let fingerprint = format!("{step}/{}/{}", group.kind, message_pattern(&group.message, 200));
    let mut result = json!({
        "ruleId": group.kind,
        "ruleIndex": kinds.iter().position(|kind| *kind == group.kind),
        "level": level,
        "message": { "text": text(&lines) },
        "occurrenceCount": group.count,
        "partialFingerprints": { "stillboxFailure/v1": escape_controls(&fingerprint) },
    });
    if let Some(FilePlace { file, line, column }) = place {
        let mut region = json!({ "startLine": line.max(1) });
        if let Some(column) = column.filter(|column| *column > 0) {
            region["startColumn"] = column.into();
        }
        let artifact = json!({ "uri": uri(&file), "uriBaseId": "%SRCROOT%" });
        result["locations"] = json!([{ "physicalLocation": { "artifactLocation": artifact, "region": region } }]);
    }
    result
}

/// Returns lines as one text of bounded length, in which controls are visible.
fn text(lines: &[String]) -> String {
    let text = lines.iter().map(|line| escape_controls(line)).collect::<Vec<_>>().join("\n");
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns a relative path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("steps/a b/src/ä#1?.rs"), "steps/a%20b/src/%C3%A4%231%3F.rs");
    }

    #[test]
    fn messages_are_bounded_and_have_no_controls() {
        let message = text(&["\u{1b}[2J".to_owned(), "x".repeat(3000)]);
        assert!(message.starts_with("\\u{1b}[2J\nxxx") && message.chars().count() == MAX_MESSAGE + 1, "{message}");
    }
}
