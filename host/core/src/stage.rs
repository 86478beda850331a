//! Stages: a task decodes one work item of a stage, passes its rows through all steps, and encodes them for the sinks.

mod dropped;
mod join;
mod on_failure;
mod reject;
mod reject_counter;
mod step;
mod task;
mod work_item;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use on_failure::apply_policy;
use task::Task;
use tokio::sync::SemaphorePermit;

use crate::batch::{RowOrigins, Rows};
use crate::bundle::BundleWriter;
use crate::failure::{Failure, FailureKind};
use crate::format::Compression;
use crate::grants::Redactor;
use crate::interrupt::Stop;
use crate::monitor::{Monitor, Span, SpanKind};
use crate::plan::{Operation, Step};
use crate::report::{Report, StepReport};
use crate::result_cache::ResultCache;
use crate::sandbox::{Sandbox, wait};
use crate::sink::{Encoded, Encoder};
use crate::source::{Carried, RowPositions};
use crate::spill::SpillFrame;

pub(crate) use dropped::{DropSampler, DroppedRow};
use reject::encode_rejects;
pub(crate) use reject::{RejectRecord, row_as_json};
pub(crate) use reject_counter::RejectCounter;
pub(crate) use work_item::{StageInput, WorkItem, WorkRows};
pub(crate) use workers::Workers;

/// The data shared by all tasks of a stage.
pub(crate) struct Stage {
    pub(crate) inputs: Vec<StageInput>,
    pub(crate) operations: Vec<Operation>,
    /// Number of slots for rows between operations.
    pub(crate) slots: usize,
    /// The encoders of all sinks of the pipeline.
    pub(crate) encoders: Arc<[Arc<dyn Encoder>]>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) stop: Stop,
    /// The run's id.
    pub(crate) run: Arc<str>,
    pub(crate) reject_compression: Compression,
    /// Cached outputs of steps.
    pub(crate) result_cache: ResultCache,
    /// Idle instances that can process another batch.
    pub(crate) workers: Workers,
    /// Number of guest calls on the reader's thread; see [`count_guest_call`](Self::count_guest_call).
    pub(crate) active_guests: AtomicUsize,
    /// Shared by all stages of a run.
    pub(crate) reject_counter: Arc<RejectCounter>,
    /// Chooses the dropped rows that are written. `None` if they are not recorded.
    pub(crate) drop_sampler: Option<Arc<DropSampler>>,
    /// Removes the secrets of the pipeline from failures, also those that came in by the input.
    pub(crate) redactor: Redactor,
    /// Writes a bundle for each failure, if there are to be any.
    pub(crate) bundles: Option<Arc<BundleWriter>>,
    /// Runs the operations elsewhere. `None` to run them in this process.
    pub(crate) remote: Option<Arc<dyn RemoteStage>>,
}

/// The rows of a work item, decoded.
#[derive(Debug)]
pub(crate) struct DecodedRows {
    pub(crate) batch: u64,
    /// The index of the input.
    pub(crate) input: usize,
    /// A batch for each slot of the input, all with the same positions.
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) positions: RowPositions,
    /// Columns that are not arrays, and null in `rows`. Only rows for this process have any.
    pub(crate) carried: Option<Arc<Carried>>,
    /// The number of the first row in its input, from 0.
    pub(crate) first: u64,
}

/// Runs the operations of one stage in other processes.
pub(crate) trait RemoteStage: Send + Sync {
    /// As [`Stage::operate`]. Counts the rejected rows in the stage's counter.
    ///
    /// # Errors
    /// As [`Stage::operate`]; and if the other processes are lost.
    fn operate(&self, stage: &Stage, rows: DecodedRows) -> Result<TaskOutput, Box<Failure>>;
}

/// The rows for the sink of a pipeline with `until`.
#[derive(Debug)]
pub(crate) struct AcceptedOutput {
    /// Those that are accepted, as they are encoded for the sink.
    pub(crate) rows: RecordBatch,
    /// The number of the others.
    pub(crate) left_out: u64,
}

