//! A task: the operations of a stage on the rows of one work item.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::UInt32Array;

use super::on_failure::apply_policy;
use super::{AcceptedOutput, Stage, TaskOutput, host, join};
use crate::batch::Rows;
use crate::failure::Failure;
use crate::monitor::{Span, SpanGuard, SpanKind};
use crate::plan::{Operation, Step, Work};
use crate::report::StepReport;
use crate::sink::{Encoded, Encoder, SinkError};
use crate::source::Carried;
use crate::spill::SpillFrame;

/// The state of a running task.
pub(super) struct Task<'a> {
    pub(super) stage: &'a Stage,
    pub(super) batch: u64,
    pub(super) slots: Vec<Option<Rows>>,
    /// For every slot, the number of operations that have yet to read it.
    pub(super) readers: Vec<usize>,
    pub(super) rejected_ids: join::RejectedIds,
    /// Set once a step has no answers yet. Steps of other branches are called nevertheless, so that their requests are part of the same
    /// batch.
    pub(super) deferred: Option<Box<Failure>>,
    pub(super) output: TaskOutput,
}

impl Task<'_> {
    /// Runs an operation, if there are rows for it.
    pub(super) fn operate(&mut self, operation: &Operation) -> Result<(), Box<Failure>> {
        let read = operation.reads.iter().map(|slot| self.read(*slot)).collect::<Vec<_>>();
        let missing = read.iter().filter(|rows| rows.is_none()).count();
        if missing == read.len() || (missing > 0 && self.deferred.is_some()) {
            return Ok(());
        }
        let rows = if let Work::Union(append) = &operation.work {
            Some(join::union(append, read)?)
        } else {
            let mut read: Vec<Rows> = read.into_iter().flatten().collect();
            debug_assert_eq!(read.len(), operation.reads.len(), "all slots are filled from the same work items");
            if let Work::Join(joining) = &operation.work {
                Some(join::join(joining, &read, &self.rejected_ids)?)
            } else {
                self.one(&operation.work, read.swap_remove(0))?
            }
        };
        if let Some(slot) = operation.fills {
            self.slots[slot] = rows;
        }
        Ok(())
    }

    /// Returns the rows of a slot. The last reader empties the slot, so that its rows can be freed.
    fn read(&mut self, slot: usize) -> Option<Rows> {
        self.readers[slot] -= 1;
        let rows = &mut self.slots[slot];
        if self.readers[slot] == 0 { rows.take() } else { rows.clone() }
    }

    /// Runs an operation on the rows of one slot.
    fn one(&mut self, work: &Work, rows: Rows) -> Result<Option<Rows>, Box<Failure>> {
        match work {
            Work::Step(step) => self.step(step, &rows).map(Some),
            Work::Project(projection) => {
                Ok(Some(Rows { columns: projection.apply(&rows.columns), origin: rows.origin }))
            }
            Work::Route { route, child } => {
                let chosen = route.rows(*child, &rows.columns, |row| rows.origin.number(row));
                let chosen = chosen.map_err(|error| host(&error))?;
                select(&rows, chosen).map(Some)
            }
            Work::Accept(filter) => {
                let chosen = filter.rows(&rows.columns).map_err(|error| host(&error))?;
                let left_out = (rows.count() - chosen.len()) as u64;
                let rows = if left_out == 0 { rows } else { select(&rows, chosen)? };
                self.output.accepted = Some(AcceptedOutput { rows: rows.columns.clone(), left_out });
                Ok(Some(rows))
            }
            Work::Sink(sink) => {
                let _span = self.begin_conversion("encode", &rows);
                let encoded = encode(&*self.stage.encoders[*sink], &rows).map_err(|error| {
                    let mut failure = host(&error);
                    failure.row = error.row().and_then(|row| rows.place(row));
                    failure
                })?;
                self.output.encoded.push((*sink, encoded));
                self.output.written.push((*sink, rows.count() as u64));
                Ok(None)
            }
            Work::Spill(index) => {
                let _span = self.begin_conversion("encode for a spill file", &rows);
                let frame = SpillFrame::encode(&rows.columns).map_err(|error| host(&error))?;
                self.output.spilled.push((*index, frame));
                Ok(None)
            }
            Work::Union(_) | Work::Join(_) => unreachable!("these have several parents"),
        }
    }

    fn begin_conversion(&self, what: &'static str, rows: &Rows) -> SpanGuard {
        self.stage.monitor().begin(Span::new(SpanKind::Convert, what).batch(self.batch).rows(rows.count() as u64))
    }

    fn step(&mut self, step: &Arc<Step>, rows: &Rows) -> Result<Rows, Box<Failure>> {
        let mut report = StepReport::new(Arc::clone(&step.name));
        let started = Instant::now();
        let outcome = apply_policy(step, rows, self.batch, self.stage, &mut report);
        report.took(started.elapsed());
        self.output.steps.push((step.number, report));
        if let Some(Carried::Rows(carried)) = rows.origin.carried()
            && let Some(failure) = carried.error()
        {
            return Err(failure);
        }
        let outcome = outcome?;
        self.rejected_ids.extend(outcome.rejected.iter().map(|rejected| (step.number, rows.origin.id(rejected.row))));
        self.output.rejected.extend(outcome.rejected);
        self.output.dropped.extend(outcome.dropped);
        Ok(outcome.rows)
    }
}

fn encode(encoder: &dyn Encoder, rows: &Rows) -> Result<Encoded, SinkError> {
    match rows.origin.carried() {
        Some(carried) => encoder.encode_carried(&rows.columns, carried, &|row| rows.origin.row(row)),
        None => encoder.encode(&rows.columns),
    }
}

/// Returns the rows with these indexes.
fn select(rows: &Rows, chosen: Vec<u32>) -> Result<Rows, Box<Failure>> {
    let origin = rows.origin.select(&chosen);
    let columns = arrow_select::take::take_record_batch(&rows.columns, &UInt32Array::from(chosen));
    Ok(Rows { columns: columns.map_err(|error| host(&error))?, origin })
}
