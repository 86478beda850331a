//! A step that is bound to its parameters, and its calls.

use std::collections::HashSet;

use boa_engine::{JsError, JsNativeError, JsObject, JsResult, JsSymbol, JsValue, js_string};

use crate::bindings::stillbox::step::types::{Batch, ErrorKind, Field, Output, Rejection, Signature, StepError};
use crate::bundle::Bundle;
use crate::context::Engine;
use crate::definition::{ColumnSpec, Form};
use crate::failure::{has_prototype, internal, own_text, set_row};
use crate::input::{Columns, RowError};
use crate::output::Collector;
use crate::plain;
use crate::reading::get;
use crate::rows::{Reasons, Scope, from_batch, from_rows};
use crate::step::{Classes, Loaded};

/// Rows of one output of a source, or of the end of an aggregate.
const ROWS_AT_ONCE: u32 = 1000;

/// A step that is bound to its parameters.
#[derive(Debug)]
pub(crate) struct Instance {
    loaded: Loaded,
    parameters: JsValue,
    input_names: Vec<String>,
    output_names: Vec<String>,
    state: State,
    /// Rows that an aggregate has seen.
    seen: u32,
}

/// What a source or an aggregate does next.
#[derive(Debug)]
enum State {
    Transform,
    /// The object with `process` and `finish`.
    Aggregate(JsObject),
    /// An iterator of rows, and its function `next`.
    Iterator(JsObject, JsObject),
    Ended,
}

/// The parts of an instance that outputs are made with.
pub(crate) struct Bound<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) outputs: &'a [ColumnSpec],
    classes: &'a Classes,
    bundle: &'a Bundle,
}

impl Bound<'_> {
    pub(crate) fn is_rows(&self, object: &JsObject) -> bool {
        has_prototype(object, &self.classes.rows)
    }

    /// Describes an error of the code.
    pub(crate) fn thrown(&self, error: &JsError) -> StepError {
        self.describe(RowError::Thrown(error.clone()), ErrorKind::Input)
    }

    /// Describes an error. One that the SDK found is at the definition of the step.
    pub(crate) fn describe(&self, error: RowError, kind: ErrorKind) -> StepError {
        let mut described = match error {
            RowError::Thrown(error) => self.classes.errors.describe(&error, kind, self.bundle),
            RowError::Own(error) => *error,
        };
        if described.location.is_none() {
            described.location = Some(self.bundle.place());
        }
        described
    }

    /// Calls a function for each row, which adds the output rows. What it throws rejects or drops the row.
    fn each_row(
        &mut self,
        columns: &Columns<'_>,
        rows: u32,
        mut output: Collector<'_>,
        mut call: impl FnMut(&mut Self, u32, JsValue, &mut Collector<'_>) -> Result<(), RowError>,
    ) -> Output {
        let mut reasons = Reasons::new();
        for row in 0..rows {
            set_row(Some(row));
            let input = columns.row(row as usize, &mut self.engine.context);
            let added = input.and_then(|value| call(self, row, value, &mut output));
            match added {
                Err(RowError::Thrown(error)) if self.classes.errors.as_drop(&error).is_some() => {
                    let reason = self.classes.errors.as_drop(&error).and_then(|drop| own_text(&drop, "message"));
                    reasons.add(row, reason.unwrap_or_default());
                }
                added => self.reject_on_error(row, added, &mut output),
            }
        }
        reasons.send();
        output.finish(Some(rows))
    }

    /// Calls a function, and checks that it returned no `Rows`, which are for batches.
    fn call_for_row(
        &mut self,
        function: &JsObject,
        this: &JsValue,
        arguments: &[JsValue],
    ) -> Result<JsValue, RowError> {
        let returned = self.engine.call(function, this, arguments)?;
        if returned.as_object().is_some_and(|object| self.is_rows(&object)) {
            let hint = "return a row or a list of rows, or write a function of a batch";
            return Err(RowError::input("the function of a row returned `Rows`".into(), Some(hint)));
        }
        Ok(returned)
    }

    pub(crate) fn reject_on_error(&self, row: u32, added: Result<(), RowError>, output: &mut Collector<'_>) {
        if let Err(error) = added {
            output.reject(Rejection { row, error: self.describe(error, ErrorKind::Input) });
        }
    }
}

