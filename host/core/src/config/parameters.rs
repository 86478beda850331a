//! `parameters`: the parameters of a step, converted from TOML to JSON. The step itself checks them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::entry::integer;
use super::location::ConfigLocation;
use super::parse_context::{ParseContext, shortened};
use super::table::Table;

/// The parameters of a step, with the location of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The parameters in the order of the file. Dates and times are strings in the form of RFC 3339.
    pub values: Map<String, Value>,
    /// The location of `parameters`, or of the step if it has none.
    pub location: ConfigLocation,
    /// The location of each value by its JSON Pointer (RFC 6901), such as `/column` or `/stop-words/2`.
    locations: BTreeMap<String, ConfigLocation>,
}

impl Parameters {
    /// Creates an empty set of parameters for a step at `location`.
    pub(crate) fn none(location: ConfigLocation) -> Self {
        Self { values: Map::new(), location, locations: BTreeMap::new() }
    }

    /// Returns the location of a value, by its JSON Pointer (RFC 6901). Falls back to the nearest enclosing value, and finally to
    /// the parameters as a whole.
    pub fn location_of(&self, pointer: &str) -> &ConfigLocation {
        let mut pointer = pointer;
        loop {
            if let Some(location) = self.locations.get(pointer) {
                return location;
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return &self.location,
            }
        }
    }

    /// Sets the value at a path of keys. Creates missing tables.
    ///
    /// # Errors
    /// A key before the last leads to a value that is not a table. Returns the number of keys up to and including it.
    pub(super) fn set(&mut self, path: &[&str], value: Value, location: &ConfigLocation) -> Result<(), usize> {
        let Some((last, tables)) = path.split_last() else {
            return Err(0);
        };
        let mut table = &mut self.values;
        let mut pointer = String::new();
        for (depth, key) in tables.iter().enumerate() {
            pointer = child(&pointer, key);
            self.locations.entry(pointer.clone()).or_insert_with(|| location.clone());
            let inner = table.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            table = inner.as_object_mut().ok_or(depth + 1)?;
        }
        table.insert((*last).to_owned(), value);
        let pointer = child(&pointer, last);
        let inside = format!("{pointer}/");
        self.locations.retain(|other, _| !other.starts_with(&inside));
        self.locations.insert(pointer, location.clone());
        Ok(())
    }
}

/// Reads `parameters`, by default an empty table.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Parameters {
    let mut parameters = Parameters::none(table.location());
    let Some(entry) = table.take("parameters") else {
        return parameters;
    };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table", context);
        return parameters;
    };
    parameters.location = ConfigLocation::Span(entry.key);
    parameters.read_entries(entries, context);
    parameters
}

/// Reads a TOML document as parameters.
pub(super) fn from_document(entries: &DeTable<'_>, context: &mut ParseContext<'_>) -> Parameters {
    let mut parameters = Parameters::none(ConfigLocation::File);
    parameters.read_entries(entries, context);
    parameters
}

impl Parameters {
    /// Converts all entries of a table, and reports those that JSON cannot represent.
    fn read_entries(&mut self, entries: &DeTable<'_>, context: &mut ParseContext<'_>) {
        let mut reader = ParameterReader { locations: &mut self.locations, diagnostics: Vec::new() };
        self.values = reader.table(entries, "");
        for diagnostic in reader.diagnostics {
            context.push(diagnostic);
        }
    }
}

/// Converts a single TOML value to JSON.
///
/// # Errors
/// The value contains something that JSON cannot represent.
pub(super) fn from_toml(value: &DeValue<'_>, location: &ConfigLocation) -> Result<Value, Diagnostic> {
    let mut reader = ParameterReader { locations: &mut BTreeMap::new(), diagnostics: Vec::new() };
    let value = reader.value(value, location, "");
    match reader.diagnostics.into_iter().next() {
        Some(mut diagnostic) => {
            diagnostic.location = location.clone();
            Err(diagnostic)
        }
        None => Ok(value),
    }
}

/// Converts a table of parameters recursively. The parser limits the depth of nesting, so the stack does not overflow.
struct ParameterReader<'a> {
    locations: &'a mut BTreeMap<String, ConfigLocation>,
    diagnostics: Vec<Diagnostic>,
}

impl ParameterReader<'_> {
    fn table(&mut self, entries: &DeTable<'_>, pointer: &str) -> Map<String, Value> {
        let mut written: Vec<_> = entries.iter().collect();
        written.sort_by_key(|(key, _)| key.span().start);
        let mut values = Map::with_capacity(written.len());
        for (key, value) in written {
            let pointer = child(pointer, key.get_ref());
            self.locations.insert(pointer.clone(), ConfigLocation::Span(key.span()));
            values.insert(
                key.get_ref().to_string(),
                self.value(value.get_ref(), &ConfigLocation::Span(value.span()), &pointer),
            );
        }
        values
    }

    fn value(&mut self, value: &DeValue<'_>, location: &ConfigLocation, pointer: &str) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(boolean) => Value::Bool(*boolean),
            DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
            DeValue::Integer(written) => {
                let number = integer(written).and_then(|number| {
                    i64::try_from(number).map(Number::from).or_else(|_| u64::try_from(number).map(Number::from)).ok()
                });
                number.map_or_else(
                    || self.invalid(location, &written.to_string(), "does not fit into 64 bits"),
                    Value::Number,
                )
            }
            DeValue::Float(written) => {
                let number = written.as_str().parse().ok().and_then(Number::from_f64);
                number.map_or_else(|| self.invalid(location, written.as_str(), "is not a finite number"), Value::Number)
            }
            DeValue::Array(elements) => {
                let element = |(index, element): (usize, &toml::Spanned<DeValue<'_>>)| {
                    let pointer = format!("{pointer}/{index}");
                    let location = ConfigLocation::Span(element.span());
                    self.locations.insert(pointer.clone(), location.clone());
                    self.value(element.get_ref(), &location, &pointer)
                };
                Value::Array(elements.iter().enumerate().map(element).collect())
            }
            DeValue::Table(entries) => Value::Object(self.table(entries, pointer)),
        }
    }

    fn invalid(&mut self, location: &ConfigLocation, written: &str, wrong: &str) -> Value {
        let message = format!("the parameter's value {} {wrong}", shortened(written));
        self.diagnostics
            .push(Diagnostic::new(location.clone(), message).help("write it in quotes if the step takes it as text"));
        Value::Null
    }
}

/// Appends a key to a JSON Pointer, with the escapes of RFC 6901.
fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
