//! The failures of a run as SARIF 2.1.0, for tools that show results of analyses next to source lines.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stillbox::text::{HexCase, escape_controls, message_pattern, percent_encoded, truncate};

use super::evidence::{Evidence, RunVerdict};
use super::groups::FailureGroup;
use super::places::{FilePlace, Places};

/// The length of a message in characters.
const MAX_MESSAGE: usize = 2000;

/// Returns the document: a result for each group of failures, at the line of the step's source or of the input.
pub(super) fn document(evidence: &Evidence) -> Value {
    let groups = evidence.failures.sorted();
    let kinds: Vec<&str> = groups.iter().map(|group| group.kind).collect::<BTreeSet<_>>().into_iter().collect();
    let places = Places::new(evidence.outline.as_ref());
    let results = groups.iter().map(|group| result(group, &kinds, places.place(group)));
    let rules = kinds.iter().map(|kind| {
        let text = format!("a failure of kind {kind}");
        json!({ "id": kind, "shortDescription": { "text": text } })
    });
    let mut invocation = json!({ "executionSuccessful": evidence.verdict == RunVerdict::Done });
    let left_out = evidence.failures.ungrouped();
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
    let mut lines = vec![format!("{}: {}", group.title(), group.message)];
    lines.extend(group.causes_and_places());
    lines.extend(group.hint.as_ref().map(|hint| format!("hint: {hint}")));
    let step = group.step.as_deref().unwrap_or_default();
    // Stays the same while the message differs in numbers and quoted texts only.
    let fingerprint = format!("{step}/{}/{}", group.kind, message_pattern(&group.message, 200));
    let mut result = json!({
        "ruleId": group.kind,
        "ruleIndex": kinds.iter().position(|kind| *kind == group.kind),
        "level": group.effect.level(),
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
    truncate(&text, MAX_MESSAGE).into_owned()
}

/// Returns a relative path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    percent_encoded(path, |byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte), HexCase::Upper)
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
