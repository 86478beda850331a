//! Failures, grouped by what they have in common.

use std::collections::HashMap;
use std::sync::Arc;

use stillbox::Failure;
use stillbox::failure::{Location, RowPlace};
use stillbox::text::{message_pattern, truncate};

/// The maximum number of groups. The messages of a hostile step may all differ, and each group takes some KiB of memory. GitHub
/// shows 5,000 results of SARIF.
const MAX_GROUPS: usize = 1000;
/// The number of rows of which a group has the places.
const ROWS_KEPT: usize = 5;
/// The maximum length of each text, in characters.
const TEXT_KEPT: usize = 1000;

/// Why the failures of a group are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// They ended the run.
    Ended,
    /// Their rows were rejected.
    Rejected,
}

impl Effect {
    /// Returns the level in reports for tools.
    pub(crate) fn level(self) -> &'static str {
        match self {
            Self::Ended => "error",
            Self::Rejected => "warning",
        }
    }
}

/// Failures of one kind at one place of a step, with messages that differ in numbers and quoted texts only.
#[derive(Debug, Clone)]
pub(crate) struct FailureGroup {
    pub(crate) effect: Effect,
    pub(crate) step: Option<Arc<str>>,
    pub(crate) kind: &'static str,
    /// The first message.
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) location: Option<Location>,
    pub(crate) hint: Option<String>,
    pub(crate) count: u64,
    /// The first rows.
    pub(crate) rows: Vec<RowPlace>,
}

/// The failures of a run.
#[derive(Debug, Default)]
pub(crate) struct FailureGroups {
    groups: HashMap<GroupKey, FailureGroup>,
    /// Failures in more groups than are kept.
    ungrouped: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    is_end: bool,
    step: Option<Arc<str>>,
    kind: &'static str,
    location: Option<(String, u32)>,
    message: String,
}

impl FailureGroups {
    /// Adds a failure.
    pub(crate) fn add(&mut self, failure: &Failure, effect: Effect) {
        let location = failure.location.as_ref();
        let key = GroupKey {
            is_end: effect == Effect::Ended,
            step: failure.step.clone(),
            kind: failure.kind.name(),
            location: location.map(|location| (shortened(&location.file), location.line)),
            message: message_pattern(&failure.message, TEXT_KEPT),
        };
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| FailureGroup::new(failure, effect));
        group.count += 1;
        if group.rows.len() < ROWS_KEPT {
            group.rows.extend(failure.row.clone());
        }
    }

    /// Returns the groups: those that ended the run, then the largest.
    pub(crate) fn sorted(&self) -> Vec<&FailureGroup> {
        let mut groups: Vec<&FailureGroup> = self.groups.values().collect();
        let place = |group: &FailureGroup| group.rows.first().map(|row| (row.file.clone(), row.line, row.row));
        groups.sort_by(|a, b| {
            (a.effect, b.count, &a.step)
                .cmp(&(b.effect, a.count, &b.step))
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.message.cmp(&b.message))
        });
        groups
    }

    /// Returns the number of failures whose messages were too many to be grouped.
    pub(crate) fn ungrouped(&self) -> u64 {
        self.ungrouped
    }

    /// Returns the number of all failures.
    pub(crate) fn total(&self) -> u64 {
        self.groups.values().map(|group| group.count).sum::<u64>() + self.ungrouped
    }
}

/// Writes sorted groups of failures, at most `most` of them and as many as there is `room` for in bytes. `write` gets the index of the
/// group as well. Returns the text, and the number of failures that it leaves out.
pub(crate) fn write_groups(
    failures: &FailureGroups,
    groups: &[&FailureGroup],
    (most, room): (usize, usize),
    mut write: impl FnMut(usize, &FailureGroup) -> String,
) -> (String, u64) {
    let (mut text, mut shown) = (String::new(), 0);
    for (index, group) in groups.iter().enumerate().take(most) {
        let item = write(index, group);
        if text.len() + item.len() > room {
            break;
        }
        text.push_str(&item);
        shown += 1;
    }
    let rest = groups.iter().skip(shown).map(|group| group.count).sum::<u64>() + failures.ungrouped();
    (text, rest)
}

