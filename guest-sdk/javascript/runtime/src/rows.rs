//! The SDK's class `Rows`, and columns, as functions of a batch return them.

use boa_engine::{JsObject, JsValue};

use crate::bindings::stillbox::step::drops::{self, DroppedRow};
use crate::bindings::stillbox::step::types::{ErrorKind, Rejection, StepError};
use crate::context::Engine;
use crate::failure::internal;
use crate::input::RowError;
use crate::output::Collector;
use crate::reading::{describe, get};
use crate::run::Bound;

/// The bytes of a reason that the host uses.
const MAX_REASON: usize = 256;

/// The reasons of dropped rows.
pub(crate) struct Reasons {
    are_recorded: bool,
    rows: Vec<DroppedRow>,
}

impl Reasons {
    pub(crate) fn new() -> Self {
        Self { are_recorded: drops::are_recorded(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: u32, mut reason: String) {
        if self.are_recorded {
            reason.truncate(reason.floor_char_boundary(MAX_REASON));
            self.rows.push(DroppedRow { row, reason });
        }
    }

    /// Passes the reasons to the host, which accepts 4 MiB in one call.
    pub(crate) fn send(self) {
        for rows in self.rows.chunks(4000) {
            drops::explain(rows);
        }
    }
}

/// Reads what the function of a batch returned.
///
/// # Errors
/// The rows break a rule, which fails the whole batch.
pub(crate) fn from_batch(
    value: &JsValue,
    rows: u32,
    mut output: Collector<'_>,
    bound: &mut Bound<'_>,
) -> Result<crate::bindings::stillbox::step::types::Output, StepError> {
    let object = value.as_object();
    if let Some(object) = object.as_ref().filter(|object| bound.is_rows(object)) {
        let mut reasons = Reasons::new();
        read_rows(object, rows, &mut output, bound, Some(&mut reasons))?;
        reasons.send();
        return Ok(output.finish(Some(rows)));
    }
    match object {
        Some(list) if list.is_array() => {
            let length = length(&list, bound)?;
            if length != u64::from(rows) {
                let message = format!(
                    "the function returned {length} rows for {rows} input rows, without naming the input row of each"
                );
                return Err(StepError { hint: Some("return `Rows`, and call `pushFrom`".into()), ..internal(message) });
            }
            for row in 0..rows {
                let value = list.get(row, &mut bound.engine.context).map_err(|error| bound.thrown(&error))?;
                let added = output.row(Some(row), &value, bound.engine);
                bound.reject_on_error(row, added, &mut output);
            }
        }
        Some(columns) => from_columns(&columns, rows, &mut output, bound)?,
        None if value.is_undefined() && bound.outputs.is_empty() => {
            for row in 0..rows {
                let added = output.values(row, &[], bound.engine);
                bound.reject_on_error(row, added, &mut output);
            }
        }
        None => {
            let found = describe(value, &mut bound.engine.context);
            return Err(internal(format!(
                "the function returned {found}: return `Rows`, a list of rows, or an object of columns"
            )));
        }
    }
    Ok(output.finish(Some(rows)))
}

fn from_columns(
    columns: &JsObject,
    rows: u32,
    output: &mut Collector<'_>,
    bound: &mut Bound<'_>,
) -> Result<(), StepError> {
    output.check_names(columns, bound.engine).map_err(|error| bound.describe(error, ErrorKind::Internal))?;
    let mut lists = Vec::new();
    for spec in bound.outputs {
        let name = spec.key.to_std_string_lossy();
        let list = columns.get(spec.key.clone(), &mut bound.engine.context).map_err(|error| bound.thrown(&error))?;
        let Some(list) = list.as_object() else {
            return Err(internal(format!("the function returned no column `{name}`")));
        };
        let length = length(&list, bound)?;
        if length != u64::from(rows) {
            return Err(internal(format!("the column `{name}` has {length} values, and the batch has {rows} rows")));
        }
        lists.push(list);
    }
    for row in 0..rows {
        let values = lists.iter().map(|list| list.get(row, &mut bound.engine.context)).collect::<Result<Vec<_>, _>>();
        let added = values.map_err(RowError::from).and_then(|values| output.values(row, &values, bound.engine));
        bound.reject_on_error(row, added, output);
    }
    Ok(())
}

fn length(list: &JsObject, bound: &mut Bound<'_>) -> Result<u64, StepError> {
    let length = get(list, "length", &mut bound.engine.context);
    let length = length.and_then(|length| length.to_length(&mut bound.engine.context));
    length.map_err(|error| bound.thrown(&error))
}

/// Adds the rows of an object of the class `Rows`. `reasons` is `None` where no row can be rejected or dropped.
///
/// # Errors
/// The rows break a rule, or one that cannot be rejected has a value that does not fit.
pub(crate) fn read_rows(
    object: &JsObject,
    rows: u32,
    output: &mut Collector<'_>,
    bound: &mut Bound<'_>,
    mut reasons: Option<&mut Reasons>,
) -> Result<(), StepError> {
    let entries = get(object, "entries", &mut bound.engine.context).map_err(|error| bound.thrown(&error))?;
    let Some(entries) = entries.as_object() else { return Err(internal("`Rows` was changed")) };
    let mut rejected = std::collections::BTreeSet::new();
    for position in 0..length(&entries, bound)? {
        let (kind, row, value) = entry(&entries, position, bound)?;
        let row = row.as_number().filter(|row| row.fract() == 0.0 && (0.0..f64::from(rows)).contains(row));
        let Some(row) = row.map(|row| row as u32) else {
            return Err(internal(format!("a row is out of range: there are {rows} input rows")));
        };
        match (&*kind, &mut reasons) {
            ("row" | "from", _) => {
                let added = output.row(Some(row), &value, bound.engine);
                match (added, &reasons) {
                    (Ok(()), _) => {}
                    (Err(error), None) => return Err(bound.describe(error, ErrorKind::Input)),
                    (error, Some(_)) if rejected.insert(row) => bound.reject_on_error(row, error, output),
                    _ => {}
                }
            }
            ("drop", Some(reasons)) => {
                reasons.add(row, value.as_string().map(|text| text.to_std_string_lossy()).unwrap_or_default());
            }
            ("reject", Some(_)) if rejected.insert(row) => {
                let error = bound.describe(RowError::Thrown(boa_engine::JsError::from_opaque(value)), ErrorKind::Input);
                output.reject(Rejection { row, error });
            }
            ("reject", Some(_)) => {}
            _ => return Err(internal("rows can be rejected and dropped only while a batch is processed")),
        }
    }
    Ok(())
}

fn entry(entries: &JsObject, position: u64, bound: &mut Bound<'_>) -> Result<(String, JsValue, JsValue), StepError> {
    let read = |engine: &mut Engine| {
        let entry = entries.get(position, &mut engine.context)?.to_object(&mut engine.context)?;
        let kind = entry.get(0, &mut engine.context)?.to_string(&mut engine.context)?.to_std_string_lossy();
        Ok((kind, entry.get(1, &mut engine.context)?, entry.get(2, &mut engine.context)?))
    };
    read(bound.engine).map_err(|error| bound.thrown(&error))
}
