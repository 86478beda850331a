//! Dropped rows: their reasons are counted, and the first rows are written to a file.
//!
//! A task returns the first rows of its batch, and the writer, which has the batches in their order, writes those that the sample
//! has room for. So the sample does not depend on the number of threads. Once it is full, tasks return no more rows; rows that are left
//! out for that reason would not be written either.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::reject::row_text;
use crate::batch::{Rows, StepOutput};
use crate::config::SampleBy;
use crate::failure::RowPlace;
use crate::grants::Redactor;
use crate::json::write_serde;
use crate::plan::Step;
use crate::report::{MAX_DROP_REASONS, OTHER_REASONS, StepReport};
use crate::text::{escape_controls_in_json, message_pattern};

/// The length of the pattern of a reason, in characters. A reason has no more.
const PATTERN: usize = 512;

/// A dropped row, for the file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DroppedRow {
    /// The number of the step.
    number: usize,
    step: Arc<str>,
    batch: u64,
    place: RowPlace,
    /// The reason that the step gives, if it gives one.
    reason: Option<String>,
    /// The group that the sample is limited for: the pattern of the reason, or nothing.
    group: String,
    /// The row's columns as it entered the step, as a JSON object.
    columns: String,
}

/// The record of a dropped row in its line of the file.
#[derive(Serialize)]
struct DroppedRecord<'a> {
    run: &'a str,
    step: &'a str,
    batch: u64,
    row: &'a RowPlace,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl DroppedRow {
    /// Adds the line for the file: `{"row": …, "dropped": …}`.
    fn write(&self, run: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"row\":");
        out.extend_from_slice(self.columns.as_bytes());
        out.extend_from_slice(b",\"dropped\":");
        let Self { step, batch, place, reason, .. } = self;
        let mut record = Vec::new();
        write_serde(&mut record, &DroppedRecord { run, step, batch: *batch, row: place, reason: reason.as_deref() });
        // Only the record has text of the guest, whereas the columns are data and stay unchanged.
        out.extend_from_slice(escape_controls_in_json(&String::from_utf8_lossy(&record)).as_bytes());
        out.extend_from_slice(b"}\n");
    }
}

/// The numbers of rows that a sample has, and may have. Shared by the tasks and the writer of a run.
#[derive(Debug)]
pub(crate) struct DropSampler {
    most: u64,
    by: SampleBy,
    /// By the number of the step, and the pattern of the reason if the sample is by reason.
    taken: Mutex<HashMap<(usize, String), u64>>,
}

impl DropSampler {
    /// Creates a sampler. `taken` is [`taken`](Self::taken) of an earlier process that wrote the first rows.
    pub(crate) fn new(most: u64, by: SampleBy, taken: &[(usize, String, u64)]) -> Self {
        let taken = taken.iter().map(|(step, group, rows)| ((*step, group.clone()), *rows)).collect();
        Self { most, by, taken: Mutex::new(taken) }
    }

    /// The numbers of rows so far: the number of the step, the pattern of the reason, and the number of rows.
    pub(crate) fn taken(&self) -> Vec<(usize, String, u64)> {
        let mut taken: Vec<_> =
            self.taken.lock().iter().map(|((step, group), rows)| (*step, group.clone(), *rows)).collect();
        taken.sort_unstable();
        taken
    }

    /// Returns whether there is room for a row. Once there is none, there never is.
    fn has_room(&self, step: usize, group: &str) -> bool {
        let taken = self.taken.lock();
        let rows = match taken.get(&(step, group.to_owned())) {
            None if is_full(&taken, step) => taken.get(&(step, OTHER_REASONS.to_owned())),
            rows => rows,
        };
        rows.is_none_or(|rows| *rows < self.most)
    }

    /// Takes a row into the sample if there is room for it. The rows have to come in their order.
    fn take(&self, row: &DroppedRow) -> bool {
        let mut taken = self.taken.lock();
        let mut key = (row.number, row.group.clone());
        if !taken.contains_key(&key) && is_full(&taken, row.number) {
            OTHER_REASONS.clone_into(&mut key.1);
        }
        let rows = taken.entry(key).or_default();
        let has_room = *rows < self.most;
        *rows += u64::from(has_room);
        has_room
    }

    /// Returns the lines of the rows that the sample has room for.
    pub(crate) fn lines(&self, rows: &[DroppedRow], run: &str) -> Vec<u8> {
        let mut lines = Vec::new();
        rows.iter().filter(|row| self.take(row)).for_each(|row| row.write(run, &mut lines));
        lines
    }
}

/// Returns whether a step has as many reasons as are told apart.
fn is_full(taken: &HashMap<(usize, String), u64>, step: usize) -> bool {
    taken.keys().filter(|(number, group)| *number == step && group != OTHER_REASONS).count() >= MAX_DROP_REASONS
}