impl Instance {
    /// Binds a step to its parameters.
    ///
    /// # Errors
    /// The parameters are wrong, or a source or an aggregate cannot be created.
    pub(crate) fn bind(mut loaded: Loaded, parameters: &str) -> Result<(Self, Signature), StepError> {
        let parameters = loaded.definition.clone().read_parameters(parameters, &mut loaded.engine.context)?;
        loaded.resolve(&parameters)?;
        let definition = loaded.definition.clone();
        let input_names = names(&definition.inputs, &parameters, &mut loaded)?;
        let output_names = names(&definition.outputs, &parameters, &mut loaded)?;
        let signature = Signature {
            inputs: fields(&definition.inputs, &input_names),
            outputs: fields(&definition.outputs, &output_names),
        };
        let parameters = JsValue::from(parameters);
        let mut instance = Self { loaded, parameters, input_names, output_names, state: State::Transform, seen: 0 };
        instance
            .start()
            .map_err(|error| instance.parts().0.describe(RowError::Thrown(error), ErrorKind::Parameters))?;
        Ok((instance, signature))
    }

    /// Calls the function of a source or an aggregate.
    fn start(&mut self) -> JsResult<()> {
        let (run, parameters) = (self.loaded.definition.run.clone(), self.parameters.clone());
        let engine = &mut self.loaded.engine;
        self.state = match self.loaded.definition.form {
            Form::Rows | Form::Batch => State::Transform,
            Form::Source => {
                let rows = engine.call(&run, &JsValue::undefined(), &[parameters])?;
                iterator(&rows, engine)?
            }
            Form::Aggregate => {
                let value = engine.call(&run, &JsValue::undefined(), &[parameters])?;
                let object = value.as_object().ok_or_else(|| {
                    JsNativeError::typ()
                        .with_message("the function of an aggregate must return an object with `process` and `finish`")
                })?;
                State::Aggregate(object)
            }
        };
        Ok(())
    }

    fn parts(&mut self) -> (Bound<'_>, &mut State) {
        let Loaded { engine, bundle, classes, definition, .. } = &mut self.loaded;
        (Bound { engine, outputs: &definition.outputs, classes, bundle }, &mut self.state)
    }

    /// Processes a batch.
    ///
    /// # Errors
    /// The whole batch fails.
    pub(crate) fn process(&mut self, batch: &Batch) -> Result<Output, StepError> {
        let inputs = self.loaded.definition.inputs.clone();
        let names = self.input_names.clone();
        let columns = Columns::new(&inputs, &names, batch);
        let output = match self.loaded.definition.form {
            Form::Rows => Ok(self.process_rows(&columns, batch.rows)),
            Form::Batch => self.process_batch(&columns, batch.rows),
            Form::Aggregate => self.aggregate(&columns, batch.rows),
            Form::Source => Err(internal("a source has no batches")),
        };
        set_row(None);
        output.map_err(|error| self.with_place(error))
    }

    /// Adds the place of the definition to an error that the SDK found.
    fn with_place(&self, error: StepError) -> StepError {
        let location = error.location.or_else(|| Some(self.loaded.bundle.place()));
        StepError { location, ..error }
    }

    fn process_rows(&mut self, columns: &Columns<'_>, rows: u32) -> Output {
        let (run, parameters) = (self.loaded.definition.run.clone(), self.parameters.clone());
        let names = self.output_names.clone();
        let (mut bound, _) = self.parts();
        let output = Collector::new(bound.outputs, &names, true);
        bound.each_row(columns, rows, output, |bound, row, value, output| {
            let returned = bound.call_for_row(&run, &JsValue::undefined(), &[value, parameters.clone()])?;
            output.returned(row, &returned, bound.engine)
        })
    }

