//! Stage inputs from steps: sources and aggregates.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;

use super::spilled::SpillInput;
use super::stateful::StatefulStep;
use super::{InputReader, StepReporter};
use crate::batch::{CheckedOutput, GivenRows, RowOrigins, Rows};
use crate::call::CallInput;
use crate::config::instance::CacheMode;
use crate::failure::Failure;
use crate::plan::{ColumnSource, Step};
use crate::policy::Then;
use crate::report::StepReport;
use crate::result_cache::{CacheKey, CacheKeyBuilder};
use crate::source::RowPositions;
use crate::spill::{Spill, SpillError, SpillLookup};
use crate::stage::WorkItem;
use crate::stage::{RejectRecord, Stage};

/// Number of output rows for which carried columns are looked up together. A lookup of unordered rows reads the whole
/// spill file, so fewer rows would read it more often. All these rows are in memory at once.
const LOOKUP_ROWS: usize = 1 << 16;

/// The memory of output rows that are looked up together, with and without their carried columns, in bytes. One output, or one
/// row, may be larger.
const LOOKUP_BYTES: u64 = 64 << 20;

fn is_cached(step: &Step, stage: &Stage) -> bool {
    step.cache == CacheMode::On && stage.result_cache.is_enabled()
}

/// A step of kind source: calls `finish` until it returns no more rows.
pub(super) struct GeneratorInput {
    step: Arc<Step>,
    stateful: Option<StatefulStep>,
    output: OutputBatches,
    /// Rows that are still taken.
    left: u64,
}

impl GeneratorInput {
    /// Takes at most this many rows; `None` for all.
    pub(super) fn new(step: &Arc<Step>, at_most: Option<u64>) -> Self {
        let output = OutputBatches::new(step, step.batch_rows);
        Self { step: Arc::clone(step), stateful: None, output, left: at_most.unwrap_or(u64::MAX) }
    }
}

impl InputReader for GeneratorInput {
    fn next(&mut self, stage: &Stage, report_step: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            if let Some(mut item) = self.output.next() {
                item.truncate(self.left);
                self.left -= item.count();
                return Ok(Some(item));
            }
            let mut report = StepReport::new(Arc::clone(&self.step.name));
            let stateful = self.stateful.get_or_insert_with(|| {
                let key = is_cached(&self.step, stage).then(|| CacheKeyBuilder::new(&self.step, 0).key());
                StatefulStep::new(&self.step, stage, key.as_ref(), &mut report)
            });
            let started = Instant::now();
            let made = stateful.finish(stage, GivenRows::None, &mut report);
            report.took(started.elapsed());
            report.rows_out = made.as_ref().ok().and_then(Option::as_ref).map_or(0, |made| made.rows as u64);
            let may_continue = report_step(self.step.number, report);
            let Some(made) = made? else { return Ok(None) };
            let rows =
                in_order(&self.step, made.rows, &made.columns, &[]).map_err(|error| Box::new(Failure::host(&error)))?;
            self.output.push(&rows);
            if !may_continue && made.rows == 0 {
                return Ok(None);
            }
        }
    }
}

/// A step of kind aggregate: calls `process` for all rows of its spill file, then `finish` until it returns no more
/// rows.
pub(super) struct AggregateInput {
    step: Arc<Step>,
    spill: Arc<Spill>,
    input: SpillInput,
    lookup: SpillLookup,
    /// The carried columns and their types.
    carried: Vec<(usize, DataType)>,
    stateful: Option<StatefulStep>,
    /// Number of rows given to the instance.
    seen: u64,
    phase: AggregatePhase,
    /// Outputs of `finish` whose carried columns are still to be looked up.
    pending: VecDeque<PendingOutput>,
    output: OutputBatches,
    rejected: Vec<RejectRecord>,
}

/// Rows that `finish` has returned.
struct PendingOutput {
    /// The columns that the step has made.
    made: Vec<ArrayRef>,
    /// For every row, the number of the row that it comes from.
    numbers: Vec<Option<u32>>,
    /// The first row that is not looked up yet.
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AggregatePhase {
    Processing,
    Finishing,
    Done,
}

impl AggregateInput {
    pub(super) fn open(step: &Arc<Step>, spill: &Arc<Spill>, batch_rows: usize) -> Result<Self, SpillError> {
        let carried =
            step.column_sources.iter().zip(step.schema.fields()).filter_map(|(placement, field)| match placement {
                ColumnSource::Carried(index) => Some((*index, field.data_type().clone())),
                ColumnSource::Output(_) => None,
            });
        Ok(Self {
            spill: Arc::clone(spill),
            input: SpillInput::open(spill, Some(step.batch_rows))?,
            lookup: SpillLookup::open(spill)?,
            carried: carried.collect(),
            stateful: None,
            seen: 0,
            phase: AggregatePhase::Processing,
            pending: VecDeque::new(),
            output: OutputBatches::new(step, batch_rows),
            rejected: Vec::new(),
            step: Arc::clone(step),
        })
    }

