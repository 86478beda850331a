//! One run of a case: its rows, in some batches, through the step.
//!
//! A transform gets each batch in an instance of its own. An aggregate gets all of them in one instance, and then
//! `finish` until there is no more; so does a source, without a batch.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::take::take;

use super::batches::Cut;
use super::subject::Subject;
use crate::batch::{Checked, Lowered, OutputOf, Rows, check};
use crate::call::lower;
use crate::component::Kind;
use crate::engine::CapturedOutput;
use crate::engine::bindings::types::{Batch, Output, StepError};
use crate::failure::{Failure, FailureKind};
use crate::plan::Placement;
use crate::sandbox::{self, CallOptions};
use crate::stage::object;

/// What came out of a run.
#[derive(Debug, Default)]
pub(super) struct CaseOutput {
    /// The rows: JSON objects.
    pub(super) rows: Vec<String>,
    /// The rows that were refused, in their order, each with its place in the input.
    pub(super) refused: Vec<Failure>,
    /// The most memory of any instance, in bytes.
    pub(super) peak_memory: u64,
}

/// Why an instance that made rows was left.
enum End {
    /// The step returned an error.
    Step(Box<StepError>),
    /// What it returned breaks a rule.
    ContractViolation(Box<Failure>),
}

impl Subject<'_> {
    /// Runs the case.
    ///
    /// # Errors
    /// The failure that ended the run, with its row where that is known.
    pub(super) fn run(&self, cut: Cut) -> Result<CaseOutput, Box<Failure>> {
        let rows = self.input.rows();
        let batches = cut.of(self.input.count());
        let result = match self.step.component.manifest().kind {
            Kind::Transform => self.transform(&rows, &batches),
            Kind::Source | Kind::Aggregate => self.stream(&rows, &batches),
        };
        result.map_err(|mut failure| {
            failure.step = Some(Arc::clone(&self.step.name));
            failure
        })
    }

    fn transform(&self, rows: &Rows, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut made = CaseOutput::default();
        for (number, range) in batches.iter().enumerate() {
            let lowered = lower(&self.step, rows, range)?;
            let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
            let input = Batch { rows: range.len() as u32, columns: &columns };
            let terms = CallOptions { limits: &self.step.limits, stop: self.stop, seed: number as u64 };
            let answer = self.sandbox.call(&self.step.component, &terms, async |store, instance| {
                let guest = instance.stillbox_step_guest();
                match guest.call_bind(&mut *store, &self.step.parameters).await? {
                    Ok(_) => guest.call_process(&mut *store, input).await,
                    Err(error) => Ok(Err(error)),
                }
            });
            let (answer, said) = answer.map_err(|failure| placed(failure, rows, range))?;
            let output = answer.map_err(|error| Box::new(sandbox::from_step_error(error, &said)))?;
            let checked = check(output, OutputOf::Batch(range.len()), &self.step.signature, &self.step.limits);
            let checked = checked.map_err(|failure| told(failure, &said))?;
            self.add(&mut made, checked, rows, Some(range), &said)?;
        }
        Ok(made)
    }

    fn stream(&self, rows: &Rows, batches: &[Range<usize>]) -> Result<CaseOutput, Box<Failure>> {
        let mut inputs = Vec::with_capacity(batches.len());
        for range in batches {
            inputs.push((range, lower(&self.step, rows, range)?));
        }
        let terms = CallOptions { limits: &self.step.limits, stop: self.stop, seed: 0 };
        // The batch that the instance was at, for what names a row.
        let mut current = 0..rows.count();
        let at = &mut current;
        let answer = self.sandbox.call(&self.step.component, &terms, async move |store, instance| {
            let guest = instance.stillbox_step_guest();
            let mut outputs = Outputs::default();
            if let Err(error) = guest.call_bind(&mut *store, &self.step.parameters).await? {
                return Ok(Err(End::Step(Box::new(error))));
            }
            for (range, lowered) in &inputs {
                *at = (*range).clone();
                let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
                let input = Batch { rows: range.len() as u32, columns: &columns };
                let output = guest.call_process(&mut *store, input).await?;
                if let Err(end) = outputs.push(self, output, Some(range), rows.count()) {
                    return Ok(Err(end));
                }
            }
            *at = 0..rows.count();
            while let Some(output) = guest.call_finish(&mut *store).await?.transpose() {
                if let Err(end) = outputs.push(self, output, None, rows.count()) {
                    return Ok(Err(end));
                }
            }
            Ok(Ok(outputs))
        });
        let (answer, said) = answer.map_err(|failure| placed(failure, rows, &current))?;
        let outputs = answer.map_err(|end| match end {
            End::Step(error) => Box::new(sandbox::from_step_error(*error, &said)),
            End::ContractViolation(failure) => told(failure, &said),
        })?;
        let mut made = CaseOutput { peak_memory: said.peak_memory(), ..CaseOutput::default() };
        for (checked, range) in outputs.parts {
            self.add(&mut made, checked, rows, range.as_ref(), &said)?;
        }
        Ok(made)
    }

    /// Adds what came of one call. A range says which rows the origins count, and that the rows are made of those; none
    /// is for rows made after all batches.
    fn add(
        &self,
        made: &mut CaseOutput,
        checked: Checked,
        rows: &Rows,
        range: Option<&Range<usize>>,
        said: &CapturedOutput,
    ) -> Result<(), Box<Failure>> {
        made.peak_memory = made.peak_memory.max(said.peak_memory());
        let start = range.map_or(0, |range| range.start);
        for rejection in checked.rejections {
            let mut failure = sandbox::from_rejection(rejection.error, said);
            failure.row = rows.place(start + rejection.row as usize);
            made.refused.push(failure);
        }
        let origins = match (checked.origins, range) {
            (Some(origins), _) => Some(origins.into_iter().map(|origin| origin + start as u32).collect()),
            (None, Some(range)) => Some((range.start as u32..range.end as u32).collect()),
            (None, None) => None,
        };
        let columns = self.columns(checked.rows, &checked.columns, rows, origins);
        let columns = columns.map_err(|error| Box::new(Failure::host(&error)))?;
        for row in 0..columns.num_rows() {
            made.rows.push(String::from_utf8_lossy(&object(&columns, row)).into_owned());
        }
        Ok(())
    }

    /// All columns of rows that were made: those of the rows they were made of, and the step's own.
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
        let columns = self.step.placements.iter().map(|placement| match placement {
            Placement::Output(index) => Ok(Arc::clone(&own[*index])),
            Placement::Carried(index) => take(rows.columns.column(*index), &origins, None),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new_with_options(Arc::clone(&self.step.schema), columns, &options)
    }

    /// The columns of rows that are made of nothing.
    fn own_schema(&self) -> SchemaRef {
        let outputs = &self.step.signature.outputs;
        let fields = outputs.iter().map(|output| output.data_type.field(&output.name, output.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// What an instance made, call by call. It is checked as it comes, so that a step that never ends is stopped.
#[derive(Default)]
struct Outputs {
    parts: Vec<(Checked, Option<Range<usize>>)>,
    rows: u64,
    bytes: u64,
}

impl Outputs {
    fn push(
        &mut self,
        subject: &Subject<'_>,
        output: Result<Output, StepError>,
        range: Option<&Range<usize>>,
        all: usize,
    ) -> Result<(), End> {
        let output = output.map_err(|error| End::Step(Box::new(error)))?;
        let limits = &subject.step.limits;
        let of = match (range, subject.step.component.manifest().kind) {
            (Some(range), _) => OutputOf::Batch(range.len()),
            (None, Kind::Source) => OutputOf::Nothing,
            (None, Kind::Transform | Kind::Aggregate) => OutputOf::Everything(all as u64),
        };
        let checked = check(output, of, &subject.step.signature, limits).map_err(End::ContractViolation)?;
        self.rows += checked.rows as u64;
        self.bytes += checked.columns.iter().map(|column| column.get_array_memory_size() as u64).sum::<u64>();
        for (name, value, limit) in
            [("output-rows", self.rows, limits.output_rows), ("output-bytes", self.bytes, limits.output_bytes)]
        {
            if value > limit {
                let message = format!("it made more than one case may have: the limit is `{name} = {limit}`");
                return Err(End::ContractViolation(Box::new(Failure::new(FailureKind::BadOutput, message))));
            }
        }
        if checked.rows > 0 || !checked.rejections.is_empty() {
            self.parts.push((checked, range.cloned()));
        }
        Ok(())
    }
}

fn told(mut failure: Box<Failure>, said: &CapturedOutput) -> Box<Failure> {
    said.tell(&mut failure);
    failure
}

/// The failure with the row's place in the input: the guest counts from the beginning of what it was given.
fn placed(mut failure: Box<Failure>, rows: &Rows, range: &Range<usize>) -> Box<Failure> {
    let row = failure.row.take().and_then(|row| usize::try_from(row.index).ok());
    failure.row = row.filter(|row| *row < range.len()).and_then(|row| rows.place(range.start + row));
    failure
}
