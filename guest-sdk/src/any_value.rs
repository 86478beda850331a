//! Values of columns whose types are known only at run time.

use std::borrow::Cow;

use crate::contract::DataType;

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
