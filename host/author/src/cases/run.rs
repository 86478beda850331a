//! Runs the rows of a case through the step, in given batches.
//!
//! A transform processes each batch in its own instance. An aggregate processes all batches in one instance, followed by
//! `finish` until it returns no more rows; so does a source, without batches.

use std::ops::Range;
use std::time::Instant;

use stillbox::arrow::array::{Array as _, RecordBatch};
use stillbox::component::StepKind;
use stillbox::rows::row_as_json;
use stillbox::units::format_duration;
use stillbox::{Failure, FailureKind, Limits, StepResult};

use super::batches::Batching;
use super::subject::{Subject, for_case};

/// The output of a run.
#[derive(Debug, Default)]
pub(super) struct CaseOutput {
    /// The rows: JSON objects.
    pub(super) rows: Vec<String>,
    /// The rejected rows, in order, each with its place in the input.
    pub(super) rejected: Vec<Failure>,
    /// The peak memory of any instance, in bytes.
    pub(super) peak_memory: u64,
}

impl CaseOutput {
    fn add_rows(&mut self, rows: &RecordBatch) {
        self.rows.extend((0..rows.num_rows()).map(|row| row_as_json(rows, row)));
    }
}

impl Subject {
    /// Runs the case.
    ///
    /// # Errors
    /// The failure that ended the run, with its row if it is known.
    pub(super) fn run(&self, batching: Batching) -> Result<CaseOutput, Box<Failure>> {
        let batches = batching.batches(self.input.count(), self.batch_rows);
        match self.step.manifest().kind {
            StepKind::Transform => self.transform(&batches),
            _ => self.stream(&batches),
        }
    }

    fn transform(&self, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut all = CaseOutput::default();
        for (number, range) in batches.iter().enumerate() {
            let (batch, seed) = (self.batch(range), number as u64);
            let result = self.step.call_with_seed(&batch, seed).map_err(|failure| {
                let row = if self.may_repeat() { self.step.find_row(&batch, seed, &failure) } else { None };
                let mut failure = self.locate(failure, range.start);
                failure.row = failure.row.or_else(|| self.input.place(range.start + row?));
                failure
            })?;
            self.add(&mut all, result, range.start);
        }
        Ok(all)
    }

    fn stream(&self, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut all = CaseOutput::default();
        let mut session = self.step.start();
        let mut total = Total { limits: &self.limits, started: Instant::now(), rows: 0, bytes: 0 };
        for range in batches {
            let result = session.process(&self.batch(range)).map_err(|failure| self.locate(failure, range.start))?;
            total.add(&self.own_columns(&result.batch)?)?;
            self.add(&mut all, result, range.start);
        }
        while let Some(result) = session.finish().map_err(|failure| self.locate(failure, 0))? {
            let own = self.own_columns(&result.batch)?;
            total.add(&own)?;
            // Rows that come from no input row have no carried columns.
            all.add_rows(if result.origins.is_some() { &result.batch } else { &own });
        }
        all.peak_memory = session.peak_memory();
        Ok(all)
    }

    fn batch(&self, range: &Range<usize>) -> RecordBatch {
        self.input.rows.slice(range.start, range.len())
    }

    /// Adds the result of a call. `start` is the first row of its batch.
    fn add(&self, all: &mut CaseOutput, result: StepResult, start: usize) {
        for rejected in result.rejected {
            let mut failure = self.locate(Box::new(rejected.failure), start);
            failure.step = None;
            all.rejected.push(*failure);
        }
        all.add_rows(&result.batch);
        all.peak_memory = all.peak_memory.max(result.peak_memory);
    }

    /// Returns a failure with the place of its row in the file of the case. Its batch is left out, because
    /// the batches of a case are not chosen by its author.
    fn locate(&self, mut failure: Box<Failure>, start: usize) -> Box<Failure> {
        (failure.component, failure.batch, failure.first_row) = (None, None, None);
        failure.hint = failure.hint.map(|hint| for_case(&hint));
        let row = failure.row.take().and_then(|row| usize::try_from(row.index).ok());
        failure.row = row.and_then(|row| self.input.place(start + row));
        failure
    }

    /// Returns the columns that the step itself writes, in the order of its signature.
    fn own_columns(&self, rows: &RecordBatch) -> Result<RecordBatch, Box<Failure>> {
        let outputs = &self.step.signature().outputs;
        let indices = outputs.iter().map(|output| rows.schema_ref().index_of(&output.name));
        let own = indices.collect::<Result<Vec<_>, _>>().and_then(|indices| rows.project(&indices));
        own.map_err(|error| Box::new(Failure::new(FailureKind::Host, error.to_string())))
    }
}

/// The output of all calls of one instance, which together must not exceed the limits of one call: a step without end is
/// stopped.
struct Total<'a> {
    limits: &'a Limits,
    started: Instant,
    rows: u64,
    bytes: u64,
}

impl Total<'_> {
    fn add(&mut self, own: &RecordBatch) -> Result<(), Box<Failure>> {
        self.rows += own.num_rows() as u64;
        self.bytes += own.columns().iter().map(|column| column.get_array_memory_size() as u64).sum::<u64>();
        self.exceeded().map_or(Ok(()), |failure| Err(Box::new(failure)))
    }

    /// Returns the failure of the first limit that is exceeded.
    fn exceeded(&self) -> Option<Failure> {
        if self.started.elapsed() > self.limits.time {
            let value = format_duration(self.limits.time);
            let message = format!("the step did not finish within {value}");
            return Some(Failure::limit(FailureKind::Timeout, message, "time", value));
        }
        let limits = [
            ("output-rows", self.rows, self.limits.output_rows),
            ("output-bytes", self.bytes, self.limits.output_bytes),
        ];
        let (name, _, limit) = limits.into_iter().find(|(_, value, limit)| value > limit)?;
        let message = format!("the output exceeds the limit of a case, `{name} = {limit}`");
        Some(Failure::new(FailureKind::BadOutput, message))
    }
}