    fn process_batch(&mut self, columns: &Columns<'_>, rows: u32) -> Result<Output, StepError> {
        let (run, parameters) = (self.loaded.definition.run.clone(), self.parameters.clone());
        let names = self.output_names.clone();
        let (mut bound, _) = self.parts();
        let returned = batch_object(columns, rows, &mut bound)
            .and_then(|batch| Ok(bound.engine.call(&run, &JsValue::undefined(), &[batch, parameters])?));
        let returned = returned.map_err(|error| bound.describe(error, ErrorKind::Input))?;
        from_batch(&returned, rows, &names, &mut bound)
    }

    /// Passes a batch to an aggregate, which can return output rows that come from it.
    fn aggregate(&mut self, columns: &Columns<'_>, rows: u32) -> Result<Output, StepError> {
        let first = self.seen;
        self.seen = self.seen.saturating_add(rows);
        let names = self.output_names.clone();
        let (mut bound, state) = self.parts();
        let State::Aggregate(object) = state else { return Err(internal("the aggregate has ended")) };
        let object = object.clone();
        let method = |name: &str, bound: &mut Bound<'_>| {
            let method = get(&object, name, &mut bound.engine.context).map_err(|error| bound.thrown(&error))?;
            Ok::<_, StepError>(method.as_callable())
        };
        let (row_method, batch_method) = (method("process", &mut bound)?, method("processBatch", &mut bound)?);
        let (this, output) = (JsValue::from(object), Collector::new(bound.outputs, &names, true));
        match (row_method, batch_method) {
            (Some(method), _) => Ok(bound.each_row(columns, rows, output, |bound, row, value, output| {
                let returned = bound.call_for_row(&method, &this, &[value, (first + row).into()])?;
                output.emitted(row, &returned, bound.engine)
            })),
            (None, Some(method)) => {
                let returned = batch_object(columns, rows, &mut bound)
                    .and_then(|batch| Ok(bound.engine.call(&method, &this, &[batch])?));
                let returned = returned.map_err(|error| bound.describe(error, ErrorKind::Input))?;
                if returned.is_null_or_undefined() {
                    return Ok(output.finish(None));
                }
                from_batch(&returned, rows, &names, &mut bound)
            }
            (None, None) => Err(internal("the aggregate has no function `process` or `processBatch`")),
        }
    }

    /// Returns the next output of a source, or of an aggregate after its last batch.
    ///
    /// # Errors
    /// The code throws, or a value does not fit.
    pub(crate) fn finish(&mut self) -> Result<Option<Output>, StepError> {
        self.next_output().map_err(|error| self.with_place(error))
    }

    fn next_output(&mut self) -> Result<Option<Output>, StepError> {
        let (seen, names) = (self.seen, self.output_names.clone());
        let (mut bound, state) = self.parts();
        if let State::Aggregate(object) = state {
            let object = object.clone();
            *state = State::Ended;
            let thrown = |error: JsError, bound: &Bound<'_>| bound.thrown(&error);
            let finish = get(&object, "finish", &mut bound.engine.context).map_err(|error| thrown(error, &bound))?;
            let Some(finish) = finish.as_callable() else {
                return Err(internal("the aggregate has no function `finish`"));
            };
            let value = bound.engine.call(&finish, &object.into(), &[]).map_err(|error| thrown(error, &bound))?;
            if value.is_null_or_undefined() {
                return Ok(None);
            }
            if let Some(rows) = value.as_object().filter(|object| bound.is_rows(object)) {
                return from_rows(&rows, Scope::AllRows(seen), &names, &mut bound).map(Some);
            }
            *state = iterator(&value, bound.engine).map_err(|error| thrown(error, &bound))?;
        }
        let State::Iterator(iterator, next) = state else { return Ok(None) };
        let (iterator, next) = (iterator.clone(), next.clone());
        let mut output = Collector::new(bound.outputs, &names, false);
        while output.rows() < ROWS_AT_ONCE {
            let item = next_item(&iterator, &next, bound.engine).map_err(|error| bound.thrown(&error))?;
            let Some(item) = item else {
                *state = State::Ended;
                break;
            };
            add_item(&item, &mut output, &mut bound)?;
        }
        Ok((output.rows() > 0).then(|| output.finish(None)))
    }
}

