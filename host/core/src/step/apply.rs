//! A step applied to a whole input, under its failure policy.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};

use arrow_array::RecordBatch;

use super::bound::BoundStep;
use crate::component::StepKind;
use crate::failure::{Failure, FailureKind};
use crate::interrupt::{Interrupt, POLL_INTERVAL, Stop, StopReason};
use crate::panics::caught;
use crate::policy::Then;
use crate::runtime::Engine;
use crate::sandbox::wait;
use crate::stage::{RejectRecord, Stage};

/// The result of [`BoundStep::apply`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Applied {
    /// The output rows in the order of the input, with the columns of [`BoundStep::schema`].
    pub batches: Vec<RecordBatch>,
    /// The rejected rows, by ascending row.
    pub rejected: Vec<AppliedReject>,
    /// The number of rows that the step left out. 0 for an aggregate.
    pub dropped: u64,
}

/// A rejected row.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AppliedReject {
    /// The index of the row in the input, from 0.
    pub row: u64,
    /// The columns of the row as it entered the step: a JSON object.
    pub columns: String,
    /// The reason.
    pub failure: Failure,
}

impl AppliedReject {
    fn new(first: u64, record: RejectRecord) -> Self {
        Self { row: first + record.row as u64, columns: record.content(), failure: record.failure }
    }
}

/// A part of the input with the number of its first row.
type Part = (u64, RecordBatch);

impl BoundStep {
    /// Applies the step to an input as a pipeline does: in batches of at most 1000 rows, on the threads of the engine, under
    /// the failure policy of [`StepBuilder::settings`](super::StepBuilder::settings). A failure names the row if it can be
    /// found. A step that makes rows, or sees all rows, has one instance for the whole input.
    ///
    /// An input of one batch is processed on this thread. Use another interrupt for each call: it holds on to every call that
    /// was given it. The engine is the one that the step was built with.
    ///
    /// # Errors
    /// The step fails and its policy is not to reject, breaks a limit or the contract, or the interrupt was triggered; or a
    /// batch has other columns than the step was bound to.
    pub fn apply(
        self: &Arc<Self>,
        engine: &Engine,
        input: &[RecordBatch],
        interrupt: &Interrupt,
    ) -> Result<Applied, Box<Failure>> {
        let stop = |interrupt: &Interrupt| Stop::on(interrupt, self.pool.sandbox().engine());
        if self.manifest().kind != StepKind::Transform {
            return self.apply_stateful(input, stop(interrupt));
        }
        let mut parts = parts(input, self.step.batch_rows);
        match parts.len() {
            0 => Ok(Applied::default()),
            1 => self.apply_part(0, parts.swap_remove(0), &stop(interrupt)),
            _ => self.apply_parts(engine, parts, interrupt, &stop(&interrupt.without_poll())),
        }
    }

    fn apply_part(&self, number: u64, (first, batch): Part, stop: &Stop) -> Result<Applied, Box<Failure>> {
        let rows = self.rows_at(&batch, "the input".into(), first)?;
        // Without a slot the call ends at once and reports the stop.
        let _slot = wait(stop, self.pool.acquire());
        let stage = Stage::for_steps(self.pool.sandbox_shared(), stop.clone());
        let (rows, rejected, report) = stage.apply(&self.step, &rows, number)?;
        let rejected = rejected.into_iter().map(|record| AppliedReject::new(first, record)).collect();
        Ok(Applied { batches: vec![rows.columns], rejected, dropped: report.dropped })
    }

    /// Applies the step to several parts at a time. Of several failures the one of the first part is returned.
    fn apply_parts(
        self: &Arc<Self>,
        engine: &Engine,
        parts: Vec<Part>,
        interrupt: &Interrupt,
        stop: &Stop,
    ) -> Result<Applied, Box<Failure>> {
        let threads = engine.thread_pool().map_err(|error| Box::new(Failure::host(&error)))?;
        let mut results: Vec<Option<Result<Applied, Box<Failure>>>> = parts.iter().map(|_| None).collect();
        let (sender, answers) = channel();
        for (number, part) in parts.into_iter().enumerate() {
            let (bound, stop, sender) = (Arc::clone(self), stop.clone(), sender.clone());
            threads.spawn_fifo(move || {
                let result = match stop.reason() {
                    Some(reason) => Err(Box::new(Failure::stopped(reason))),
                    None => caught(|| bound.apply_part(number as u64, part, &stop))
                        .unwrap_or_else(|panic| Err(Box::new(Failure::from_panic(&*panic)))),
                };
                if result.is_err() {
                    stop.stop(StopReason::Sibling);
                }
                // Free the step before the caller may free the engine.
                drop(bound);
                let _ = sender.send((number, result));
            });
        }
        drop(sender);
        loop {
            match answers.recv_timeout(POLL_INTERVAL) {
                Ok((number, result)) => results[number] = Some(result),
                Err(RecvTimeoutError::Timeout) => interrupt.poll(),
                Err(RecvTimeoutError::Disconnected) => return collect(results),
            }
        }
    }

    fn apply_stateful(&self, input: &[RecordBatch], stop: Stop) -> Result<Applied, Box<Failure>> {
        let _slot = wait(&stop, self.pool.acquire());
        let mut session = self.start_until(stop);
        let mut applied = Applied::default();
        for (first, batch) in parts(input, self.step.batch_rows) {
            let result = session.process(&batch)?;
            for rejected in result.rejected {
                if self.step.on_failure.then() == Then::Stop {
                    return Err(Box::new(rejected.failure));
                }
                let rows = self.rows_at(&batch, "the input".into(), first)?;
                let record = RejectRecord::new(&rows, rejected.row, rejected.failure, applied.rejected.len());
                applied.rejected.push(AppliedReject::new(first, record));
            }
            applied.batches.extend((result.batch.num_rows() > 0).then_some(result.batch));
        }
        while let Some(result) = session.finish()? {
            applied.batches.push(result.batch);
        }
        Ok(applied)
    }
}

/// Cuts the input into parts of at most `rows` rows.
fn parts(input: &[RecordBatch], rows: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut first = 0;
    for batch in input {
        for start in (0..batch.num_rows()).step_by(rows) {
            let count = rows.min(batch.num_rows() - start);
            parts.push((first + start as u64, batch.slice(start, count)));
        }
        first += batch.num_rows() as u64;
    }
    parts
}

/// Joins the results of all parts, or returns the first failure that is not the end of a part that another one has stopped.
fn collect(results: Vec<Option<Result<Applied, Box<Failure>>>>) -> Result<Applied, Box<Failure>> {
    let mut all = Applied::default();
    let mut stopped = None;
    for result in results {
        match result.expect("every part answers") {
            Ok(part) => {
                all.batches.extend(part.batches);
                all.rejected.extend(part.rejected);
                all.dropped += part.dropped;
            }
            Err(failure) if failure.kind == FailureKind::Interrupted => stopped = stopped.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
    }
    stopped.map_or(Ok(all), Err)
}
