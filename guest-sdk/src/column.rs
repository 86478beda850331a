//! The columns of a signature.

use std::collections::HashSet;

use crate::contract::{DataType, ErrorKind, Field};
use crate::parameters::Parameters;
use crate::{Error, Result};

/// The column that a field of a struct declares.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// The name of the field.
    pub field: &'static str,
    /// The column's name, unless a parameter sets it.
    pub name: &'static str,
    /// The parameter that sets the column's name.
    pub from: Option<&'static str>,
    /// The type of its values.
    pub data_type: DataType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// Whether the column may be missing.
    pub optional: bool,
}

impl ColumnSpec {
    fn resolve<P: Parameters>(&self, parameters: &P) -> Field {
        let name = self.given_name(parameters).unwrap_or(self.name);
        let Self { data_type, nullable, optional, .. } = *self;
        Field { name: name.to_owned(), data_type, nullable, optional }
    }

    /// Returns the column's name from the parameter, if a parameter sets it.
    fn given_name<'p, P: Parameters>(&self, parameters: &'p P) -> Option<&'p str> {
        self.from.and_then(|key| Parameters::text(parameters, key))
    }

    /// Describes the origin of the column's name, for a message.
    fn origin<P: Parameters>(&self, parameters: &P) -> String {
        match (self.from, self.given_name(parameters)) {
            (Some(key), Some(_)) => format!("the parameter `{key}`"),
            _ => format!("the field `{}`", self.field),
        }
    }
}

/// Returns the columns of a signature, with the names that the parameters set.
///
/// # Errors
/// Two columns have the same name.
pub(crate) fn resolve<P: Parameters>(specs: &[ColumnSpec], parameters: &P, side: &str) -> Result<Vec<Field>> {
    let fields: Vec<Field> = specs.iter().map(|spec| spec.resolve(parameters)).collect();
    for (i, field) in fields.iter().enumerate() {
        if let Some(first) = fields[..i].iter().position(|other| other.name == field.name) {
            let [one, other] = [first, i].map(|i| specs[i].origin(parameters));
            let name = &field.name;
            let message = format!("two {side} columns have the name `{name}`, set by {one} and {other}");
            return Err(Error::new(message).or_kind(ErrorKind::Parameters));
        }
    }
    Ok(fields)
}

/// Checks that the names of columns that the parameters define are distinct.
pub(crate) fn distinct(fields: Vec<Field>, side: &str) -> Result<Vec<Field>> {
    let mut seen = HashSet::with_capacity(fields.len());
    match fields.iter().find(|field| !seen.insert(&field.name)) {
        Some(field) => Err(Error::parameters(format_args!("two {side} columns have the name `{}`", field.name))),
        None => Ok(fields),
    }
}

impl Field {
    /// Creates a nullable column, for [`AnyRow`](crate::any::AnyRow) and [`AnyOutput`](crate::any::AnyOutput).
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: true, optional: false }
    }

    /// Makes the column optional: it may be missing from the input.
    #[must_use]
    pub fn or_missing(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Fails to compile if a column takes its name from an unknown parameter, or from one that is not a text.
///
/// # Panics
/// At compile time only, which reports the mistake to the author.
pub const fn assert_names(specs: &[ColumnSpec], keys: &[(&str, bool)]) {
    let mut i = 0;
    while i < specs.len() {
        if let Some(from) = specs[i].from {
            let mut known = false;
            let mut j = 0;
            while j < keys.len() {
                if same(from, keys[j].0) {
                    assert!(keys[j].1, "`#[column(from = \"...\")]` names a parameter that is not a `String`");
                    known = true;
                }
                j += 1;
            }
            assert!(known, "`#[column(from = \"...\")]` names an unknown parameter; write its name in kebab-case");
        }
        i += 1;
    }
}

/// Compares two strings in a constant expression.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut i = 0;
    while i < one.len() {
        if one[i] != other[i] {
            return false;
        }
        i += 1;
    }
    true
}
