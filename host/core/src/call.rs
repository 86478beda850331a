//! One step applied to rows: converts them, calls the step in an instance, and checks what comes back.
//!
//! This is the only place that calls `bind`, `process` and `finish` of a planned step. The policy of the step, the cache of
//! its results and the use of instances for several batches are decided by the callers.

mod find_row;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array as _, ArrayRef};
use wasmtime::Store;

use crate::batch::{
    CheckedOutput, ConvertError, GivenRows, LoweredColumn, Rows, StepOutput, as_contract, check, first_null,
};
use crate::component::{Column, Snapshot};
use crate::engine::bindings::types::{Batch, Output, StepError};
use crate::engine::{CallColumns, CapturedOutput, DropReasons, Guest, State};
use crate::failure::{Failure, FailureContext, FailureKind};
use crate::format::NonFinite;
use crate::instance_log::InstanceLog;
use crate::interrupt::Stop;
use crate::plan::{ColumnSource, Step};
use crate::row_size::{repeated_bytes, row_bytes};
use crate::sandbox::{CallOptions, CallSubject, Sandbox, Session, from_step_error};
use crate::source::Carried;
use crate::units::format_size;

pub(crate) use find_row::RowSearch;

/// The most bytes that copies of repeated rows take, whatever the limit: the values of a column have 32-bit offsets.
const MAX_REPEATED: u64 = 1 << 30;

/// A step, where its instances are created, and what stops them.
#[derive(Clone, Copy)]
pub(crate) struct Callee<'a> {
    pub(crate) step: &'a Step,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) stop: &'a Stop,
}

impl Callee<'_> {
    /// Returns what the failures of a first call with a batch of these rows name.
    pub(crate) fn context(&self, batch: Option<u64>, rows: Option<&Rows>) -> FailureContext {
        FailureContext {
            step: Arc::clone(&self.step.name),
            component: Arc::clone(self.step.component.digest()),
            batch,
            first_row: rows.and_then(|rows| rows.place(0)),
            attempt: 1,
        }
    }

    fn options<'o>(
        &'o self,
        seed: u64,
        subject: CallSubject<'static>,
        log: Option<&'o InstanceLog>,
    ) -> CallOptions<'o> {
        let subject = CallSubject { step: Some(&self.step.name), ..subject };
        let access = self.step.access.as_ref();
        CallOptions { limits: &self.step.limits, stop: self.stop, seed, access, log, subject }
    }
}

/// The rows of one call, with the columns that the step reads converted to the contract's types.
pub(crate) struct CallInput<'a> {
    rows: &'a Rows,
    range: Range<usize>,
    columns: Vec<LoweredColumn>,
    /// The columns before their conversion, if the component asks for them.
    exact: CallColumns,
}

impl<'a> CallInput<'a> {
    /// Converts a range of rows.
    ///
    /// # Errors
    /// A value cannot be converted, or is null in a column that the step takes no nulls in. The failure names the row.
    pub(crate) fn new(step: &Step, rows: &'a Rows, range: Range<usize>) -> Result<Self, Box<Failure>> {
        let schema = rows.columns.schema_ref();
        let mut columns = Vec::with_capacity(step.inputs.len());
        let asks_for_columns = step.component.asks_for_columns();
        let non_finite = if asks_for_columns { NonFinite::Text } else { NonFinite::Error };
        let mut exact = Vec::new();
        for (column, position) in step.signature.inputs.iter().zip(&step.inputs) {
            let Some(position) = position else { continue };
            let array = rows.columns.column(*position).slice(range.start, range.len());
            let field = &schema.fields()[*position];
            if asks_for_columns {
                exact.push((Arc::clone(field), Arc::clone(&array)));
            }
            let array = as_contract(&array, field, column.data_type, non_finite)
                .map_err(|error| not_convertible(column, &error, rows, &range))?;
            if !column.nullable
                && let Some(row) = first_null(array.as_ref())
            {
                return Err(unexpected_null(column, rows, range.start + row));
            }
            let lowered = LoweredColumn::new(Arc::clone(&column.name), &array, column.data_type);
            columns.push(if asks_for_columns { lowered.with_exact_type(field.data_type()) } else { lowered });
        }
        Ok(Self { rows, range, columns, exact })
    }

    /// Returns the number of rows.
    pub(crate) fn count(&self) -> usize {
        self.range.len()
    }

    /// Returns the converted columns, in the order of the signature.
    pub(crate) fn columns(&self) -> &[LoweredColumn] {
        &self.columns
    }

