//! Converts values of JavaScript to values of columns. Nothing changes silently.

use boa_engine::object::builtins::JsTypedArray;
use boa_engine::{Context, JsObject, JsResult, JsValue, JsVariant, js_string};

use crate::columns::Cell;
use crate::definition::{ColumnSpec, ColumnType};
use crate::globals::bytes;
use crate::json_value;
use crate::reading::{MAX_SAFE, describe};

/// Why a value does not fit its column.
pub(crate) enum Unfit {
    /// A message that follows the column's name.
    Message(String),
    /// A getter or `toJSON` of the step threw, or a part of a JSON value is not JSON.
    Thrown(boa_engine::JsError),
}

impl From<boa_engine::JsError> for Unfit {
    fn from(error: boa_engine::JsError) -> Self {
        Self::Thrown(error)
    }
}

/// Converts a value to one of a column.
pub(crate) fn convert(value: &JsValue, spec: &ColumnSpec, context: &mut Context) -> Result<Cell, Unfit> {
    let is_json = spec.column_type == ColumnType::Json;
    if value.is_null_or_undefined() && spec.is_nullable {
        return Ok(Cell::Null);
    }
    if value.is_undefined() {
        return Err(Unfit::Message("is missing".into()));
    }
    if value.is_null() && !is_json {
        return Err(Unfit::Message(format!("must be {}, not null", spec.column_type.words())));
    }
    let cell = match &spec.column_type {
        ColumnType::Boolean => value.as_boolean().map(Cell::Boolean),
        ColumnType::Integer => integer(value)?,
        ColumnType::BigInt => big_integer(value)?,
        ColumnType::Float => value.as_number().map(Cell::Float),
        ColumnType::Text(choices) => text(value, choices.as_deref())?,
        ColumnType::Binary => bytes(value, context).map(Cell::Binary),
        ColumnType::Json => {
            let mut text = String::new();
            json_value::write(&mut text, value, 0, context)?;
            Some(Cell::Text(text))
        }
        ColumnType::Vector(width) => vector(value, *width, context)?,
    };
    cell.ok_or_else(|| {
        Unfit::Message(format!("must be {}, not {}", spec.column_type.words(), describe(value, context)))
    })
}

fn integer(value: &JsValue) -> Result<Option<Cell>, Unfit> {
    match value.variant() {
        JsVariant::Integer32(value) => Ok(Some(Cell::Integer(value.into()))),
        JsVariant::Float64(number) if number.fract() == 0.0 && number.abs() <= MAX_SAFE as f64 => {
            Ok(Some(Cell::Integer(number as i64)))
        }
        JsVariant::Float64(number) if number.fract() == 0.0 => Err(Unfit::Message(format!(
            "is {number}, which may have lost digits: return a BigInt for numbers above 2^53 - 1"
        ))),
        JsVariant::BigInt(_) => big_integer(value),
        _ => Ok(None),
    }
}

fn big_integer(value: &JsValue) -> Result<Option<Cell>, Unfit> {
    let Some(big) = value.as_bigint() else { return Ok(None) };
    match big.to_string_radix(10).parse() {
        Ok(value) => Ok(Some(Cell::Integer(value))),
        Err(_) => Err(Unfit::Message(format!("must be from {} to {}", i64::MIN, i64::MAX))),
    }
}

fn text(value: &JsValue, choices: Option<&[String]>) -> Result<Option<Cell>, Unfit> {
    let Some(text) = value.as_string() else { return Ok(None) };
    let Ok(text) = text.to_std_string() else {
        return Err(Unfit::Message("contains a lone surrogate, which cannot be encoded as UTF-8".into()));
    };
    Ok(choices.is_none_or(|choices| choices.contains(&text)).then_some(Cell::Text(text)))
}

fn vector(value: &JsValue, width: Option<u32>, context: &mut Context) -> Result<Option<Cell>, Unfit> {
    let Some(object) = value.as_object() else { return Ok(None) };
    if !object.is_array() && JsTypedArray::from_object(object.clone()).is_err() {
        return Ok(None);
    }
    let elements = elements(&object, context)?;
    let Some(elements) = elements else { return Ok(None) };
    if elements.is_empty() {
        return Err(Unfit::Message("is an empty vector, but must have at least one element".into()));
    }
    if let Some(width) = width
        && elements.len() != width as usize
    {
        return Err(Unfit::Message(format!("must have {width} elements, not {}", elements.len())));
    }
    let narrow: Vec<f32> = elements.iter().map(|element| *element as f32).collect();
    let is_lost = |(wide, narrow): (&f64, &f32)| wide.is_finite() && !narrow.is_finite();
    if elements.iter().zip(&narrow).any(is_lost) {
        return Err(Unfit::Message("has an element that is too large for 32 bits".into()));
    }
    Ok(Some(Cell::Vector(narrow)))
}

/// The most elements of a vector: those of 64 MiB.
const MAX_ELEMENTS: u64 = 1 << 24;

fn elements(object: &JsObject, context: &mut Context) -> JsResult<Option<Vec<f64>>> {
    let length = object.get(js_string!("length"), context)?.to_length(context)?;
    if length > MAX_ELEMENTS {
        return Ok(None);
    }
    let mut elements = Vec::new();
    for index in 0..length {
        match object.get(index, context)?.as_number() {
            Some(element) => elements.push(element),
            None => return Ok(None),
        }
    }
    Ok(Some(elements))
}
