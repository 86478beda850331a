//! Columns that the parameters define: their number, names and types.
//!
//! A step that reads such columns takes an [`AnyRow`] instead of a struct with `#[derive(Input)]`; a step that writes them
//! returns an [`AnyOutput`]. The parameters name a function that lists the columns:
//!
//! ```
//! use stillbox_sdk::any::{AnyRow, DataType, Field};
//! use stillbox_sdk::{Output, Parameters, Result, step};
//!
//! #[derive(Parameters)]
//! #[parameters(inputs = Self::inputs)]
//! struct Parameters {
//!     /// The columns to check.
//!     columns: Vec<String>,
//! }
//!
//! impl Parameters {
//!     fn inputs(&self) -> Vec<Field> {
//!         self.columns.iter().map(|name| Field::new(name, DataType::Json)).collect()
//!     }
//! }
//!
//! #[derive(Output)]
//! struct Counted {
//!     n_nulls: usize,
//! }
//!
//! /// Counts the nulls of each row.
//! #[step]
//! fn count_nulls(parameters: &Parameters, row: AnyRow<'_>) -> Result<Counted> {
//!     let is_null = |column: &usize| row.json(*column).is_none();
//!     Ok(Counted { n_nulls: (0..parameters.columns.len()).filter(is_null).count() })
//! }
//! ```
//!
//! A step that does not know the type of a column can read any column as [`DataType::Json`]: the host converts the values to
//! JSON, a text to a string, bytes to a string in base64, a vector to a list. [`Json::value`](crate::Json::value) returns the
//! kind of a value.

mod builder;
mod input;
mod output;

use std::borrow::Cow;

pub use builder::AnyBuilders;
pub(crate) use input::AnyColumn;
pub use input::{AnyColumns, AnyRow};
pub use output::AnyOutput;

pub use crate::contract::{DataType, Field};

/// A value of a column whose type is known only at run time.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyValue<'a> {
    /// A null in a column of any type.
    Null,
    /// A value of a boolean column.
    Boolean(bool),
    /// A value of an integer column.
    Integer(i64),
    /// A value of a float column.
    Float(f64),
    /// A value of a text column.
    Text(Cow<'a, str>),
    /// A value of a binary column.
    Binary(Cow<'a, [u8]>),
    /// The JSON text of a value of a JSON column. The SDK does not check it.
    Json(Cow<'a, str>),
    /// A value of a vector column.
    Vector(Cow<'a, [f32]>),
}

impl AnyValue<'_> {
    /// Returns the type of the value's column, or `None` for a null.
    pub const fn data_type(&self) -> Option<DataType> {
        match self {
            Self::Null => None,
            Self::Boolean(_) => Some(DataType::Boolean),
            Self::Integer(_) => Some(DataType::Integer),
            Self::Float(_) => Some(DataType::Float),
            Self::Text(_) => Some(DataType::Text),
            Self::Binary(_) => Some(DataType::Binary),
            Self::Json(_) => Some(DataType::Json),
            Self::Vector(_) => Some(DataType::Vector),
        }
    }

    /// Returns an owned copy of the value.
    pub fn into_static(self) -> AnyValue<'static> {
        match self {
            Self::Null => AnyValue::Null,
            Self::Boolean(value) => AnyValue::Boolean(value),
            Self::Integer(value) => AnyValue::Integer(value),
            Self::Float(value) => AnyValue::Float(value),
            Self::Text(value) => AnyValue::Text(value.into_owned().into()),
            Self::Binary(value) => AnyValue::Binary(value.into_owned().into()),
            Self::Json(value) => AnyValue::Json(value.into_owned().into()),
            Self::Vector(value) => AnyValue::Vector(value.into_owned().into()),
        }
    }
}