    /// Turns a row that the guest or a check counted from the start of the range into its place in the input.
    fn locate(&self, mut failure: Box<Failure>) -> Box<Failure> {
        let row = failure.row.take().and_then(|row| usize::try_from(row.index).ok());
        failure.row = row.filter(|row| *row < self.range.len()).and_then(|row| self.rows.place(self.range.start + row));
        failure
    }
}

/// One instance of a step. It is instantiated and bound in its first call, and lives until it is dropped or a call fails.
pub(crate) struct StepInstance {
    session: Session,
    /// The snapshot that the instance starts from. `None` for the component.
    snapshot: Option<Arc<Snapshot>>,
    is_bound: bool,
    log: Option<InstanceLog>,
    /// Calls so far.
    calls: u64,
    /// The batch of the next call, if it is known.
    batch: Option<u64>,
}

impl StepInstance {
    /// Creates an instance whose random numbers are seeded with `seed`.
    pub(crate) fn new(callee: Callee<'_>, seed: u64) -> Self {
        Self::with_log(callee, seed, None)
    }

    /// Creates an instance with a log, which records or replays everything that is returned to the instance.
    pub(crate) fn with_log(callee: Callee<'_>, seed: u64, log: Option<InstanceLog>) -> Self {
        let options = callee.options(seed, CallSubject::function("process"), log.as_ref());
        let snapshot = callee.step.snapshot.as_ref().and_then(|snapshot| snapshot.get()).map(Arc::clone);
        let session = Session::new(callee.sandbox, &options);
        Self { session, snapshot, is_bound: false, log, calls: 0, batch: None }
    }

    /// Returns the number of calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// Returns the log, if there is one.
    pub(crate) fn log(&self) -> Option<&InstanceLog> {
        self.log.as_ref()
    }

    /// Sets the number of the batch of the next call, for an instance that processes several.
    pub(crate) fn set_batch(&mut self, batch: u64) {
        self.batch = Some(batch);
        self.session.set_batch(batch);
    }

    /// Calls `process` with a batch.
    ///
    /// # Errors
    /// The step fails, or its output breaks the contract or a limit. Rows that it rejects are part of the output.
    pub(crate) fn process(&mut self, callee: Callee<'_>, input: &CallInput<'_>) -> Result<StepOutput, Box<Failure>> {
        let columns: Vec<_> = input.columns.iter().map(LoweredColumn::column).collect();
        let batch = Batch { rows: input.count() as u32, columns: &columns };
        let rows = Some(input.count() as u64);
        let subject = CallSubject { batch: self.batch, rows, ..CallSubject::function("process") };
        let mut reasons = DropReasons::default();
        let records_drops = callee.step.records_drops;
        let answer = self.call(callee, subject, async |store, guest| {
            store.data_mut().set_columns(input.exact.clone());
            if records_drops {
                store.data_mut().record_drop_reasons();
            }
            let output = guest.process(store, batch).await;
            reasons = store.data_mut().take_drop_reasons();
            output
        });
        let output = self.answered(answer.map_err(|failure| input.locate(failure))?)?;
        let checked = self.checked(callee.step, output, GivenRows::Batch(input.count()));
        let checked = checked.map_err(|failure| input.locate(failure))?;
        check_repeated(callee.step, &checked, input).map_err(|mut failure| {
            self.captured().attach_to(&mut failure);
            failure
        })?;
        Ok(StepOutput::new(checked, reasons, self.captured()))
    }

    /// Calls `finish`. Returns `None` when the step has no more rows.
    ///
    /// # Errors
    /// The step fails, or its output breaks the contract or a limit.
    pub(crate) fn finish(
        &mut self,
        callee: Callee<'_>,
        given: GivenRows,
    ) -> Result<Option<CheckedOutput>, Box<Failure>> {
        let subject = CallSubject::function("finish");
        let answer = self.call(callee, subject, async |store, guest| guest.finish(store).await)?;
        let output = self.answered(answer)?;
        output.map(|output| self.checked(callee.step, output, given)).transpose()
    }

    /// Returns what the guest has logged and written so far.
    pub(crate) fn captured(&self) -> &CapturedOutput {
        self.session.captured()
    }