    /// Passes the next batch to the instance.
    fn process(&mut self, stage: &Stage, report: &mut StepReport) -> Result<(), Box<Failure>> {
        let Some((first, batch)) = self.input.batch()? else {
            self.phase = AggregatePhase::Finishing;
            return Ok(());
        };
        let count = batch.num_rows();
        let input = self.with_origins(first, batch);
        report.rows_in += count as u64;
        let (made, rejected) = self.stateful(stage, report)?.process(stage, &input, report)?;
        self.seen += count as u64;
        report.rejected += rejected.len() as u64;
        report.rows_out += made.rows as u64;
        self.rejected.extend(rejected);
        if made.rows > 0 {
            let rows = with_carried(&self.step, made, &input).map_err(|error| Box::new(Failure::host(&error)))?;
            self.output.push(&rows);
        }
        Ok(())
    }

    fn with_origins(&self, first: u64, batch: RecordBatch) -> Rows {
        let name = format!("the input of step \"{}\"", self.step.name).into();
        let origin = RowOrigins::new(RowPositions::rows(name, first + 1), first, batch.num_rows());
        Rows { columns: batch, origin }
    }

    /// Returns the step's calls. The first use computes the cache key.
    fn stateful(&mut self, stage: &Stage, report: &mut StepReport) -> Result<&mut StatefulStep, Box<Failure>> {
        if self.stateful.is_none() {
            let key = if is_cached(&self.step, stage) { self.key(stage)? } else { None };
            self.stateful = Some(StatefulStep::new(&self.step, stage, key.as_ref(), report));
        }
        Ok(self.stateful.as_mut().expect("it was created above"))
    }

    /// Returns the cache key of all rows to come. They are read twice, which costs less than calling the step. `None`
    /// if they do not fit the step's inputs; its call reports that.
    fn key(&self, stage: &Stage) -> Result<Option<CacheKey>, Box<Failure>> {
        let mut maker = CacheKeyBuilder::new(&self.step, 0);
        // If a rejected row ends the run, the record needs the step's log, which the cache does not store.
        maker.add_policy(self.step.on_failure.then() == Then::Stop);
        let input = SpillInput::open(&self.spill, Some(self.step.batch_rows));
        let mut input = input.map_err(|error| Box::new(Failure::host(&error)))?;
        while let Some((first, batch)) = input.batch()? {
            stage.check_stop()?;
            let rows = self.with_origins(first, batch);
            let Ok(input) = CallInput::new(&self.step, &rows, 0..rows.count()) else { return Ok(None) };
            maker.add_batch(input.count(), input.columns());
        }
        Ok(Some(maker.key()))
    }

    /// Gets rows from `finish`.
    fn finish(&mut self, stage: &Stage, report: &mut StepReport) -> Result<(), Box<Failure>> {
        let everything = GivenRows::All(self.seen);
        let mut parts: Vec<CheckedOutput> = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < LOOKUP_ROWS && bytes < LOOKUP_BYTES {
            let Some(part) = self.stateful(stage, report)?.finish(stage, everything, report)? else {
                self.phase = AggregatePhase::Done;
                break;
            };
            count += part.rows;
            bytes += output_bytes(&part);
            parts.push(part);
        }
        report.rows_out += count as u64;
        let mut rest = parts.as_mut_slice();
        while let Some((part, others)) = rest.split_first_mut() {
            // A large output is pushed alone, and small outputs together: the values of a joined column have 32-bit offsets.
            let mut together = 1;
            let (mut rows, mut bytes) = (part.rows, output_bytes(part));
            while let Some(next) = others.get(together - 1)
                && rows < LOOKUP_ROWS
                && bytes + output_bytes(next) < LOOKUP_BYTES
            {
                rows += next.rows;
                bytes += output_bytes(next);
                together += 1;
            }
            let (now, later) = std::mem::take(&mut rest).split_at_mut(together);
            rest = later;
            self.push_output(now)?;
        }
        Ok(())
    }

    fn push_output(&mut self, parts: &[CheckedOutput]) -> Result<(), Box<Failure>> {
        let host = |error: &dyn std::error::Error| Box::new(Failure::host(error));
        let count: usize = parts.iter().map(|part| part.rows).sum();
        let mut made = Vec::with_capacity(self.step.signature.outputs.len());
        for index in 0..self.step.signature.outputs.len() {
            let arrays: Vec<&dyn Array> = parts.iter().map(|part| part.columns[index].as_ref()).collect();
            made.push(concat(&arrays).map_err(|error| host(&error))?);
        }
        let mut numbers: Vec<Option<u32>> = Vec::with_capacity(count);
        for part in parts {
            match &part.origins {
                Some(origins) => numbers.extend(origins.iter().copied().map(Some)),
                None => numbers.extend(std::iter::repeat_n(None, part.rows)),
            }
        }
        self.pending.push_back(PendingOutput { made, numbers, start: 0 });
        Ok(())
    }