/// The result of a task.
#[derive(Debug, Default)]
pub(crate) struct TaskOutput {
    /// Number of rows read from outside the pipeline; `None` if the rows come from an earlier stage.
    pub(crate) rows: Option<usize>,
    /// Number of them that could not be read and are rejected.
    pub(crate) bad_rows: u64,
    /// The checksum of everything that the stage has read, up to this work item.
    pub(crate) read: u32,
    /// Encoded rows, by the index of the sink.
    pub(crate) encoded: Vec<(usize, Encoded)>,
    /// Numbers of these rows, by the index of the sink.
    pub(crate) written: Vec<(usize, u64)>,
    /// The rows that `until` accepts, in a pipeline that has it.
    pub(crate) accepted: Option<AcceptedOutput>,
    /// Encoded rows for spill files, by the index of the file.
    pub(crate) spilled: Vec<(usize, SpillFrame)>,
    /// Counts of the steps, by the number of the step.
    pub(crate) steps: Vec<(usize, StepReport)>,
    /// Rejected rows, in the order of the steps and then of the rows.
    pub(crate) rejected: Vec<RejectRecord>,
    /// The first dropped rows, in the order of the steps and then of the rows.
    pub(crate) dropped: Vec<DroppedRow>,
    /// The encoded lines for the reject file.
    pub(crate) rejects: Option<Encoded>,
    /// Whether the task processed all rows. It stops early once the run has rejected too many rows.
    pub(crate) is_complete: bool,
}

impl TaskOutput {
    /// Returns the bytes of the rows that are to be written, about.
    pub(crate) fn bytes(&self) -> u64 {
        let encoded = self.encoded.iter().map(|(_, encoded)| encoded).chain(&self.rejects).map(Encoded::bytes);
        encoded.chain(self.spilled.iter().map(|(_, frame)| frame.bytes().len() as u64)).sum()
    }

    /// Adds the counts of this task to the report of the run.
    pub(crate) fn count(&self, report: &mut Report) {
        report.batches += u64::from(self.rows.is_some());
        report.rows_in += self.rows.unwrap_or(0) as u64;
        report.bad_rows += self.bad_rows;
        if let (Some(until), Some(accepted)) = (&mut report.until, &self.accepted) {
            until.accepted += accepted.rows.num_rows() as u64;
            until.left_out += accepted.left_out;
        }
        for (sink, rows) in &self.written {
            report.sinks[*sink].rows += rows;
        }
        for (step, more) in &self.steps {
            report.steps[*step].add(more);
        }
    }
}