    /// Returns the peak of the instance's linear memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.session.peak_memory()
    }

    fn call<R>(
        &mut self,
        callee: Callee<'_>,
        subject: CallSubject<'static>,
        work: impl AsyncFnOnce(&mut Store<State>, &mut Guest) -> wasmtime::Result<Result<R, StepError>>,
    ) -> Result<Result<R, StepError>, Box<Failure>> {
        let (step, is_bound) = (callee.step, std::mem::replace(&mut self.is_bound, true));
        self.calls += 1;
        let snapshot = self.snapshot.as_deref();
        let component = snapshot.map_or(&*step.component, Snapshot::component);
        let to_bind = (!is_bound && snapshot.is_none()).then(Instant::now);
        self.session.call(callee.sandbox, component, &callee.options(0, subject, None), async |store, guest| {
            if let Some(started) = to_bind {
                if let Err(error) = guest.bind(store, &step.parameters).await? {
                    return Ok(Err(error));
                }
                if let Some(snapshot) = &step.snapshot {
                    snapshot.note_start(started.elapsed(), callee.stop);
                }
            } else if !is_bound && let Some(snapshot) = snapshot {
                store.data_mut().log_again(snapshot.log());
            }
            work(store, guest).await
        })
    }

    fn answered<R>(&self, answer: Result<R, StepError>) -> Result<R, Box<Failure>> {
        answer.map_err(|error| Box::new(from_step_error(error, self.captured())))
    }

    fn checked(&self, step: &Step, output: Output, given: GivenRows) -> Result<CheckedOutput, Box<Failure>> {
        check(output, given, &step.signature, &step.limits).map_err(|mut failure| {
            self.captured().attach_to(&mut failure);
            failure
        })
    }
}

/// Bounds the memory of the columns that are carried along: rows that the origins repeat are copied.
fn check_repeated(step: &Step, output: &CheckedOutput, input: &CallInput<'_>) -> Result<(), Box<Failure>> {
    let Some(origins) = &output.origins else { return Ok(()) };
    let carried = step.column_sources.iter().filter_map(|source| match source {
        ColumnSource::Carried(index) => Some(*index),
        ColumnSource::Output(_) => None,
    });
    let carried: Vec<usize> = carried.collect();
    let columns: Vec<&ArrayRef> = carried.iter().map(|index| input.rows.columns.column(*index)).collect();
    let schema = input.rows.columns.schema_ref();
    let names = LazyCell::new(|| -> HashSet<&str> {
        carried.iter().map(|index| schema.field(*index).name().as_str()).collect()
    });
    // As if they were arrays of texts, whose offsets are counted with the columns.
    let text_bytes = |value: &str| serde_json::from_str::<Cow<'_, str>>(value).map_or(0, |text| text.len() as u64);
    let carried_bytes = |row: usize| {
        let chunk_row = input.rows.origin.row(row);
        match input.rows.origin.carried() {
            None => 0,
            Some(Carried::Text(texts)) => {
                let values = texts.values(chunk_row).filter(|(name, _)| names.contains(name));
                values.filter(|(_, value)| value.starts_with('"')).map(|(_, value)| text_bytes(value)).sum()
            }
            Some(Carried::Rows(rows)) => {
                let decoded = rows.decoded().into_iter();
                let columns =
                    names.iter().filter_map(|name| decoded.clone().find_map(|rows| rows.column_by_name(name)));
                row_bytes(columns, chunk_row)
            }
        }
    };
    let bytes = repeated_bytes(&columns, input.range.start, origins, carried_bytes);
    let most = step.limits.output_bytes.min(MAX_REPEATED);
    if bytes <= most {
        return Ok(());
    }
    let limit = format_size(step.limits.output_bytes);
    let message = format!("it repeats rows whose other columns take {bytes} bytes, and at most {most} are copied");
    Err(Box::new(Failure::limit(FailureKind::BadOutput, message, "output-bytes", limit)))
}

fn unexpected_null(column: &Column, rows: &Rows, row: usize) -> Box<Failure> {
    let message = format!("the column {:?} is null, and the step does not take null there", column.name);
    let mut failure = Failure::new(FailureKind::Incompatible, message)
        .with_hint("fill the value, filter such rows before this step, or let the step take null");
    failure.row = rows.place(row);
    Box::new(failure)
}

fn not_convertible(column: &Column, error: &ConvertError, rows: &Rows, range: &Range<usize>) -> Box<Failure> {
    let message = format!("the column {:?} cannot be read as {}", column.name, column.data_type);
    let mut failure = Box::new(Failure::new(FailureKind::Incompatible, message));
    failure.causes.push(error.to_string());
    failure.row = error.row().and_then(|row| rows.place(range.start + row));
    failure
}
