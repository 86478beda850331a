//! The output of a step, row by row. An input row with an error has no output row.

use std::collections::BTreeSet;

use boa_engine::{JsObject, JsValue};

use crate::bindings::stillbox::step::types::{Output, Rejection};
use crate::cell::{Unfit, convert};
use crate::columns::{Cell, ColumnBuilder, Sizes};
use crate::context::Engine;
use crate::definition::ColumnSpec;
use crate::input::RowError;
use crate::reading::{describe, get, names};

/// Collects output rows.
pub(crate) struct Collector<'a> {
    specs: &'a [ColumnSpec],
    columns: Vec<ColumnBuilder>,
    /// The input row of each output row, or `None` for new rows.
    origins: Option<Vec<u32>>,
    rows: u32,
    rejections: Vec<Rejection>,
}

impl<'a> Collector<'a> {
    /// Creates an empty output. `has_origins` is false for rows that are new.
    pub(crate) fn new(specs: &'a [ColumnSpec], names: &[String], has_origins: bool) -> Self {
        let builders = specs.iter().zip(names);
        let builders = builders.map(|(spec, name)| ColumnBuilder::new(name.clone(), spec.column_type.clone()));
        Self {
            specs,
            columns: builders.collect(),
            origins: has_origins.then(Vec::new),
            rows: 0,
            rejections: Vec::new(),
        }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) fn reject(&mut self, rejection: Rejection) {
        self.rejections.push(rejection);
    }

    /// Adds what a function returned for an input row: one row, several, or none.
    ///
    /// # Errors
    /// A value does not fit. No row is added.
    pub(crate) fn returned(&mut self, origin: u32, value: &JsValue, engine: &mut Engine) -> Result<(), RowError> {
        if value.is_null() || value.as_boolean() == Some(false) {
            return Ok(());
        }
        let is_kept = value.as_boolean() == Some(true) || value.is_undefined();
        if is_kept && self.specs.is_empty() {
            return self.add_all(Some(origin), vec![Vec::new()]);
        }
        if value.is_undefined() {
            let hint = "return null to drop the row";
            return Err(RowError::input(
                "the function returned undefined, but the step has outputs".into(),
                Some(hint),
            ));
        }
        let mut rows = Vec::new();
        match value.as_object() {
            Some(list) if list.is_array() => {
                let length = get(&list, "length", &mut engine.context)?.to_length(&mut engine.context)?;
                for index in 0..length {
                    let row = list.get(index, &mut engine.context)?;
                    rows.push(self.cells(&row, engine)?);
                }
            }
            _ => rows.push(self.cells(value, engine)?),
        }
        self.add_all(Some(origin), rows)
    }

    /// Adds what the `process` of an aggregate returned for an input row: no row, one or several.
    ///
    /// # Errors
    /// As for [`returned`](Self::returned).
    pub(crate) fn emitted(&mut self, origin: u32, value: &JsValue, engine: &mut Engine) -> Result<(), RowError> {
        let is_kept = value.as_boolean() == Some(true) && self.specs.is_empty();
        if value.is_object() || value.is_null() || value.as_boolean() == Some(false) || is_kept {
            return self.returned(origin, value, engine);
        }
        if value.is_undefined() {
            return Ok(());
        }
        let found = describe(value, &mut engine.context);
        let hint = "return nothing, a row, or a list of rows; an arrow function without braces returns the value of its expression";
        Err(RowError::input(format!("a row must be an object, not {found}"), Some(hint)))
    }

    /// Adds one row.
    ///
    /// # Errors
    /// A value does not fit.
    pub(crate) fn row(&mut self, origin: Option<u32>, value: &JsValue, engine: &mut Engine) -> Result<(), RowError> {
        let cells = self.cells(value, engine)?;
        self.add_all(origin, vec![cells])
    }

    /// Adds a row of values by column.
    ///
    /// # Errors
    /// A value does not fit.
    pub(crate) fn values(&mut self, origin: u32, values: &[JsValue], engine: &mut Engine) -> Result<(), RowError> {
        let cells = self.specs.iter().zip(values).map(|(spec, value)| cell(spec, value, engine));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        self.add_all(Some(origin), vec![cells])
    }

    fn cells(&self, row: &JsValue, engine: &mut Engine) -> Result<Vec<Cell>, RowError> {
        let Some(object) = row.as_object().filter(|object| !object.is_array() && !object.is_callable()) else {
            let found = describe(row, &mut engine.context);
            return Err(RowError::input(format!("a row must be an object, not {found}"), None));
        };
        self.check_names(&object, engine)?;
        let mut cells = Vec::with_capacity(self.specs.len());
        for spec in self.specs {
            let value = object.get(spec.key.clone(), &mut engine.context)?;
            if value.is_undefined() && !spec.is_nullable {
                return Err(self.undefined(spec, &object, engine));
            }
            cells.push(cell(spec, &value, engine)?);
        }
        Ok(cells)
    }

