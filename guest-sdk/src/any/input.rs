use std::rc::Rc;

use super::LogicalType;
use super::columns::AnyColumn;
use super::exact::ExactColumns;
use crate::any_value::AnyValue;
use crate::column::ColumnSpec;
use crate::input::Input;
use crate::input::opener::Opener;
use crate::{Json, Result};

/// A row of columns that the parameters define, in the order in which they list them.
#[derive(Clone, Debug)]
pub struct AnyRow<'a> {
    columns: AnyColumns<'a>,
    row: usize,
}

impl<'a> AnyRow<'a> {
    /// Returns the value of a column, by the column's index. The values of a missing column are null.
    ///
    /// # Panics
    /// The index is out of range.
    pub fn get(&self, column: usize) -> AnyValue<'a> {
        self.columns.column(column).map_or(AnyValue::Null, |column| column.get(self.row))
    }

    /// Returns the value of a JSON column, by the column's index: `None` for a null of the column, for the JSON value `null`, and
    /// for a missing column.
    ///
    /// # Panics
    /// The index is out of range, or the column does not have the type JSON.
    pub fn json(&self, column: usize) -> Option<Json<'a>> {
        match self.columns.column(column)? {
            AnyColumn::Json(column) if column.is_null(self.row) => None,
            AnyColumn::Json(column) => Some(column.values().get(self.row)).filter(|json| json.text() != "null"),
            other => panic!("the column {column} is read as JSON, but has the type {:?}", other.data_type()),
        }
    }

    /// Appends the key of a value, by the column's index: bytes that compare like the values of the column, and are the same for
    /// equal values.
    ///
    /// The host computes the keys from the exact values, which JSON and text may not show: it compares decimals and wide integers
    /// exactly, durations and timestamps by time, bytes by byte; negative zero equals zero, and NaN equals NaN and is the largest
    /// number. A key does not start with a byte of 0, and concatenated keys compare like tuples of values. A null, the JSON value
    /// `null` and a missing column have the smallest key.
    ///
    /// A step that calls this gets NaN and infinity in JSON columns as strings: see [`AnyRow::non_finite`].
    ///
    /// # Errors
    /// A JSON value has a number out of range.
    ///
    /// # Panics
    /// The index is out of range.
    pub fn write_key(&self, column: usize, out: &mut Vec<u8>) -> Result<()> {
        self.columns.0.exact.write_key(&self.columns.0.columns, column, self.row, out)
    }

    /// Returns the type that a column has in the host, by the column's index, or `None` for a missing column.
    ///
    /// # Panics
    /// The index is out of range.
    pub fn logical_type(&self, column: usize) -> Option<LogicalType> {
        self.columns.0.exact.logical_type(&self.columns.0.columns, column)
    }

    /// Returns the value of a JSON column if it is NaN or infinity, which the host writes as a string for a step that calls this
    /// method or [`AnyRow::write_key`]. For any other step they are an error.
    ///
    /// # Panics
    /// The index is out of range, or the column does not have the type JSON.
    pub fn non_finite(&self, column: usize) -> Option<f64> {
        let text = self.json(column)?.text();
        // Only floats have strings for numbers.
        let number = text.strip_prefix('"')?.strip_suffix('"')?;
        (self.logical_type(column)? == LogicalType::Float).then(|| number.parse().ok()).flatten()
    }
}

/// The opened columns of an [`AnyRow`].
// Shared, because a row cannot borrow the columns for an unknown lifetime.
#[derive(Clone, Debug)]
pub struct AnyColumns<'a>(Rc<OpenColumns<'a>>);

/// The columns of a batch, `None` for a missing one.
#[derive(Debug)]
struct OpenColumns<'a> {
    columns: Vec<Option<AnyColumn<'a>>>,
    exact: ExactColumns,
}

impl<'a> AnyColumns<'a> {
    fn column(&self, index: usize) -> Option<&AnyColumn<'a>> {
        self.0.columns[index].as_ref()
    }
}

impl Input for AnyRow<'_> {
    type Row<'a> = AnyRow<'a>;
    type Columns<'a> = AnyColumns<'a>;
    const COLUMNS: &'static [ColumnSpec] = &[];
    const ANY: bool = true;

    fn open<'a>(opener: &mut Opener<'a>) -> Result<Self::Columns<'a>> {
        let columns = opener.rest(AnyColumn::open)?;
        Ok(AnyColumns(Rc::new(OpenColumns { exact: ExactColumns::new(columns.len()), columns })))
    }

    #[inline]
    fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Result<Self::Row<'a>> {
        Ok(AnyRow { columns: columns.clone(), row })
    }
}
