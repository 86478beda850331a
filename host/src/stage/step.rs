//! One step applied to some rows: convert, call, check.

use std::ops::Range;
use std::sync::Arc;

use super::Stage;
use crate::batch::{Checked, ConvertError, Lowered, Rows, as_contract, check, first_null};
use crate::component::Column;
use crate::component::bindings::types::Batch;
use crate::failure::{self, Failure, FailureKind};
use crate::plan::Step;
use crate::sandbox::{Said, Terms};

/// Calls a step with some of the rows of a batch, in a fresh instance.
///
/// # Errors
/// The rows do not have the shape that the step asks for, or the step fails. Rows that it refuses are no failure yet.
pub(super) fn call(
    step: &Step,
    rows: &Rows,
    range: &Range<usize>,
    batch: u64,
    stage: &Stage,
) -> Result<(Checked, Said), Box<Failure>> {
    let lowered = lower(step, rows, range)?;
    let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
    let input = Batch { rows: range.len() as u32, columns: &columns };
    let terms = Terms { limits: &step.limits, stop: &stage.stop, seed: batch };
    let answer = stage.sandbox.call(&step.component, &terms, async |store, instance| {
        let guest = instance.stillbox_step_guest();
        match guest.call_bind(&mut *store, &step.parameters).await? {
            Ok(_) => guest.call_process(&mut *store, input).await,
            Err(error) => Ok(Err(error)),
        }
    });
    let (answer, said) = answer.map_err(|mut failure| {
        // The guest counts from the beginning of what it was given.
        let row = failure.row.take().and_then(|row| usize::try_from(row.index).ok());
        failure.row = row.filter(|row| *row < range.len()).and_then(|row| rows.place(range.start + row));
        failure
    })?;
    let output = answer.map_err(|error| Box::new(failure::of_step(error, &said)))?;
    match check(output, range.len(), &step.signature, &step.limits) {
        Ok(checked) => Ok((checked, said)),
        Err(mut failure) => {
            said.tell(&mut failure);
            Err(failure)
        }
    }
}

pub(crate) fn lower(step: &Step, rows: &Rows, range: &Range<usize>) -> Result<Vec<Lowered>, Box<Failure>> {
    let schema = rows.columns.schema_ref();
    let mut lowered = Vec::with_capacity(step.inputs.len());
    for (column, position) in step.signature.inputs.iter().zip(&step.inputs) {
        let Some(position) = position else { continue };
        let array = rows.columns.column(*position).slice(range.start, range.len());
        let array = as_contract(&array, schema.field(*position), column.data_type)
            .map_err(|error| unfit(column, &error, rows, range))?;
        if !column.nullable
            && let Some(row) = first_null(array.as_ref())
        {
            let message = format!("the column {:?} is null, and the step does not take null there", column.name);
            let mut failure = Box::new(Failure::new(FailureKind::Incompatible, message));
            failure.row = rows.place(range.start + row);
            return Err(failure.hinted("fill the value, or filter such rows before this step"));
        }
        lowered.push(Lowered::new(Arc::clone(&column.name), &array, column.data_type));
    }
    Ok(lowered)
}

fn unfit(column: &Column, error: &ConvertError, rows: &Rows, range: &Range<usize>) -> Box<Failure> {
    let message = format!("the column {:?} cannot be read as {}", column.name, column.data_type);
    let mut failure = Box::new(Failure::new(FailureKind::Incompatible, message));
    failure.causes.push(error.to_string());
    failure.row = error.row().and_then(|row| rows.place(range.start + row));
    failure
}
