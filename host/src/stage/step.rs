//! One step applied to some rows: convert, call, check, and put the columns in their places.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_select::take::take;

use super::Stage;
use crate::batch::{Checked, ConvertError, Lowered, Rows, as_contract, check, first_null};
use crate::component::Column;
use crate::component::bindings::types::Batch;
use crate::failure::{self, Failure, FailureKind};
use crate::plan::{Placement, Step};
use crate::report::StepReport;
use crate::sandbox::{Said, Terms};

/// Applies a step in a fresh instance.
///
/// # Errors
/// The rows do not have the shape that the step asks for, or the step fails, or refuses a row.
pub(super) fn apply(
    step: &Step,
    input: Rows,
    batch: u64,
    stage: &Stage,
    report: &mut StepReport,
) -> Result<Rows, Box<Failure>> {
    report.rows_in = input.count() as u64;
    if input.count() == 0 {
        return Ok(Rows::none(Arc::clone(&step.schema), input.origin));
    }
    let lowered = lower(step, &input)?;
    let (checked, said) = call(step, &lowered, &input, batch, stage, report).map_err(|mut failure| {
        failure.row = failure.row.and_then(|row| input.place(usize::try_from(row.index).ok()?));
        failure
    })?;
    drop(lowered);
    if let Some(rejection) = checked.rejections.into_iter().next() {
        let row = input.place(rejection.row as usize);
        let mut failure = Box::new(failure::of_step(rejection.error, &said));
        failure.row = row;
        return Err(failure);
    }
    report.rows_out = checked.rows as u64;
    report.dropped = checked.dropped as u64;
    assemble(step, input, checked.rows, checked.columns, checked.origins).map_err(|error| Box::new(Failure::host(&error)))
}

fn lower(step: &Step, input: &Rows) -> Result<Vec<Lowered>, Box<Failure>> {
    let mut lowered = Vec::with_capacity(step.inputs.len());
    for (column, position) in step.signature.inputs.iter().zip(&step.inputs) {
        let Some(position) = position else { continue };
        let schema = input.columns.schema_ref();
        let array = as_contract(input.columns.column(*position), schema.field(*position), column.data_type)
            .map_err(|error| unfit(column, &error, input))?;
        if !column.nullable
            && let Some(row) = first_null(array.as_ref())
        {
            let message = format!("the column {:?} is null, and the step does not take null there", column.name);
            let mut failure = Box::new(Failure::new(FailureKind::Incompatible, message));
            failure.row = input.place(row);
            return Err(failure.hinted("fill the value, or filter such rows before this step"));
        }
        lowered.push(Lowered::new(Arc::clone(&column.name), &array, column.data_type));
    }
    Ok(lowered)
}

fn unfit(column: &Column, error: &ConvertError, input: &Rows) -> Box<Failure> {
    let message = format!("the column {:?} cannot be read as {}", column.name, column.data_type);
    let mut failure = Box::new(Failure::new(FailureKind::Incompatible, message));
    failure.causes.push(error.to_string());
    failure.row = error.row().and_then(|row| input.place(row));
    failure
}

fn call(
    step: &Step,
    lowered: &[Lowered],
    input: &Rows,
    batch: u64,
    stage: &Stage,
    report: &mut StepReport,
) -> Result<(Checked, Said), Box<Failure>> {
    let terms = Terms { limits: &step.limits, stop: &stage.stop, seed: batch };
    let columns: Vec<_> = lowered.iter().map(Lowered::column).collect();
    let batch = Batch { rows: input.count() as u32, columns: &columns };
    report.instances += 1;
    let (answer, said) = stage.sandbox.call(&step.component, &terms, async |store, instance| {
        let guest = instance.stillbox_step_guest();
        match guest.call_bind(&mut *store, &step.parameters).await? {
            Ok(_) => guest.call_process(&mut *store, batch).await,
            Err(error) => Ok(Err(error)),
        }
    })?;
    let output = answer.map_err(|error| Box::new(failure::of_step(error, &said)))?;
    let mut checked = check(output, input.count(), &step.signature, &step.limits);
    if let Err(failure) = &mut checked {
        said.tell(failure);
    }
    Ok((checked?, said))
}

/// Puts made and carried columns into their places.
fn assemble(
    step: &Step,
    input: Rows,
    rows: usize,
    made: Vec<ArrayRef>,
    origins: Option<Vec<u32>>,
) -> Result<Rows, arrow_schema::ArrowError> {
    let is_same = |origins: &[u32]| {
        origins.len() == input.count() && origins.iter().enumerate().all(|(row, origin)| row == *origin as usize)
    };
    let origins = origins.filter(|origins| !is_same(origins));
    let origin = match &origins {
        None => input.origin.clone(),
        Some(origins) => input.origin.select(origins),
    };
    let indices = origins.map(UInt32Array::from);
    let columns = step.placements.iter().map(|placement| match placement {
        Placement::Made(index) => Ok(Arc::clone(&made[*index])),
        Placement::Carried(index) => {
            let column = input.columns.column(*index);
            indices.as_ref().map_or_else(|| Ok(Arc::clone(column)), |indices| take(column, indices, None))
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let columns = RecordBatch::try_new_with_options(Arc::clone(&step.schema), columns, &options)?;
    Ok(Rows { columns, origin })
}
