//! `parameters`: what a step is told. The step says what they mean; here they only become JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::check::{Check, shortened};
use super::diagnostic::Diagnostic;
use super::entry::integer;
use super::place::Place;
use super::table::Table;

/// A step's parameters, and where each was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters {
    /// The parameters in the order in which they were written. Dates and times are text in RFC 3339's form.
    pub(crate) values: Map<String, Value>,
    /// The place of `parameters`, or of the step where it has none.
    pub(crate) place: Place,
    /// The place of each value, by its path as a JSON Pointer (RFC 6901), such as `/column` or `/stop-words/2`.
    places: BTreeMap<String, Place>,
}

impl Parameters {
    /// No parameters at all, for a step that stands at `place`.
    pub(crate) fn none(place: Place) -> Self {
        Self { values: Map::new(), place, places: BTreeMap::new() }
    }

    /// Where a value was written, by its JSON Pointer (RFC 6901), or the nearest value around it; in the end the place
    /// of the parameters as a whole.
    pub(crate) fn place_of(&self, pointer: &str) -> &Place {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return place;
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return &self.place,
            }
        }
    }

    /// Sets the value at a path of keys, one after the other, making tables on the way.
    ///
    /// # Errors
    /// How many of the keys lead to something that is no table, so that there is nothing to set in it.
    pub(super) fn set(&mut self, path: &[&str], value: Value, place: &Place) -> Result<(), usize> {
        let Some((last, tables)) = path.split_last() else {
            return Err(0);
        };
        let mut table = &mut self.values;
        let mut pointer = String::new();
        for (depth, key) in tables.iter().enumerate() {
            pointer = child(&pointer, key);
            self.places.entry(pointer.clone()).or_insert_with(|| place.clone());
            let inner = table.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            table = inner.as_object_mut().ok_or(depth + 1)?;
        }
        table.insert((*last).to_owned(), value);
        let pointer = child(&pointer, last);
        let inside = format!("{pointer}/");
        self.places.retain(|other, _| !other.starts_with(&inside));
        self.places.insert(pointer, place.clone());
        Ok(())
    }
}

/// Reads `parameters`, by default an empty table.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Parameters {
    let mut parameters = Parameters::none(table.place());
    let Some(entry) = table.take("parameters") else {
        return parameters;
    };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table", check);
        return parameters;
    };
    parameters.place = Place::Span(entry.key);
    let mut reading = Reading { places: &mut parameters.places, diagnostics: Vec::new() };
    let values = reading.table(entries, "");
    for diagnostic in reading.diagnostics {
        check.push(diagnostic);
    }
    parameters.values = values;
    parameters
}

/// Reads a whole document as parameters.
pub(super) fn of_document(entries: &DeTable<'_>, check: &mut Check<'_>) -> Parameters {
    let mut parameters = Parameters::none(Place::File);
    let mut reading = Reading { places: &mut parameters.places, diagnostics: Vec::new() };
    let values = reading.table(entries, "");
    for diagnostic in reading.diagnostics {
        check.push(diagnostic);
    }
    parameters.values = values;
    parameters
}

/// A TOML value as JSON, for a place that has no table around it.
///
/// # Errors
/// What in it JSON cannot hold.
pub(super) fn from_toml(value: &DeValue<'_>, place: &Place) -> Result<Value, Diagnostic> {
    let mut reading = Reading { places: &mut BTreeMap::new(), diagnostics: Vec::new() };
    let value = reading.value(value, place, "");
    match reading.diagnostics.into_iter().next() {
        Some(mut diagnostic) => {
            diagnostic.place = place.clone();
            Err(diagnostic)
        }
        None => Ok(value),
    }
}

/// The walk through a table of parameters. The parser bounds how deep they nest, so the walk may recurse.
struct Reading<'a> {
    places: &'a mut BTreeMap<String, Place>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn table(&mut self, entries: &DeTable<'_>, pointer: &str) -> Map<String, Value> {
        let mut written: Vec<_> = entries.iter().collect();
        written.sort_by_key(|(key, _)| key.span().start);
        let mut values = Map::with_capacity(written.len());
        for (key, value) in written {
            let pointer = child(pointer, key.get_ref());
            self.places.insert(pointer.clone(), Place::Span(key.span()));
            values.insert(key.get_ref().to_string(), self.value(value.get_ref(), &Place::Span(value.span()), &pointer));
        }
        values
    }

    fn value(&mut self, value: &DeValue<'_>, place: &Place, pointer: &str) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(boolean) => Value::Bool(*boolean),
            DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
            DeValue::Integer(written) => {
                let number = integer(written).and_then(|number| {
                    i64::try_from(number).map(Number::from).or_else(|_| u64::try_from(number).map(Number::from)).ok()
                });
                number.map_or_else(
                    || self.complain(place, &written.to_string(), "does not fit into 64 bits"),
                    Value::Number,
                )
            }
            DeValue::Float(written) => {
                let number = written.as_str().parse().ok().and_then(Number::from_f64);
                number.map_or_else(|| self.complain(place, written.as_str(), "is not a finite number"), Value::Number)
            }
            DeValue::Array(elements) => {
                let element = |(index, element): (usize, &toml::Spanned<DeValue<'_>>)| {
                    let pointer = format!("{pointer}/{index}");
                    let place = Place::Span(element.span());
                    self.places.insert(pointer.clone(), place.clone());
                    self.value(element.get_ref(), &place, &pointer)
                };
                Value::Array(elements.iter().enumerate().map(element).collect())
            }
            DeValue::Table(entries) => Value::Object(self.table(entries, pointer)),
        }
    }

    fn complain(&mut self, place: &Place, written: &str, wrong: &str) -> Value {
        let message = format!("the parameter's value {} {wrong}", shortened(written));
        self.diagnostics
            .push(Diagnostic::new(place.clone(), message).help("write it in quotes if the step takes it as text"));
        Value::Null
    }
}

/// A JSON Pointer one key further, with the escapes of RFC 6901.
fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