/// Adds a row, or each row of a list.
fn add_item(item: &JsValue, output: &mut Collector<'_>, bound: &mut Bound<'_>) -> Result<(), StepError> {
    let added = match item.as_object() {
        Some(list) if list.is_array() => (|| {
            let length = get(&list, "length", &mut bound.engine.context)?.to_length(&mut bound.engine.context)?;
            for index in 0..length {
                let row = list.get(index, &mut bound.engine.context)?;
                output.row(None, &row, bound.engine)?;
            }
            Ok(())
        })(),
        _ => output.row(None, item, bound.engine),
    };
    added.map_err(|error| bound.describe(error, ErrorKind::Input))
}

fn batch_object(columns: &Columns<'_>, rows: u32, bound: &mut Bound<'_>) -> Result<JsValue, RowError> {
    let lists = columns.lists(rows as usize, &mut bound.engine.context)?;
    let batch = bound.classes.batch.construct(&[rows.into(), lists], None, &mut bound.engine.context)?;
    Ok(batch.into())
}

/// Returns the iterator of what a function returned: an iterator, something that has one, or a single row.
fn iterator(value: &JsValue, engine: &mut Engine) -> JsResult<State> {
    let context = &mut engine.context;
    let Some(object) = value.as_object() else {
        return Err(JsNativeError::typ()
            .with_message("the function must return rows: a generator, a list, or another iterable")
            .into());
    };
    let mut iterator = object;
    if get(&iterator, "next", context)?.as_callable().is_none() {
        let symbols = [JsSymbol::async_iterator(), JsSymbol::iterator()];
        let mut method = None;
        for symbol in symbols {
            method = method.or(iterator.get(symbol, context)?.as_callable());
        }
        let Some(method) = method else {
            // A single row.
            let list = boa_engine::object::builtins::JsArray::from_iter([JsValue::from(iterator)], context);
            return self::iterator(&list.into(), engine);
        };
        let value = method.call(&iterator.into(), &[], context)?;
        iterator = value.to_object(context)?;
    }
    let next = get(&iterator, "next", context)?.as_callable();
    let next = next.ok_or_else(|| JsNativeError::typ().with_message("the iterator has no function `next`"))?;
    Ok(State::Iterator(iterator, next))
}

fn next_item(iterator: &JsObject, next: &JsObject, engine: &mut Engine) -> JsResult<Option<JsValue>> {
    let result = engine.call(next, &iterator.clone().into(), &[])?.to_object(&mut engine.context)?;
    if result.get(js_string!("done"), &mut engine.context)?.to_boolean() {
        return Ok(None);
    }
    result.get(js_string!("value"), &mut engine.context).map(Some)
}

/// Returns the names of columns, some of which parameters set.
fn names(specs: &[ColumnSpec], parameters: &JsObject, loaded: &mut Loaded) -> Result<Vec<String>, StepError> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    for spec in specs {
        let mut name = spec.name.clone().unwrap_or_else(|| spec.key.to_std_string_lossy());
        if let Some(from) = &spec.from {
            let value = get(parameters, from, &mut loaded.engine.context);
            let value = value.ok().and_then(|value| value.as_string());
            let parameter =
                loaded.definition.parameter(from).map(|parameter| parameter.name.clone()).unwrap_or_default();
            name = match value {
                Some(value) if !value.is_empty() => value.to_std_string_lossy(),
                _ => return Err(plain(ErrorKind::Parameters, format!("`{parameter}` must be the name of a column"))),
            };
        }
        if !seen.insert(name.clone()) {
            return Err(plain(ErrorKind::Parameters, format!("two columns have the name `{name}`")));
        }
        names.push(name);
    }
    Ok(names)
}

fn fields(specs: &[ColumnSpec], names: &[String]) -> Vec<Field> {
    let field = |(spec, name): (&ColumnSpec, &String)| Field {
        name: name.clone(),
        data_type: spec.column_type.data_type(),
        nullable: spec.is_nullable,
        optional: spec.is_optional,
    };
    specs.iter().zip(names).map(field).collect()
}
