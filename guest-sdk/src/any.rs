//! Columns that the parameters decide: how many there are, what they are called, of which types.
//!
//! A step that reads such columns takes an [`AnyRow`] in the place of a struct with `#[derive(Input)]`; one that writes them
//! makes an [`AnyOutput`]. The parameters name a function that lists the columns:
//!
//! ```
//! use stillbox_sdk::any::{AnyRow, DataType, Field};
//! use stillbox_sdk::{Output, Parameters, Result, step};
//!
//! #[derive(Parameters)]
//! #[parameters(inputs = Self::inputs)]
//! struct Parameters {
//!     /// The columns to look at.
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
//! A column of any type can be read as [`DataType::Json`], for a step that can't know the type: the host writes the values
//! as JSON, a text in quotes, bytes in base64, a vector as a list. [`Json::value`](crate::Json::value) tells them apart.

mod builder;
mod input;
mod output;

use std::borrow::Cow;

pub use builder::AnyBuilders;
pub(crate) use input::AnyColumn;
pub use input::{AnyColumns, AnyRow};
pub use output::AnyOutput;

pub use crate::contract::{DataType, Field};

/// A value of a column whose type the compiler doesn't know.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyValue<'a> {
    /// Null, of a column of any type.
    Null,
    /// Of a column of booleans.
    Boolean(bool),
    /// Of a column of integers.
    Integer(i64),
    /// Of a column of floats.
    Float(f64),
    /// Of a column of texts.
    Text(Cow<'a, str>),
    /// Of a column of bytes.
    Binary(Cow<'a, [u8]>),
    /// The text of a value of a column of JSON. It is not checked.
    Json(Cow<'a, str>),
    /// Of a column of vectors.
    Vector(Cow<'a, [f32]>),
}

impl AnyValue<'_> {
    /// The type of the value's column; none for a null.
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

    /// The value on its own, which borrows nothing.
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
