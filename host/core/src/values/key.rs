//! The keys of values: bytes that compare like the values. See [`stillbox_key`].

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{DataType as ArrowType, Field, Fields};

use super::convert::{ConversionError, interval_parts};
use super::layout::{Lists, plain};
use super::table::{Unsupported, is_json, json_support};
use super::text::{moments, text_writer};

/// Appends the key of the value of a row.
type KeyWriter = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), String> + Send + Sync>;

/// Returns the keys of all values of a column, one after the other, and their offsets.
///
/// # Errors
/// The type has no order (unions), a JSON value has a number out of range, or the keys take more than 4 GiB.
pub(crate) fn key_texts(array: &ArrayRef, field: &Field) -> Result<(Vec<u32>, Vec<u8>), ConversionError> {
    let unsupported = |error: Unsupported| ConversionError { row: None, reason: error.to_string() };
    json_support(field).map_err(unsupported)?;
    let write = writer(array, field).map_err(unsupported)?;
    let mut offsets = Vec::with_capacity(array.len() + 1);
    let mut bytes = Vec::with_capacity(array.len() * 16);
    offsets.push(0);
    for row in 0..array.len() {
        let error = |reason| ConversionError { row: Some(row), reason };
        write(row, &mut bytes).map_err(error)?;
        let end = u32::try_from(bytes.len()).map_err(|_| error("the keys of a batch take more than 4 GiB".into()))?;
        offsets.push(end);
    }
    Ok((offsets, bytes))
}

fn writer(array: &ArrayRef, field: &Field) -> Result<KeyWriter, Unsupported> {
    let array = plain(array).map_err(|_| Unsupported::new(array.data_type(), "is not valid"))?;
    let value = value_writer(&array, field)?;
    let nulls = array.logical_nulls();
    Ok(Box::new(move |row, out| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            stillbox_key::null(out);
            return Ok(());
        }
        value(row, out)
    }))
}

fn value_writer(array: &ArrayRef, field: &Field) -> Result<KeyWriter, Unsupported> {
    if let Some(lists) = Lists::new(array) {
        return list(lists, array.data_type());
    }
    Ok(match array.data_type() {
        ArrowType::Null => infallible(|_, out| stillbox_key::null(out)),
        ArrowType::Boolean => {
            let array = array.as_boolean().clone();
            infallible(move |row, out| stillbox_key::boolean(array.value(row), out))
        }
        ArrowType::Float16 => {
            let array = array.as_primitive::<Float16Type>().clone();
            infallible(move |row, out| short_float(array.value(row).to_f32(), out))
        }
        ArrowType::Float32 => {
            let array = array.as_primitive::<Float32Type>().clone();
            infallible(move |row, out| short_float(array.value(row), out))
        }
        ArrowType::Float64 => {
            let array = array.as_primitive::<Float64Type>().clone();
            infallible(move |row, out| stillbox_key::float(array.value(row), out))
        }
        ArrowType::Struct(fields) => structs(array.as_struct(), fields)?,
        ArrowType::Interval(_) => {
            let parts = interval_parts(array)?;
            infallible(move |row, out| {
                let (months, days, nanoseconds) = parts(row);
                stillbox_key::interval(months, days, nanoseconds, out);
            })
        }
        arrow if arrow.is_temporal() => {
            let parts = moments(array)?;
            infallible(move |row, out| {
                let (seconds, nanoseconds) = parts(row);
                stillbox_key::time(seconds, nanoseconds, out);
            })
        }
        arrow if arrow.is_integer() || arrow.is_decimal() => {
            let text = text_writer(array, false)?;
            with_text(text, |text, out| stillbox_key::number(text, out).map_err(|_| "not a number".to_owned()))
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => {
            let is_json = is_json(field);
            with_text(text_writer(array, false)?, move |text, out| {
                if is_json {
                    return stillbox_key::json(text, out).map_err(|error| error.to_string());
                }
                stillbox_key::text(text, out);
                Ok(())
            })
        }
        _ => bytes(array),
    })
}

fn structs(array: &StructArray, fields: &Fields) -> Result<KeyWriter, Unsupported> {
    let columns = array.columns().iter().zip(fields).map(|(column, field)| writer(column, field));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(Box::new(move |row, out| {
        stillbox_key::start_struct(out);
        columns.iter().try_for_each(|write| write(row, out))
    }))
}

fn infallible(write: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static) -> KeyWriter {
    Box::new(move |row, out| {
        write(row, out);
        Ok(())
    })
}

/// A float of 32 bits has the digits that it has as text: `0.1` and not `0.10000000149011612`.
fn short_float(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        stillbox_key::number(&format!("{value:e}"), out).expect("a finite float is written as a decimal number");
    } else {
        stillbox_key::float(f64::from(value), out);
    }
}

fn with_text(
    text: super::text::TextWriter,
    write: impl Fn(&str, &mut Vec<u8>) -> Result<(), String> + Send + Sync + 'static,
) -> KeyWriter {
    Box::new(move |row, out| {
        let mut scratch = Vec::new();
        text(row, &mut scratch).map_err(|_| "a value without a text".to_owned())?;
        write(std::str::from_utf8(&scratch).map_err(|error| error.to_string())?, out)
    })
}

fn bytes(array: &ArrayRef) -> KeyWriter {
    match array.data_type() {
        ArrowType::Binary => {
            let array = array.as_binary::<i32>().clone();
            infallible(move |row, out| stillbox_key::bytes(array.value(row), out))
        }
        ArrowType::LargeBinary => {
            let array = array.as_binary::<i64>().clone();
            infallible(move |row, out| stillbox_key::bytes(array.value(row), out))
        }
        ArrowType::BinaryView => {
            let array = array.as_binary_view().clone();
            infallible(move |row, out| stillbox_key::bytes(array.value(row), out))
        }
        _ => {
            let array = array.as_fixed_size_binary().clone();
            infallible(move |row, out| stillbox_key::bytes(array.value(row), out))
        }
    }
}

fn list(lists: Lists, arrow: &ArrowType) -> Result<KeyWriter, Unsupported> {
    let entries = |field: &Arc<Field>| writer(&lists.elements, field);
    let element = match arrow {
        ArrowType::Map(field, _) => entries(field)?,
        other => entries(super::table::element(other).expect("an array with lists is of a list type"))?,
    };
    Ok(Box::new(move |row, out| {
        stillbox_key::start_list(out);
        let (start, size) = lists.ranges[row];
        (start..start + size).try_for_each(|index| element(index, out))?;
        stillbox_key::end_list(out);
        Ok(())
    }))
}
