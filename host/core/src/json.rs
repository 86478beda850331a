//! Arrow values as JSON: for the lines of JSON Lines, and for steps that read a list, struct or map.

mod nested;

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType as ArrowType, Field, FieldRef};

use crate::data_type::DataType;
pub(crate) use nested::Encoding;
use nested::NestedValues;

/// Number of bytes checked together for characters to escape.
const ESCAPES_AT_ONCE: usize = 256;

/// The reason why a value cannot be written as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoJson {
    /// The value is or contains a number that is not finite: `NaN`, `inf` or `-inf`.
    NotFinite(String),
    /// The value has no text form.
    NoText(String),
}

/// The reason why an array cannot be written as JSON texts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonTextsError {
    /// JSON cannot represent values of this type.
    #[error("values of this type cannot be written as JSON")]
    Type(#[from] ArrowError),
    /// JSON cannot represent one value.
    #[error("row {row} has {reason}, which JSON cannot represent")]
    Value {
        /// The row in the array, from 0.
        row: usize,
        /// The value.
        reason: String,
    },
}

/// Returns the values of an array as JSON texts, one per row. Nulls stay null.
///
/// Columns of the type `json` preserve their text, except for line breaks between tokens. Bytes are base64. Dates and
/// times are ISO 8601 text, decimals are numbers with all their digits.
///
/// # Errors
///
/// The type has no JSON form (unions, maps whose keys are not text), or a number is not finite.
pub(crate) fn json_texts(array: &dyn Array, field: &Field) -> Result<StringArray, JsonTextsError> {
    let (field, encoding) = (Arc::new(field.clone()), Encoding::new());
    let mut values = JsonValues::new(array, &field, &encoding)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 16);
    let mut text = Vec::new();
    let mut bytes: usize = 0;
    for row in 0..array.len() {
        text.clear();
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        let error = |reason| JsonTextsError::Value { row, reason };
        values.write_value(row, &mut text).map_err(|no_json| match no_json {
            NoJson::NotFinite(reason) | NoJson::NoText(reason) => error(reason),
        })?;
        bytes += text.len();
        if i32::try_from(bytes).is_err() {
            return Err(error("more text than a batch can hold".to_owned()));
        }
        texts.append_value(std::str::from_utf8(&text).expect("JSON is made of texts"));
    }
    Ok(texts.finish())
}

/// The values of one column, ready to write as JSON.
pub(crate) struct JsonValues<'a> {
    nulls: Option<NullBuffer>,
    array: TypedArray<'a>,
}

enum TypedArray<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Float(&'a Float64Array),
    Float32(&'a Float32Array),
    Text(&'a StringArray),
    Json(ArrayRef),
    Nested(NestedValues<'a>),
}

impl<'a> JsonValues<'a> {
    /// Prepares the values of a column.
    ///
    /// # Errors
    ///
    /// JSON cannot represent values of this type.
    pub(crate) fn new(array: &'a dyn Array, field: &'a FieldRef, encoding: &'a Encoding) -> Result<Self, ArrowError> {
        let nulls = array.logical_nulls();
        let is_text = matches!(array.data_type(), ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View);
        if is_text && DataType::from_field(field) == Some(DataType::Json) {
            let texts = arrow_cast::cast(array, &ArrowType::LargeUtf8)?;
            return Ok(Self { nulls, array: TypedArray::Json(texts) });
        }
        let array = match array.data_type() {
            ArrowType::Boolean => TypedArray::Boolean(array.as_boolean()),
            ArrowType::Int64 => TypedArray::Integer(array.as_primitive::<Int64Type>()),
            ArrowType::Float64 => TypedArray::Float(array.as_primitive::<Float64Type>()),
            ArrowType::Float32 => TypedArray::Float32(array.as_primitive::<Float32Type>()),
            ArrowType::Utf8 => TypedArray::Text(array.as_string::<i32>()),
            _ => TypedArray::Nested(NestedValues::new(array, field, encoding)?),
        };
        Ok(Self { nulls, array })
    }

    /// Returns whether the value of a row is null.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Adds the value of a row, or `null`.
    ///
    /// # Errors
    ///
    /// JSON cannot represent the value.
    pub(crate) fn write(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        self.write_value(row, out)
    }

    /// Returns whether the column holds JSON texts.
    pub(crate) fn is_json_column(&self) -> bool {
        matches!(self.array, TypedArray::Json(_))
    }

    fn write_value(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        match &mut self.array {
            TypedArray::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            TypedArray::Integer(array) => write_serde(out, &array.value(row)),
            TypedArray::Float(array) => write_float(out, array.value(row))?,
            TypedArray::Float32(array) => write_float32(out, array.value(row))?,
            TypedArray::Text(array) => write_text(out, array.value(row)),
            TypedArray::Json(array) => write_raw(out, array.as_string::<i64>().value(row)),
            TypedArray::Nested(values) => values.write(row, out)?,
        }
        Ok(())
    }
}

/// Adds a text or number in the shortest form.
pub(crate) fn write_serde<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("texts and numbers can be written to memory");
}

/// Adds a text. Most texts have nothing to escape, which the compiler can check for many bytes at a time.
fn write_text(out: &mut Vec<u8>, text: &str) {
    #[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler takes many bytes at a time")]
    let is_escaped = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    // Not `any`: it checks bytes one by one to stop early, which is slower.
    let has_escapes = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | is_escaped(byte));
    if text.as_bytes().chunks(ESCAPES_AT_ONCE).any(has_escapes) {
        return write_serde(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn write_float(out: &mut Vec<u8>, value: f64) -> Result<(), NoJson> {
    if !value.is_finite() {
        return Err(NoJson::NotFinite(value.to_string()));
    }
    write_serde(out, &value);
    Ok(())
}

fn write_float32(out: &mut Vec<u8>, value: f32) -> Result<(), NoJson> {
    if !value.is_finite() {
        return Err(NoJson::NotFinite(value.to_string()));
    }
    write_serde(out, &value);
    Ok(())
}

/// Adds a JSON text on one line. Outside of strings, JSON allows line breaks only as white space, so they are dropped.
fn write_raw(out: &mut Vec<u8>, json: &str) {
    let mut rest = json.as_bytes();
    while let Some(line_break) = memchr::memchr2(b'\n', b'\r', rest) {
        out.extend_from_slice(&rest[..line_break]);
        rest = &rest[line_break + 1..];
    }
    out.extend_from_slice(rest);
}

/// Adds bytes as base64 text.
fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    use arrow_cast::base64::{BASE64_STANDARD, Engine};
    write!(out, "\"{}\"", BASE64_STANDARD.encode(bytes)).expect("memory can be written");
}