    /// Looks up the carried columns of the next rows that `finish` has returned. Returns whether there were any.
    fn look_up(&mut self) -> Result<bool, Box<Failure>> {
        let host = |error: &dyn std::error::Error| Box::new(Failure::host(error));
        let Some(pending) = self.pending.front_mut() else { return Ok(false) };
        let rest = &pending.numbers[pending.start..];
        let mut rows = rest.len().min(LOOKUP_ROWS);
        if !self.carried.is_empty() {
            rows = self.lookup.fitting(&rest[..rows], LOOKUP_BYTES);
        }
        let carried = self.lookup.rows(&rest[..rows], &self.carried).map_err(|error| host(&error))?;
        let made: Vec<_> = pending.made.iter().map(|array| array.slice(pending.start, rows)).collect();
        pending.start += rows;
        if pending.start == pending.numbers.len() {
            self.pending.pop_front();
        }
        self.output.push(&in_order(&self.step, rows, &made, &carried).map_err(|error| host(&error))?);
        Ok(true)
    }
}

impl InputReader for AggregateInput {
    fn next(&mut self, stage: &Stage, report_step: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let mut may_continue = true;
        loop {
            if let Some(mut item) = self.output.next() {
                item.rejected = std::mem::take(&mut self.rejected);
                return Ok(Some(item));
            }
            if self.look_up()? {
                continue;
            }
            // The batch had only rejected rows. They are returned with an empty item, so that they do not accumulate.
            if !self.rejected.is_empty() {
                let mut item = self.output.empty_item();
                item.rejected = std::mem::take(&mut self.rejected);
                return Ok(Some(item));
            }
            // If the run should end, stop between batches only: the output of `finish` would otherwise be cut at a
            // point that depends on timing.
            if !may_continue && self.phase == AggregatePhase::Processing {
                return Ok(None);
            }
            let mut report = StepReport::new(Arc::clone(&self.step.name));
            let started = Instant::now();
            let done = match self.phase {
                AggregatePhase::Processing => self.process(stage, &mut report),
                AggregatePhase::Finishing => self.finish(stage, &mut report),
                AggregatePhase::Done => return Ok(None),
            };
            report.took(started.elapsed());
            may_continue = report_step(self.step.number, report);
            done?;
        }
    }
}

/// The rows of a step, cut into batches.
struct OutputBatches {
    name: Arc<str>,
    batch_rows: usize,
    schema: arrow_schema::SchemaRef,
    waiting: VecDeque<RecordBatch>,
    next: u64,
}

impl OutputBatches {
    fn new(step: &Step, batch_rows: usize) -> Self {
        Self {
            name: format!("the rows of step \"{}\"", step.name).into(),
            batch_rows,
            schema: Arc::clone(&step.schema),
            waiting: VecDeque::new(),
            next: 0,
        }
    }

    fn push(&mut self, rows: &RecordBatch) {
        for start in (0..rows.num_rows()).step_by(self.batch_rows) {
            self.waiting.push_back(rows.slice(start, self.batch_rows.min(rows.num_rows() - start)));
        }
    }

    fn next(&mut self) -> Option<WorkItem> {
        let rows = self.waiting.pop_front()?;
        let first = self.next;
        self.next += rows.num_rows() as u64;
        Some(WorkItem::ready(vec![rows], &self.name, first))
    }

    fn empty_item(&self) -> WorkItem {
        WorkItem::ready(vec![RecordBatch::new_empty(Arc::clone(&self.schema))], &self.name, self.next)
    }
}

fn output_bytes(output: &CheckedOutput) -> u64 {
    output.columns.iter().map(|column| column.get_array_memory_size() as u64).sum()
}

/// Returns the rows of an output of `process`, with the columns that they carry along.
fn with_carried(step: &Step, output: CheckedOutput, input: &Rows) -> Result<RecordBatch, ArrowError> {
    let origins = output.origins.map(arrow_array::UInt32Array::from);
    step.assemble_from(output.rows, &output.columns, &input.columns, origins.as_ref())
}

/// Puts outputs and carried columns, which are in the order of the outgoing rows, into their places.
fn in_order(step: &Step, rows: usize, outputs: &[ArrayRef], carried: &[ArrayRef]) -> Result<RecordBatch, ArrowError> {
    let mut carried = carried.iter();
    step.assemble(rows, outputs, |_| {
        Ok(Arc::clone(carried.next().expect("all carried columns are there, in their order")))
    })
}
