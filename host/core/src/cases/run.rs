//! Runs the rows of a case through the step, in given batches.
//!
//! A transform processes each batch in its own instance. An aggregate processes all batches in one instance, followed by
//! `finish` until it returns no more rows; so does a source, without batches.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{Schema, SchemaRef};

use super::batches::Batching;
use super::subject::Subject;
use crate::batch::{CheckedOutput, GivenRows, Rows, StepOutput};
use crate::call::{CallInput, Callee, StepInstance};
use crate::component::StepKind;
use crate::failure::{Failure, FailureKind};
use crate::stage::row_as_json;
use crate::units::format_duration;

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

impl Subject<'_> {
    /// Runs the case.
    ///
    /// # Errors
    /// The failure that ended the run, with its row if it is known.
    pub(super) fn run(&self, batching: Batching) -> Result<CaseOutput, Box<Failure>> {
        let rows = self.input.rows();
        let batches = batching.batches(self.input.count());
        let result = match self.step.component.manifest().kind {
            StepKind::Transform => self.transform(&rows, &batches),
            StepKind::Source | StepKind::Aggregate => self.stream(&rows, &batches),
        };
        result.map_err(|mut failure| {
            failure.step = Some(Arc::clone(&self.step.name));
            failure
        })
    }

    fn transform(&self, rows: &Rows, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut all = CaseOutput::default();
        for (number, range) in batches.iter().enumerate() {
            let input = CallInput::new(&self.step, rows, range.clone())?;
            let mut instance = StepInstance::new(self.callee(), number as u64);
            let output = instance.process(self.callee(), &input)?;
            self.add(&mut all, output, rows, Some(range))?;
            all.peak_memory = all.peak_memory.max(instance.into_captured().peak_memory());
        }
        Ok(all)
    }

    fn stream(&self, rows: &Rows, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut all = CaseOutput::default();
        let mut instance = StepInstance::new(self.callee(), 0);
        let mut total = Total { limits: &self.step.limits, started: Instant::now(), rows: 0, bytes: 0 };
        for range in batches {
            let input = CallInput::new(&self.step, rows, range.clone())?;
            let output = instance.process(self.callee(), &input)?;
            total.add(&output.output)?;
            self.add(&mut all, output, rows, Some(range))?;
        }
        let given = match self.step.component.manifest().kind {
            StepKind::Source => GivenRows::None,
            StepKind::Transform | StepKind::Aggregate => GivenRows::All(rows.count() as u64),
        };
        while let Some(output) = instance.finish(self.callee(), given)? {
            total.add(&output)?;
            self.add(&mut all, StepOutput { output, rejections: Vec::new() }, rows, None)?;
        }
        all.peak_memory = instance.into_captured().peak_memory();
        Ok(all)
    }

    fn callee(&self) -> Callee<'_> {
        Callee { step: &self.step, sandbox: self.sandbox, stop: self.stop }
    }

    /// Adds the output of one call. `range` has the rows that its origins count from, and that its rows come from if it has
    /// no origins; it is `None` for the output of `finish`.
    fn add(
        &self,
        all: &mut CaseOutput,
        output: StepOutput,
        rows: &Rows,
        range: Option<&Range<usize>>,
    ) -> Result<(), Box<Failure>> {
        let StepOutput { output, rejections } = output;
        let start = range.map_or(0, |range| range.start);
        for rejection in rejections {
            let mut failure = rejection.failure;
            failure.row = rows.place(start + rejection.row as usize);
            all.rejected.push(failure);
        }
        let origins = match (output.origins, range) {
            (Some(origins), _) => Some(origins.into_iter().map(|origin| origin + start as u32).collect()),
            (None, Some(range)) => Some((range.start as u32..range.end as u32).collect()),
            (None, None) => None,
        };
        let columns = self.columns(output.rows, &output.columns, rows, origins);
        let columns = columns.map_err(|error| Box::new(Failure::host(&error)))?;
        for row in 0..columns.num_rows() {
            all.rows.push(String::from_utf8_lossy(&row_as_json(&columns, row)).into_owned());
        }
        Ok(())
    }

    /// Returns all columns of output rows: those of their origins, and the step's own.
    fn columns(
        &self,
        count: usize,
        own: &[ArrayRef],
        rows: &Rows,
        origins: Option<Vec<u32>>,
    ) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let Some(origins) = origins.map(UInt32Array::from) else {
            return RecordBatch::try_new_with_options(self.own_schema(), own.to_vec(), &options);
        };
        self.step.assemble_from(count, own, &rows.columns, Some(&origins))
    }

    /// Returns the schema of rows without origins.
    fn own_schema(&self) -> SchemaRef {
        let outputs = &self.step.signature.outputs;
        let fields = outputs.iter().map(|output| output.data_type.field(&output.name, output.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// The output of all calls of one instance, which together must not exceed the limits of one call: a step without end is
/// stopped.
struct Total<'a> {
    limits: &'a crate::limits::Limits,
    started: Instant,
    rows: u64,
    bytes: u64,
}

impl Total<'_> {
    fn add(&mut self, output: &CheckedOutput) -> Result<(), Box<Failure>> {
        self.rows += output.rows as u64;
        self.bytes += output.columns.iter().map(|column| column.get_array_memory_size() as u64).sum::<u64>();
        if self.started.elapsed() > self.limits.time {
            let value = format_duration(self.limits.time);
            let message = format!("the step did not finish within {value}");
            return Err(Box::new(Failure::limit(FailureKind::Timeout, message, "time", value)));
        }
        let limits = [
            ("output-rows", self.rows, self.limits.output_rows),
            ("output-bytes", self.bytes, self.limits.output_bytes),
        ];
        match limits.into_iter().find(|(_, value, limit)| value > limit) {
            None => Ok(()),
            Some((name, _, limit)) => {
                let message = format!("the output exceeds the limit of a case, `{name} = {limit}`");
                Err(Box::new(Failure::new(FailureKind::BadOutput, message)))
            }
        }
    }
}