impl Stage {
    /// Waits until a step with `concurrency` may have another instance. Returns `None` if it needs no permission, or after a
    /// stop: the call then ends at once and reports that.
    fn slot<'s>(&self, step: &'s Step) -> Option<SemaphorePermit<'s>> {
        let slots = step.slots.as_ref()?;
        if let Ok(permit) = slots.try_acquire() {
            return Some(permit);
        }
        let span = Span::new(SpanKind::Wait, "another instance to end, as `concurrency` allows no more");
        let _wait = self.monitor().begin(span.step(Some(&step.name)));
        wait(&self.stop, slots.acquire())?.ok()
    }

    /// The monitor of the run.
    pub(crate) fn monitor(&self) -> &Monitor {
        self.stop.monitor()
    }

    /// Creates a stage without a pipeline, which can only apply steps to rows.
    pub(crate) fn for_steps(sandbox: &Arc<Sandbox>, stop: Stop) -> Self {
        Self {
            inputs: Vec::new(),
            operations: Vec::new(),
            slots: 0,
            encoders: Arc::default(),
            sandbox: Arc::clone(sandbox),
            stop,
            run: Arc::default(),
            reject_compression: Compression::None,
            result_cache: ResultCache::disabled(),
            workers: Workers::default(),
            active_guests: AtomicUsize::new(0),
            reject_counter: Arc::default(),
            drop_sampler: None,
            redactor: Redactor::default(),
            bundles: None,
            remote: None,
        }
    }

    /// Applies a step to rows under its failure policy. Returns the output, the rejected rows and the counts.
    ///
    /// # Errors
    /// A failure that the policy does not allow. It names the row if known.
    pub(crate) fn apply(
        &self,
        step: &Step,
        rows: &Rows,
        batch: u64,
    ) -> Result<(Rows, Vec<RejectRecord>, StepReport), Box<Failure>> {
        let mut report = StepReport::new(Arc::clone(&step.name));
        let outcome = apply_policy(step, rows, batch, self, &mut report)?;
        Ok((outcome.rows, outcome.rejected, report))
    }

    /// Runs a task with a work item of one of the inputs.
    ///
    /// # Errors
    /// The input is malformed, a step fails and its policy stops the run, or the run is stopped.
    pub(crate) fn run(&self, batch: u64, input: usize, item: WorkItem) -> Result<TaskOutput, Box<Failure>> {
        self.check_stop()?;
        let _span = self.monitor().begin(Span::new(SpanKind::Batch, "batch").batch(batch));
        let WorkItem { rows, first, mut rejected, is_cut, .. } = item;
        let mut bad_rows = 0;
        let (rows, positions, carried) = match rows {
            WorkRows::Raw(chunk) => {
                let raw = self.inputs[input].decoder.as_ref().expect("an input of raw chunks has a decoder");
                let _span = self.monitor().begin(Span::new(SpanKind::Convert, "decode").rows(chunk.rows as u64));
                let (decoded, bad) = raw.decode_all(chunk).map_err(|error| Box::new(error.to_failure()))?;
                bad_rows = bad.len() as u64;
                rejected.extend(
                    bad.into_iter().enumerate().map(|(index, bad)| RejectRecord::of_bad_row(index, bad, batch)),
                );
                self.reject_counter.reject(bad_rows);
                (vec![decoded.rows], decoded.positions, decoded.carried.map(Arc::new))
            }
            WorkRows::Ready(batches, positions) => (batches, positions, None),
        };
        let count = rows[0].num_rows();
        let rows = DecodedRows { batch, input, rows, positions, carried, first };
        let mut output = match &self.remote {
            Some(remote) => {
                let _wait = self.monitor().begin(Span::new(SpanKind::Wait, "a worker of the executor").batch(batch));
                remote.operate(self, rows)?
            }
            None => self.operate(rows)?,
        };
        rejected.append(&mut output.rejected);
        output.rejected = rejected;
        if !self.redactor.is_empty() {
            output.rejected.iter_mut().for_each(|rejected| rejected.failure.redact(&self.redactor));
        }
        output.rows = self.inputs[input].counts.then(|| count + bad_rows as usize);
        output.bad_rows = bad_rows;
        output.is_complete &= !is_cut && !self.reject_counter.is_exceeded();
        output.rejects =
            encode_rejects(&output.rejected, &self.run, self.reject_compression).map_err(|error| host(&error))?;
        Ok(output)
    }

    /// Runs all operations on the rows of one input. The output has neither the counts of the input nor the encoded rejected
    /// rows.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn operate(&self, rows: DecodedRows) -> Result<TaskOutput, Box<Failure>> {
        let DecodedRows { batch, input, rows, positions, carried, first } = rows;
        let input = &self.inputs[input];
        let origin = RowOrigins::new(positions, first, rows[0].num_rows()).with_carried(carried);
        let rows = rows.into_iter().map(|columns| Rows { columns, origin: origin.clone() });
        let mut readers = vec![0; self.slots];
        for slot in self.operations.iter().flat_map(|operation| &operation.reads) {
            readers[*slot] += 1;
        }
        let mut slots: Vec<Option<Rows>> = vec![None; self.slots];
        for (slot, rows) in input.slots.iter().zip(rows) {
            slots[*slot] = Some(rows);
        }
        let output = TaskOutput { is_complete: true, ..TaskOutput::default() };
        let mut task = Task { stage: self, batch, slots, readers, rejected_ids: Vec::new(), deferred: None, output };
        for operation in &self.operations {
            // The run fails with the rejected rows, so further rows are not needed.
            if self.reject_counter.is_exceeded() {
                task.output.is_complete = false;
                break;
            }
            self.check_stop()?;
            match task.operate(operation) {
                Err(failure) if self.is_deferral(&failure) => task.deferred = Some(failure),
                result => result.map_err(|mut failure| {
                    failure.batch.get_or_insert(batch);
                    failure
                })?,
            }
        }
        task.deferred.map_or(Ok(task.output), Err)
    }

    /// Whether a call ended because its answers are those of a batch of a model.
    pub(crate) fn is_deferral(&self, failure: &Failure) -> bool {
        failure.kind == FailureKind::Interrupted && self.stop.reason().is_none() && !self.reject_counter.is_exceeded()
    }

    /// Counts a guest call outside of tasks until the returned guard is dropped. A run waits for such calls before it
    /// ends.
    pub(crate) fn count_guest_call(&self) -> GuestCallGuard<'_> {
        self.active_guests.fetch_add(1, Ordering::AcqRel);
        GuestCallGuard { guests: &self.active_guests }
    }

    /// Returns a failure if the run was stopped.
    pub(crate) fn check_stop(&self) -> Result<(), Box<Failure>> {
        self.stop.reason().map_or(Ok(()), |reason| Err(Box::new(Failure::stopped(reason))))
    }
}

/// Counts a guest call outside of tasks until it is dropped.
#[must_use]
pub(crate) struct GuestCallGuard<'a> {
    guests: &'a AtomicUsize,
}

impl Drop for GuestCallGuard<'_> {
    fn drop(&mut self) {
        self.guests.fetch_sub(1, Ordering::AcqRel);
    }
}

fn host(error: &dyn std::error::Error) -> Box<Failure> {
    Box::new(Failure::host(error))
}
