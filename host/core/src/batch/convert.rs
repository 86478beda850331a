//! Converts Arrow types that only files have to the types of the contract.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, GenericListArray, OffsetSizeTrait};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType as ArrowType, Field};

use crate::data_type::DataType;
use crate::json::{JsonTextsError, json_texts};

/// The reason why a column cannot be converted to the type that a step reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// Arrow cannot convert a value.
    #[error(transparent)]
    Cast(#[from] ArrowError),
    /// A value cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] JsonTextsError),
    /// The vectors of a batch do not have the same width.
    #[error("vectors of {first} and of {other} elements in one batch")]
    Widths { first: usize, other: usize, row: usize },
    /// A 64-bit integer has no exact 64-bit float.
    #[error("the integer {value} has no exact float")]
    Inexact { value: i64, row: usize },
    /// A vector has a null element.
    #[error("a vector with a missing element")]
    MissingElement { row: usize },
}

impl ConvertError {
    /// Returns the row at fault, if known.
    pub(crate) fn row(&self) -> Option<usize> {
        match self {
            Self::Cast(_) | Self::Json(JsonTextsError::Type(_)) => None,
            Self::Json(JsonTextsError::Value { row, .. })
            | Self::Widths { row, .. }
            | Self::MissingElement { row }
            | Self::Inexact { row, .. } => Some(*row),
        }
    }
}

/// Converts a column to the Arrow type for this contract type: `Boolean`, `Int64`, `Float64`, `Utf8`, `Binary`, or
/// `FixedSizeList<Float32>`.
///
/// # Errors
/// A value cannot be represented in the type, such as an unsigned integer above `i64::MAX`.
pub(crate) fn as_contract(array: &ArrayRef, field: &Field, wanted: DataType) -> Result<ArrayRef, ConvertError> {
    let arrow = match wanted {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Integer => ArrowType::Int64,
        DataType::Float => ArrowType::Float64,
        // Text is quoted to become JSON, unless the column has JSON already.
        DataType::Json if DataType::from_field(field) != Some(DataType::Json) || array.data_type().is_nested() => {
            return Ok(Arc::new(json_texts(array.as_ref(), field)?));
        }
        DataType::Text | DataType::Json => ArrowType::Utf8,
        DataType::Binary => ArrowType::Binary,
        DataType::Vector => return vectors(array),
    };
    if array.data_type() == &arrow {
        return Ok(Arc::clone(array));
    }
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    if wanted == DataType::Float && array.data_type().is_integer() {
        return floats(&cast_with_options(array, &ArrowType::Int64, &exact)?);
    }
    Ok(cast_with_options(array, &arrow, &exact)?)
}

/// Converts integers to floats of the same value.
fn floats(integers: &ArrayRef) -> Result<ArrayRef, ConvertError> {
    let integers = integers.as_primitive::<Int64Type>();
    // The comparison with 2^63 is needed because the cast back saturates, and would make 2^63 look like `i64::MAX`.
    let is_exact = |value: i64| (value as f64) < 9.223_372_036_854_776e18 && (value as f64) as i64 == value;
    if let Some(row) = (0..integers.len()).find(|row| integers.is_valid(*row) && !is_exact(integers.value(*row))) {
        return Err(ConvertError::Inexact { value: integers.value(row), row });
    }
    Ok(Arc::new(integers.unary::<_, Float64Type>(|value| value as f64)))
}

fn vectors(array: &ArrayRef) -> Result<ArrayRef, ConvertError> {
    match array.data_type() {
        ArrowType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            if list.values().null_count() > 0 {
                for row in 0..list.len() {
                    if list.is_valid(row) && list.value(row).null_count() > 0 {
                        return Err(ConvertError::MissingElement { row });
                    }
                }
            }
            Ok(Arc::clone(array))
        }
        ArrowType::LargeList(_) => fixed(array.as_list::<i64>()),
        _ => fixed(array.as_list::<i32>()),
    }
}

/// Converts lists of the same length to fixed-size lists. The content of null rows is ignored.
fn fixed<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> Result<ArrayRef, ConvertError> {
    let lengths = |row: usize| lists.value_length(row).as_usize();
    let mut valid = (0..lists.len()).filter(|row| lists.is_valid(*row));
    let width = valid.next().map_or(1, lengths);
    if let Some(row) = valid.find(|row| lengths(*row) != width) {
        return Err(ConvertError::Widths { first: width, other: lengths(row), row });
    }
    let elements = lists.values().as_primitive::<Float32Type>();
    let mut values = Vec::with_capacity(lists.len() * width);
    for row in 0..lists.len() {
        if lists.is_null(row) {
            values.resize(values.len() + width, 0.0);
            continue;
        }
        let start = lists.value_offsets()[row].as_usize();
        let vector = elements.slice(start, width);
        if vector.null_count() > 0 {
            return Err(ConvertError::MissingElement { row });
        }
        values.extend_from_slice(vector.values());
    }
    let element = Arc::new(Field::new("item", ArrowType::Float32, false));
    let values = Arc::new(arrow_array::Float32Array::from(values));
    Ok(Arc::new(FixedSizeListArray::try_new(element, width as i32, values, lists.nulls().cloned())?))
}