    /// Returns the error of an output without a value.
    fn undefined(&self, spec: &ColumnSpec, object: &JsObject, engine: &mut Engine) -> RowError {
        let name = spec.key.to_std_string_lossy();
        match object.has_property(spec.key.clone(), &mut engine.context) {
            Ok(true) => RowError::input(
                format!("the function returned `{name}` as undefined"),
                Some(
                    "a property that is not declared in `input` is undefined; a column with nulls has the option `nullable: true`",
                ),
            ),
            Ok(false) => RowError::input(
                format!(
                    "the function returned no `{name}`, which is an output of the step; its outputs are {}",
                    self.known()
                ),
                Some("a column with nulls has the option `nullable: true`"),
            ),
            Err(error) => RowError::Thrown(error),
        }
    }

    /// The names of the outputs, for messages.
    fn known(&self) -> String {
        let known: Vec<_> = self.specs.iter().map(|spec| format!("`{}`", spec.key.to_std_string_lossy())).collect();
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    }

    /// A misspelt name must not be a column that is missing or null.
    pub(crate) fn check_names(&self, object: &JsObject, engine: &mut Engine) -> Result<(), RowError> {
        for name in names(object, &mut engine.context)? {
            if !self.specs.iter().any(|spec| spec.key == name) {
                let known = self.known();
                let name = name.to_std_string_lossy();
                return Err(RowError::input(
                    format!(
                        "the function returned `{name}`, which is not an output of the step; its outputs are {known}"
                    ),
                    Some("declare it in `output`, or leave it out: the other columns of the input are carried along"),
                ));
            }
        }
        Ok(())
    }

    /// Adds rows that come from one input row.
    ///
    /// # Errors
    /// A value does not fit those before it. No row is added.
    fn add_all(&mut self, origin: Option<u32>, rows: Vec<Vec<Cell>>) -> Result<(), RowError> {
        let mut sizes: Vec<Sizes> = self.columns.iter().map(ColumnBuilder::sizes).collect();
        for cells in &rows {
            for ((cell, sizes), spec) in cells.iter().zip(&mut sizes).zip(self.specs) {
                let misfit = |why: String| RowError::input(format!("`{}` {why}", spec.key.to_std_string_lossy()), None);
                sizes.add(cell).map_err(misfit)?;
            }
        }
        for cells in rows {
            if let (Some(origins), Some(origin)) = (&mut self.origins, origin) {
                origins.push(origin);
            }
            for ((column, cell), sizes) in self.columns.iter_mut().zip(cells).zip(&sizes) {
                column.push(cell, *sizes);
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// Removes the rows that come from rejected rows, of which others were added before.
    fn remove_rejected(&mut self) {
        let Some(origins) = &mut self.origins else { return };
        let rejected: BTreeSet<u32> = self.rejections.iter().map(|rejection| rejection.row).collect();
        let kept: Vec<bool> = origins.iter().map(|origin| !rejected.contains(origin)).collect();
        if kept.contains(&false) {
            origins.retain(|origin| !rejected.contains(origin));
            self.rows = origins.len() as u32;
            self.columns.iter_mut().for_each(|column| column.retain(&kept));
        }
    }

    /// Returns the output. `input_rows` is the number of rows of the batch, if there is one.
    pub(crate) fn finish(mut self, input_rows: Option<u32>) -> Output {
        self.remove_rejected();
        let is_identity = input_rows == Some(self.rows)
            && self.rejections.is_empty()
            && self.origins.iter().flatten().copied().eq(0..self.rows);
        if is_identity {
            self.origins = None;
        }
        self.rejections.sort_by_key(|rejection| rejection.row);
        Output {
            rows: self.rows,
            columns: self.columns.into_iter().map(ColumnBuilder::finish).collect(),
            origins: self.origins,
            rejections: self.rejections,
        }
    }
}

fn cell(spec: &ColumnSpec, value: &JsValue, engine: &mut Engine) -> Result<Cell, RowError> {
    convert(value, spec, &mut engine.context).map_err(|unfit| match unfit {
        Unfit::Message(why) => {
            let hint = (value.is_null_or_undefined() && !spec.is_nullable)
                .then_some("a column with nulls has the option `nullable: true`");
            RowError::input(format!("`{}` {why}", spec.key.to_std_string_lossy()), hint)
        }
        Unfit::Thrown(error) => RowError::Thrown(error),
    })
}