/// The dropped rows of one batch of a step.
#[derive(Debug, Default)]
pub(super) struct BatchDrops {
    /// The first rows, by ascending row.
    pub(super) rows: Vec<DroppedRow>,
    /// The number of dropped rows, by the same as the sample.
    seen: HashMap<String, u64>,
}

impl BatchDrops {
    /// Records the rows that a call with this range has dropped. Reasons for other rows are ignored.
    pub(super) fn record(
        &mut self,
        (step, rows, batch): (&Step, &Rows, u64),
        range: &Range<usize>,
        output: &StepOutput,
        (sampler, redactor): (&DropSampler, &Redactor),
        report: &mut StepReport,
    ) {
        if output.output.dropped == 0 {
            return;
        }
        for row in dropped_rows(output, range.len()) {
            let place = || rows.origin.place(range.start + row);
            // Before its pattern is made, in which no secret would be found.
            let reason = output.reasons.get(row as u32).map(|reason| redactor.redact(reason));
            let pattern = reason.as_deref().map(|reason| message_pattern(reason, PATTERN));
            if let (Some(pattern), Some(reason)) = (&pattern, &reason) {
                report.note_drop(pattern, reason, place);
            }
            let group = match sampler.by {
                SampleBy::Step => String::new(),
                SampleBy::Reason => pattern.unwrap_or_default(),
            };
            if self.is_first(&group, sampler.most) && sampler.has_room(step.number, &group) {
                let columns = row_text(rows, range.start + row);
                let (number, step) = (step.number, Arc::clone(&step.name));
                let reason = reason.map(Cow::into_owned);
                self.rows.push(DroppedRow { number, step, batch, place: place(), reason, group, columns });
            }
        }
    }

    /// Counts a row. Returns whether it is among the first of the batch. This depends on the batch alone, and not on what
    /// other threads have taken.
    fn is_first(&mut self, group: &str, most: u64) -> bool {
        let is_full = self.seen.len() > MAX_DROP_REASONS && !self.seen.contains_key(group);
        let seen = self.seen.entry(if is_full { OTHER_REASONS } else { group }.to_owned()).or_default();
        *seen += 1;
        *seen <= most
    }
}

/// Returns the rows of a call that are neither in its output nor rejected.
fn dropped_rows(output: &StepOutput, rows: usize) -> impl Iterator<Item = usize> + use<> {
    let mut is_used = vec![output.output.origins.is_none(); rows];
    let rejected = output.rejections.iter().map(|rejection| rejection.row);
    for row in output.output.origins.iter().flatten().copied().chain(rejected) {
        is_used[row as usize] = true;
    }
    (0..rows).filter(move |row| !is_used[*row])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize, group: &str) -> DroppedRow {
        let place = RowPlace { index: 0, file: None, line: Some(3), row: None };
        let (reason, columns) = (Some("\u{1b}[31m".to_owned()), "{\"a\":1}".to_owned());
        DroppedRow { number, step: "s".into(), batch: 0, place, reason, group: group.into(), columns }
    }

    /// The number of lines.
    fn count(lines: &[u8]) -> usize {
        lines.split(|byte| *byte == b'\n').count() - 1
    }

    #[test]
    fn a_sample_has_the_first_rows_of_each_step() {
        let sampler = DropSampler::new(2, SampleBy::Step, &[]);
        let rows = [row(0, ""), row(1, ""), row(0, ""), row(0, "")];
        assert_eq!(count(&sampler.lines(&rows, "run")), 3);
        assert!(!sampler.has_room(0, ""));
        assert!(sampler.has_room(1, "") && sampler.has_room(2, ""));
        // Another process continues where this one has ended.
        let resumed = DropSampler::new(2, SampleBy::Step, &sampler.taken());
        assert_eq!(count(&resumed.lines(&rows, "run")), 1);
    }

    #[test]
    fn a_step_whose_reasons_all_differ_has_a_bounded_sample() {
        let sampler = DropSampler::new(3, SampleBy::Reason, &[]);
        let rows: Vec<_> = (0..1000).map(|number| row(0, &format!("reason {number}"))).collect();
        let lines = count(&sampler.lines(&rows, "run"));
        assert_eq!(lines, MAX_DROP_REASONS + 3);
        assert!(!sampler.has_room(0, "another"));
    }

    #[test]
    fn control_characters_of_a_reason_are_escaped() {
        let sampler = DropSampler::new(1, SampleBy::Step, &[]);
        let line = String::from_utf8(sampler.lines(&[row(0, "")], "run")).unwrap();
        insta::assert_snapshot!(line, @r#"{"row":{"a":1},"dropped":{"run":"run","step":"s","batch":0,"row":{"index":0,"line":3},"reason":"\u001b[31m"}}"#);
    }
}
