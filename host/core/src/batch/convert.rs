//! Converts Arrow types that only files have to the types of the contract.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, new_null_array};
use arrow_schema::{ArrowError, DataType as ArrowType, Field};

use crate::data_type::DataType;
use crate::format::NonFinite;
use crate::json::{JsonTextsError, json_texts};
use crate::values::{ConversionError, Lists, TextError, convert, is_uuid, plain, text_writer};

/// The reason why a column cannot be converted to the type that a step reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The type does not hold a value.
    #[error(transparent)]
    Value(#[from] ConversionError),
    /// The library returned an error.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
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
            Self::Value(error) => error.row,
            Self::Arrow(_) | Self::Json(JsonTextsError::Type(_)) => None,
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
pub(crate) fn as_contract(
    array: &ArrayRef,
    field: &Field,
    wanted: DataType,
    non_finite: NonFinite,
) -> Result<ArrayRef, ConvertError> {
    if array.data_type() == &ArrowType::Null && wanted != DataType::Json {
        // Such a column has no type of its own.
        let nulls =
            if wanted == DataType::Vector { DataType::vector_field("", 1, true) } else { wanted.field("", true) };
        return Ok(new_null_array(nulls.data_type(), array.len()));
    }
    let arrow = match wanted {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Integer => ArrowType::Int64,
        DataType::Float if DataType::from_field(field) == Some(DataType::Integer) => {
            return floats(&convert(array, &ArrowType::Int64)?);
        }
        DataType::Float => ArrowType::Float64,
        // Text is quoted to become JSON, unless the column has JSON already.
        DataType::Json if DataType::from_field(field) != Some(DataType::Json) || array.data_type().is_nested() => {
            return Ok(Arc::new(json_texts(array, field, non_finite)?));
        }
        DataType::Json => ArrowType::Utf8,
        DataType::Text => return texts(array, field),
        DataType::Binary => ArrowType::Binary,
        DataType::Vector => return vectors(array),
    };
    Ok(convert(array, &arrow)?)
}

/// Converts a column to text: texts as they are, other values in their text form.
fn texts(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ConvertError> {
    let array = plain(array)?;
    if matches!(array.data_type(), ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View) {
        return Ok(convert(&array, &ArrowType::Utf8)?);
    }
    let write = text_writer(&array, is_uuid(field)).map_err(JsonTextsError::Type)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 16);
    let mut text = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        let error = |reason| ConversionError { row: Some(row), reason };
        write(row, &mut text).map_err(|problem| match problem {
            TextError::NotFinite(value) => error(value.to_owned()),
            TextError::Value(reason) => error(reason),
        })?;
        texts.append_value(std::str::from_utf8(&text).expect("values are written as text"));
    }
    Ok(Arc::new(texts.finish()))
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

/// Converts lists of the same length to fixed-size lists. The content of null rows is ignored.
fn vectors(array: &ArrayRef) -> Result<ArrayRef, ConvertError> {
    let array = plain(array)?;
    let Some(lists) = Lists::new(&array) else {
        let reason = format!("{} is not a list", array.data_type());
        return Err(ConversionError { row: None, reason }.into());
    };
    if let ArrowType::FixedSizeList(..) = array.data_type()
        && lists.elements.null_count() == 0
    {
        return Ok(array);
    }
    let mut valid = (0..array.len()).filter(|row| !lists.is_null(*row));
    let declared = match array.data_type() {
        ArrowType::FixedSizeList(_, width) => *width as usize,
        _ => 1,
    };
    let width = valid.next().map_or(declared, |row| lists.ranges[row].1);
    if let Some(row) = valid.find(|row| lists.ranges[*row].1 != width) {
        return Err(ConvertError::Widths { first: width, other: lists.ranges[row].1, row });
    }
    let elements = lists.elements.as_primitive::<Float32Type>();
    let mut values = Vec::with_capacity(array.len() * width);
    for (row, (start, _)) in lists.ranges.iter().enumerate() {
        if lists.is_null(row) {
            values.resize(values.len() + width, 0.0);
            continue;
        }
        let vector = elements.slice(*start, width);
        if vector.null_count() > 0 {
            return Err(ConvertError::MissingElement { row });
        }
        values.extend_from_slice(vector.values());
    }
    let element = Arc::new(Field::new("item", ArrowType::Float32, false));
    let values = Arc::new(arrow_array::Float32Array::from(values));
    let width = i32::try_from(width)
        .map_err(|_| ConversionError { row: None, reason: "a vector with too many elements".into() })?;
    Ok(Arc::new(FixedSizeListArray::try_new(element, width, values, lists.nulls)?))
}