impl FailureGroup {
    fn new(failure: &Failure, effect: Effect) -> Self {
        Self {
            effect,
            step: failure.step.clone(),
            kind: failure.kind.name(),
            message: shortened(&failure.message),
            causes: failure.causes.iter().take(ROWS_KEPT).map(|cause| shortened(cause)).collect(),
            location: failure.location.clone().map(|mut location| {
                location.file = shortened(&location.file);
                location
            }),
            hint: failure.hint.as_deref().map(shortened),
            count: 0,
            rows: Vec::new(),
        }
    }

    /// Returns the title: the kind, the step and the number of failures.
    pub(crate) fn title(&self) -> String {
        // One kind covers the input, the output and Stillbox.
        let kind = if self.kind == "host" { "error" } else { self.kind };
        let step = self.step.as_ref().map_or_else(String::new, |step| format!(" in step {step}"));
        let times =
            if self.count > 1 { format!(", {} times", stillbox::units::grouped(self.count)) } else { String::new() };
        format!("{kind}{step}{times}")
    }

    /// Returns a line for each cause, and one for the first rows if there are any.
    pub(crate) fn causes_and_places(&self) -> impl Iterator<Item = String> {
        let rows = Some(self.places()).filter(|rows| !rows.is_empty());
        let causes = self.causes.iter().map(|cause| format!("caused by: {cause}"));
        causes.chain(rows.map(|rows| format!("at: {rows}")))
    }

    /// Returns the places of the first rows, such as `input.jsonl:3`.
    pub(crate) fn places(&self) -> String {
        let mut places: Vec<String> = self.rows.iter().map(|row| shortened(&row.to_string())).collect();
        if self.count > places.len() as u64 && !places.is_empty() {
            places.push("…".into());
        }
        places.join(", ")
    }
}

/// Returns the start of a text.
fn shortened(text: &str) -> String {
    truncate(text, TEXT_KEPT).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failure(message: &str, line: u64) -> Failure {
        let record = json!({
            "version": 1, "attempt": 1, "kind": "guest-error", "step": "a", "message": message,
            "row": { "index": 0, "file": "in.jsonl", "line": line },
        });
        serde_json::from_value(record).expect("it is a record")
    }

    #[test]
    fn messages_that_differ_in_numbers_and_quotes_are_one_group() {
        let mut groups = FailureGroups::default();
        for line in 0..8 {
            groups.add(&failure(&format!("row {line} has \"{line}x\", not 1,000.5"), line), Effect::Rejected);
        }
        groups.add(&failure("something else", 9), Effect::Rejected);
        groups.add(&failure("it's the end", 9), Effect::Ended);
        let sorted = groups.sorted();
        let shown: Vec<_> = sorted.iter().map(|group| (group.title(), &*group.message, group.places())).collect();
        assert_eq!(
            shown,
            [
                ("guest-error in step a".into(), "it's the end", "in.jsonl:9".into()),
                (
                    "guest-error in step a, 8 times".into(),
                    "row 0 has \"0x\", not 1,000.5",
                    "in.jsonl:0, in.jsonl:1, in.jsonl:2, in.jsonl:3, in.jsonl:4, …".into()
                ),
                ("guest-error in step a".into(), "something else", "in.jsonl:9".into()),
            ]
        );
        assert_eq!((groups.total(), groups.ungrouped()), (10, 0));
    }

    #[test]
    fn a_step_whose_messages_all_differ_takes_bounded_memory() {
        let mut groups = FailureGroups::default();
        let letters = |mut number: usize| {
            let mut text = String::new();
            while number > 0 {
                text.push((b'a' + (number % 26) as u8) as char);
                number /= 26;
            }
            text
        };
        for number in 0..MAX_GROUPS * 3 {
            groups.add(&failure(&format!("{}{}", letters(number), "x".repeat(5000)), 1), Effect::Rejected);
        }
        assert_eq!(groups.sorted().len(), MAX_GROUPS);
        assert_eq!(groups.total(), 3 * MAX_GROUPS as u64);
        assert!(groups.sorted().iter().all(|group| group.message.chars().count() <= TEXT_KEPT + 1));
    }
}
