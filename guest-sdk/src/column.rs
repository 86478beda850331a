//! The columns of a signature, and finding them in a batch.

use std::collections::HashSet;

use crate::any::AnyColumn;
use crate::contract::{Column, DataType, ErrorKind, Field};
use crate::input::{ColumnReader, InputType};
use crate::parameters::Parameters;
use crate::sent::Sent;
use crate::{Error, Result};

/// What a field of a struct says of its column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// The field.
    pub field: &'static str,
    /// The column's name, unless a parameter gives it.
    pub name: &'static str,
    /// The parameter that gives the column's name.
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

    /// The name that a parameter gives the column, if one does.
    fn given_name<'p, P: Parameters>(&self, parameters: &'p P) -> Option<&'p str> {
        self.from.and_then(|key| Parameters::text(parameters, key))
    }

    /// Where the column has its name from, for a message.
    fn origin<P: Parameters>(&self, parameters: &P) -> String {
        match (self.from, self.given_name(parameters)) {
            (Some(key), Some(_)) => format!("the parameter `{key}`"),
            _ => format!("the field `{}`", self.field),
        }
    }
}

/// The columns of a signature, once the parameters have named them.
pub(crate) fn resolve<P: Parameters>(specs: &[ColumnSpec], parameters: &P, side: &str) -> Result<Vec<Field>> {
    let fields: Vec<Field> = specs.iter().map(|spec| spec.resolve(parameters)).collect();
    for (i, field) in fields.iter().enumerate() {
        if let Some(first) = fields[..i].iter().position(|other| other.name == field.name) {
            let [one, other] = [first, i].map(|i| specs[i].origin(parameters));
            let name = &field.name;
            let message = format!("two {side} columns have the name `{name}`: {one} and {other} give it");
            return Err(Error::new(message).or_kind(ErrorKind::Parameters));
        }
    }
    Ok(fields)
}

/// The columns that parameters decide, each of which has a name of its own.
pub(crate) fn distinct(fields: Vec<Field>, side: &str) -> Result<Vec<Field>> {
    let mut seen = HashSet::with_capacity(fields.len());
    match fields.iter().find(|field| !seen.insert(&field.name)) {
        Some(field) => Err(Error::parameters(format_args!("two {side} columns have the name `{}`", field.name))),
        None => Ok(fields),
    }
}

impl Field {
    /// A column that may have nulls, for [`AnyRow`](crate::any::AnyRow) and [`AnyOutput`](crate::any::AnyOutput).
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: true, optional: false }
    }

    /// The same column, which may be missing from the input.
    #[must_use]
    pub fn or_missing(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// Fails to compile when a column takes its name from a parameter that there isn't, or that is no text.
///
/// # Panics
/// At compile time, for that is its purpose.
pub const fn assert_names(specs: &[ColumnSpec], keys: &[(&str, bool)]) {
    let mut i = 0;
    while i < specs.len() {
        if let Some(from) = specs[i].from {
            let mut known = false;
            let mut j = 0;
            while j < keys.len() {
                if same(from, keys[j].0) {
                    assert!(keys[j].1, "`#[column(from = \"...\")]` names a parameter that is no `String`");
                    known = true;
                }
                j += 1;
            }
            assert!(known, "`#[column(from = \"...\")]` names no parameter of this step; write its name in kebab-case");
        }
        i += 1;
    }
}

/// Whether two texts are the same, for constants.
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

/// Opens the columns of a batch, one field after the other.
#[derive(Debug)]
pub struct Opener<'a> {
    sent: Sent<'a>,
    fields: std::vec::IntoIter<Field>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(sent: Sent<'a>, fields: Vec<Field>) -> Self {
        Self { sent, fields: fields.into_iter() }
    }

    /// Opens the column of the next field.
    ///
    /// # Errors
    /// The column is missing or broken. The host is at fault then.
    pub fn required<T: InputType<'a>>(&mut self) -> Result<T::Column> {
        let field = self.next_field();
        match self.find(&field.name) {
            Some(column) => self.open::<T>(column),
            None => Err(no_column(&field.name)),
        }
    }

    /// Opens the column of the next field, which may be missing.
    ///
    /// # Errors
    /// The column is broken. The host is at fault then.
    pub fn optional<T: InputType<'a>>(&mut self) -> Result<Option<T::Column>> {
        let field = self.next_field();
        self.find(&field.name).map(|column| self.open::<T>(column)).transpose()
    }

    /// Opens the columns of all fields that are left. One that is missing is none.
    ///
    /// # Errors
    /// A column is missing that may not be, or broken. The host is at fault then.
    pub(crate) fn rest(&mut self) -> Result<Vec<Option<AnyColumn<'a>>>> {
        let fields = std::mem::take(&mut self.fields);
        let open = |field: Field| match self.find(&field.name) {
            Some(column) => {
                let opened = AnyColumn::open(column, field.data_type, self.sent.batch.rows as usize, self.sent.sender);
                opened.map(Some).map_err(|broken| broken_column(column, broken))
            }
            None if field.optional => Ok(None),
            None => Err(no_column(&field.name)),
        };
        fields.map(open).collect()
    }

    fn next_field(&mut self) -> Field {
        self.fields.next().expect("the derived code opens as many columns as it has fields")
    }

    fn find(&self, name: &str) -> Option<&'a Column> {
        self.sent.batch.columns.iter().find(|column| column.name == name)
    }

    fn open<T: InputType<'a>>(&self, column: &'a Column) -> Result<T::Column> {
        let rows = self.sent.batch.rows as usize;
        let opened = match &column.validity {
            Some(bitmap) if !T::NULLABLE && !all_set(bitmap, rows) => Err("a value is null"),
            _ => T::Column::open(column, rows, self.sent.sender),
        };
        opened.map_err(|broken| broken_column(column, broken))
    }
}

fn no_column(name: &str) -> Error {
    Error::internal(format_args!("the host sent no column `{name}`"))
}

fn broken_column(column: &Column, broken: &str) -> Error {
    Error::internal(format_args!("the host sent a broken column `{}`: {broken}", column.name))
}

/// Whether the first bits of a bitmap are set.
fn all_set(bitmap: &[u8], rows: usize) -> bool {
    (0..rows).all(|row| bitmap.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1))
}
