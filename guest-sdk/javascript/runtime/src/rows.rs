//! The SDK's class `Rows`, and columns, as functions of a batch return them.

use std::collections::{BTreeMap, BTreeSet};

use boa_engine::{JsError, JsObject, JsValue};

use crate::bindings::stillbox::step::drops::{self, DroppedRow};
use crate::bindings::stillbox::step::types::{ErrorKind, Output, Rejection, StepError};
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
    names: &[String],
    bound: &mut Bound<'_>,
) -> Result<Output, StepError> {
    let object = value.as_object();
    if let Some(object) = object.as_ref().filter(|object| bound.is_rows(object)) {
        return from_rows(object, Scope::Batch(rows), names, bound);
    }
    let mut output = Collector::new(bound.outputs, names, true);
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

/// The input rows that origins refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// A number of rows of a batch.
    Batch(u32),
    /// All rows that an aggregate has seen.
    AllRows(u32),
}

impl Scope {
    fn rows(self) -> u32 {
        let (Self::Batch(rows) | Self::AllRows(rows)) = self;
        rows
    }
}

/// The calls of the methods of `Rows`.
#[derive(Default)]
struct Entries {
    /// Rows with the input row that each comes from.
    added: Vec<(Option<u32>, JsValue)>,
    rejected: BTreeMap<u32, StepError>,
    dropped: Vec<(u32, String)>,
}

/// Returns the output for an object of the class `Rows`. In a batch, an output row with a value that does not fit rejects the input row
/// that it comes from, and removes the other output rows of it.
///
/// # Errors
/// The rows break a rule, or one that cannot be rejected has a value that does not fit.
pub(crate) fn from_rows(
    object: &JsObject,
    scope: Scope,
    names: &[String],
    bound: &mut Bound<'_>,
) -> Result<Output, StepError> {
    let entries = Entries::read(object, scope, bound)?;
    let has_origins = entries.check(scope)?;
    let is_batch = matches!(scope, Scope::Batch(_));
    let mut output = Collector::new(bound.outputs, names, has_origins || is_batch);
    let mut rejected: BTreeSet<u32> = entries.rejected.keys().copied().collect();
    for (position, (origin, value)) in (0..).zip(entries.added) {
        // Without names, there is one row for each input row.
        let origin = if is_batch { origin.or(Some(position)) } else { origin };
        if origin.is_some_and(|origin| rejected.contains(&origin)) {
            continue;
        }
        match (output.row(origin, &value, bound.engine), origin) {
            (Ok(()), _) => {}
            (error, Some(row)) if is_batch => {
                rejected.insert(row);
                bound.reject_on_error(row, error, &mut output);
            }
            (Err(error), _) => return Err(bound.describe(error, ErrorKind::Input)),
        }
    }
    for (row, error) in entries.rejected {
        output.reject(Rejection { row, error });
    }
    let mut reasons = Reasons::new();
    for (row, reason) in entries.dropped {
        reasons.add(row, reason);
    }
    reasons.send();
    Ok(output.finish(is_batch.then_some(scope.rows())))
}

impl Entries {
    fn read(object: &JsObject, scope: Scope, bound: &mut Bound<'_>) -> Result<Self, StepError> {
        let list = get(object, "entries", &mut bound.engine.context).map_err(|error| bound.thrown(&error))?;
        let Some(list) = list.as_object() else { return Err(internal("`Rows` was changed")) };
        let mut entries = Self::default();
        for position in 0..length(&list, bound)? {
            let (kind, row, value) = entry(&list, position, bound)?;
            if kind == "push" {
                entries.added.push((None, value));
                continue;
            }
            let row = index(&row, scope, bound)?;
            match (&*kind, scope) {
                ("from", _) => entries.added.push((Some(row), value)),
                ("drop", Scope::Batch(_)) => {
                    let reason = value.as_string().map(|text| text.to_std_string_lossy());
                    entries.dropped.push((row, reason.unwrap_or_default()));
                }
                ("reject", Scope::Batch(_)) => {
                    let error = JsError::from_opaque(value);
                    let error = bound.describe(RowError::Thrown(error), ErrorKind::Input);
                    if entries.rejected.insert(row, error).is_some() {
                        return Err(internal(format!("row {row} is rejected twice")));
                    }
                }
                _ => return Err(internal("rows can be rejected and dropped only while a batch is processed")),
            }
        }
        Ok(entries)
    }

    /// Returns whether rows name the input row that they come from.
    ///
    /// # Errors
    /// The rows break a rule of the contract.
    fn check(&self, scope: Scope) -> Result<bool, StepError> {
        let named = self.added.iter().filter(|(origin, _)| origin.is_some()).count();
        if named > 0 && named < self.added.len() {
            return Err(StepError {
                hint: Some("call `push` for every row, or `pushFrom` for every row".into()),
                ..internal("some rows name the input row that they come from, and some do not")
            });
        }
        let mut origins = self.added.iter().filter_map(|(origin, _)| *origin);
        if let Some(row) = origins.find(|row| self.rejected.contains_key(row)) {
            return Err(internal(format!("row {row} is rejected, but an output row comes from it")));
        }
        if let Scope::Batch(rows) = scope
            && named == 0
            && !self.added.is_empty()
            && (self.added.len() != rows as usize || !self.rejected.is_empty())
        {
            let (added, rejected) = (self.added.len(), self.rejected.len());
            return Err(StepError {
                hint: Some("call `pushFrom` with the input row that each row comes from".into()),
                ..internal(format!(
                    "the function returned {added} rows for {rows} input rows and rejected {rejected}, without naming the input row of each"
                ))
            });
        }
        Ok(named > 0)
    }
}

/// Reads the index of an input row.
fn index(row: &JsValue, scope: Scope, bound: &mut Bound<'_>) -> Result<u32, StepError> {
    let rows = scope.rows();
    let found = row.as_number().filter(|row| row.fract() == 0.0 && (0.0..f64::from(rows)).contains(row));
    found.map(|row| row as u32).ok_or_else(|| {
        let found = describe(row, &mut bound.engine.context);
        internal(format!("row {found} is out of range: there are {rows} input rows"))
    })
}

fn entry(entries: &JsObject, position: u64, bound: &mut Bound<'_>) -> Result<(String, JsValue, JsValue), StepError> {
    let read = |engine: &mut Engine| {
        let entry = entries.get(position, &mut engine.context)?.to_object(&mut engine.context)?;
        let kind = entry.get(0, &mut engine.context)?.to_string(&mut engine.context)?.to_std_string_lossy();
        Ok((kind, entry.get(1, &mut engine.context)?, entry.get(2, &mut engine.context)?))
    };
    read(bound.engine).map_err(|error| bound.thrown(&error))
}
