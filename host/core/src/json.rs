//! Arrow values as JSON: for the lines of JSON Lines, and for steps that read a list, struct or map.

mod carried;
mod nested;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType as ArrowType, Field};

use crate::format::NonFinite;
use crate::values::{Unsupported, is_json};
pub(crate) use carried::{CarriedGroup, CarriedText};
use nested::{JsonWriter, json_writer};

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
    #[error(transparent)]
    Type(#[from] Unsupported),
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
/// The type has no JSON form, such as a union, or a number is not finite.
pub(crate) fn json_texts(
    array: &ArrayRef,
    field: &Field,
    non_finite: NonFinite,
) -> Result<StringArray, JsonTextsError> {
    let values = JsonValues::new(array, field, non_finite)?;
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

/// Returns whether an escape in a valid JSON text is half of a surrogate pair, which stands for no character. Parsers that skip
/// a text do not check this.
pub(crate) fn has_half_surrogate_pair(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some(escape) = memchr::memchr(b'\\', rest) {
        rest = &rest[escape..];
        let (length, is_half) = match (code_unit(rest), rest.get(6..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(unit), _) => (6, matches!(unit, 0xd800..=0xdfff)),
            (None, _) => (2, false),
        };
        if is_half {
            return true;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// Returns the code unit of UTF-16 that an escape at the start stands for.
fn code_unit(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The values of one column, ready to write as JSON.
pub(crate) struct JsonValues<'a> {
    nulls: Option<NullBuffer>,
    array: TypedArray<'a>,
    non_finite: NonFinite,
}

enum TypedArray<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a Int64Array),
    Float(&'a Float64Array),
    Float32(&'a Float32Array),
    Text(&'a StringArray),
    Other(JsonWriter),
}

impl<'a> JsonValues<'a> {
    /// Prepares the values of a column.
    ///
    /// # Errors
    ///
    /// JSON cannot represent values of this type.
    pub(crate) fn new(array: &'a ArrayRef, field: &Field, non_finite: NonFinite) -> Result<Self, Unsupported> {
        let nulls = array.logical_nulls();
        let array = match array.data_type() {
            ArrowType::Boolean => TypedArray::Boolean(array.as_boolean()),
            ArrowType::Int64 => TypedArray::Integer(array.as_primitive::<Int64Type>()),
            ArrowType::Float64 => TypedArray::Float(array.as_primitive::<Float64Type>()),
            ArrowType::Float32 => TypedArray::Float32(array.as_primitive::<Float32Type>()),
            ArrowType::Utf8 if !is_json(field) => TypedArray::Text(array.as_string::<i32>()),
            _ => TypedArray::Other(json_writer(array, field, non_finite)?),
        };
        Ok(Self { nulls, array, non_finite })
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
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        if self.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        self.write_value(row, out)
    }

    fn write_value(&self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        match &self.array {
            TypedArray::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            TypedArray::Integer(array) => write_serde(out, &array.value(row)),
            TypedArray::Float(array) if array.value(row).is_finite() => write_serde(out, &array.value(row)),
            TypedArray::Float(array) => write_not_finite(out, &array.value(row).to_string(), self.non_finite)?,
            TypedArray::Float32(array) if array.value(row).is_finite() => write_serde(out, &array.value(row)),
            TypedArray::Float32(array) => write_not_finite(out, &array.value(row).to_string(), self.non_finite)?,
            TypedArray::Text(array) => write_text(out, array.value(row)),
            TypedArray::Other(write) => write(row, out)?,
        }
        Ok(())
    }
}

/// Adds a text or number in the shortest form.
pub(crate) fn write_serde<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("texts and numbers can be written to memory");
}

/// Adds a text. Most texts have nothing to escape.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    if has_escapes(text.as_bytes()) {
        return write_serde(out, text);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Returns whether a text has characters to escape, which the compiler can check for many bytes at a time.
fn has_escapes(text: &[u8]) -> bool {
    #[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler takes many bytes at a time")]
    let is_escaped = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    // Not `any`: it checks bytes one by one to stop early, which is slower.
    let in_chunk = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | is_escaped(byte));
    text.chunks(ESCAPES_AT_ONCE).any(in_chunk)
}

/// Adds the JSON for a number that is not finite.
fn write_not_finite(out: &mut Vec<u8>, value: &str, non_finite: NonFinite) -> Result<(), NoJson> {
    match non_finite {
        NonFinite::Error => return Err(NoJson::NotFinite(value.to_owned())),
        NonFinite::Null => out.extend_from_slice(b"null"),
        NonFinite::Text => write_text(out, value),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_surrogate_pairs_are_found() {
        for half in
            [r#""\ud800""#, r#""\udc00""#, r#""\ud83d \ude00""#, r#"{"\uD83D\uD83D\uDE00":1}"#, r#""\ude00\ud83d""#]
        {
            assert!(has_half_surrogate_pair(half), "{half}");
        }
        for whole in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\"\\\u00e9\n""#, r#"["\\\\"]"#, "1", ""] {
            assert!(!has_half_surrogate_pair(whole), "{whole}");
        }
    }
}
