//! One step applied to rows: converts them, calls the step in an instance, and checks what comes back.

use std::ops::Range;
use std::sync::Arc;

use crate::batch::{ConvertError, Lowered, Rows, as_contract, first_null};
use crate::component::Column;
use crate::failure::{Failure, FailureKind};
use crate::plan::Step;

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
            let mut failure = Failure::new(FailureKind::Incompatible, message)
                .with_hint("fill the value, or filter such rows before this step");
            failure.row = rows.place(range.start + row);
            return Err(Box::new(failure));
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
