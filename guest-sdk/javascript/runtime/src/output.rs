//! The output of a step, row by row. An input row with an error has no output row.

use boa_engine::{JsObject, JsValue};

use crate::bindings::stillbox::step::types::{Output, Rejection};
use crate::cell::{Unfit, convert};
use crate::columns::{Cell, ColumnBuilder};
use crate::context::Engine;
use crate::definition::ColumnSpec;
use crate::input::RowError;
use crate::reading::{describe, get, members};

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
            self.add(Some(origin), Vec::new());
            return Ok(());
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
        self.check(&rows)?;
        for row in rows {
            self.add(Some(origin), row);
        }
        Ok(())
    }

    /// Adds one row.
    ///
    /// # Errors
    /// A value does not fit.
    pub(crate) fn row(&mut self, origin: Option<u32>, value: &JsValue, engine: &mut Engine) -> Result<(), RowError> {
        let cells = [self.cells(value, engine)?];
        self.check(&cells)?;
        let [cells] = cells;
        self.add(origin, cells);
        Ok(())
    }

    /// Adds a row of values by column.
    ///
    /// # Errors
    /// A value does not fit.
    pub(crate) fn values(&mut self, origin: u32, values: &[JsValue], engine: &mut Engine) -> Result<(), RowError> {
        let cells = self.specs.iter().zip(values).map(|(spec, value)| cell(spec, value, engine));
        let cells = [cells.collect::<Result<Vec<_>, _>>()?];
        self.check(&cells)?;
        let [cells] = cells;
        self.add(Some(origin), cells);
        Ok(())
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
            cells.push(cell(spec, &value, engine)?);
        }
        Ok(cells)
    }

    /// A misspelt name must not be a column that is missing or null.
    pub(crate) fn check_names(&self, object: &JsObject, engine: &mut Engine) -> Result<(), RowError> {
        for (name, _) in members(object, &mut engine.context)? {
            if !self.specs.iter().any(|spec| spec.key == name) {
                let known: Vec<_> =
                    self.specs.iter().map(|spec| format!("`{}`", spec.key.to_std_string_lossy())).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
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

    fn check(&self, rows: &[Vec<Cell>]) -> Result<(), RowError> {
        for cells in rows {
            for ((cell, column), spec) in cells.iter().zip(&self.columns).zip(self.specs) {
                if let Some(why) = column.check(cell) {
                    return Err(RowError::input(format!("`{}` {why}", spec.key.to_std_string_lossy()), None));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, origin: Option<u32>, cells: Vec<Cell>) {
        if let (Some(origins), Some(origin)) = (&mut self.origins, origin) {
            origins.push(origin);
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.rows += 1;
    }

    /// Returns the output. `input_rows` is the number of rows of the batch, if there is one.
    pub(crate) fn finish(mut self, input_rows: Option<u32>) -> Output {
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
