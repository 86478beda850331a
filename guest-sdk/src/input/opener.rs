//! Finds and opens the columns of a batch.

use super::{ColumnReader, ContractViolation, InputType};
use crate::contract::{Column, DataType, Field};
use crate::received::{ReceivedBatch, TextGuarantee};
use crate::{Error, Result};

/// Opens the columns of a batch in the order of the fields.
#[derive(Debug)]
pub struct Opener<'a> {
    received: ReceivedBatch<'a>,
    fields: std::vec::IntoIter<Field>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(received: ReceivedBatch<'a>, fields: Vec<Field>) -> Self {
        Self { received, fields: fields.into_iter() }
    }

    /// Opens the column of the next field.
    ///
    /// # Errors
    /// The column is missing or invalid, which is an error of the host.
    pub fn required<T: InputType<'a>>(&mut self) -> Result<T::Column> {
        let field = self.next_field();
        match self.find(&field.name) {
            Some(column) => self.open::<T>(column),
            None => Err(no_column(&field.name)),
        }
    }

    /// Opens the column of the next field, or returns `None` if it is missing.
    ///
    /// # Errors
    /// The column is invalid, which is an error of the host.
    pub fn optional<T: InputType<'a>>(&mut self) -> Result<Option<T::Column>> {
        let field = self.next_field();
        self.find(&field.name).map(|column| self.open::<T>(column)).transpose()
    }

    /// Opens the columns of all remaining fields with a function that takes the type of the column. An optional column that is
    /// missing is `None`.
    ///
    /// # Errors
    /// A required column is missing, or a column is invalid, which is an error of the host.
    pub(crate) fn rest<C>(
        &mut self,
        open: impl Fn(&'a Column, DataType, usize, TextGuarantee) -> Result<C, ContractViolation>,
    ) -> Result<Vec<Option<C>>> {
        let fields = std::mem::take(&mut self.fields);
        let open_field = |field: Field| match self.find(&field.name) {
            Some(column) => {
                let opened = open(column, field.data_type, self.received.batch.rows as usize, self.received.guarantee);
                opened.map(Some).map_err(|violation| invalid_column(column, violation))
            }
            None if field.optional => Ok(None),
            None => Err(no_column(&field.name)),
        };
        fields.map(open_field).collect()
    }

    fn next_field(&mut self) -> Field {
        self.fields.next().expect("the derived code opens as many columns as it has fields")
    }

    fn find(&self, name: &str) -> Option<&'a Column> {
        self.received.batch.columns.iter().find(|column| column.name == name)
    }

    fn open<T: InputType<'a>>(&self, column: &'a Column) -> Result<T::Column> {
        let rows = self.received.batch.rows as usize;
        let opened = match &column.validity {
            Some(bitmap) if !T::NULLABLE && !all_set(bitmap, rows) => Err("a value is null"),
            _ => T::Column::open(column, rows, self.received.guarantee),
        };
        opened.map_err(|violation| invalid_column(column, violation))
    }
}

fn no_column(name: &str) -> Error {
    Error::internal(format_args!("the host sent no column `{name}`"))
}

fn invalid_column(column: &Column, violation: &str) -> Error {
    Error::internal(format_args!("the host sent an invalid column `{}`: {violation}", column.name))
}

/// Returns whether the first `rows` bits of a bitmap are set.
fn all_set(bitmap: &[u8], rows: usize) -> bool {
    (0..rows).all(|row| bitmap.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1))
}
