//! Values of any Arrow type as JSON, by the encoders of `arrow-json`. They are replaced where they lose information:
//! they write numbers that are not finite as null, bytes in hexadecimal, and times outside the calendar as an error
//! message.

use std::fmt;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{NullableEncoder, make_encoder};
use arrow_json::{Encoder, EncoderFactory, EncoderOptions};
use arrow_schema::extension::{ExtensionType, Json};
use arrow_schema::{ArrowError, DataType as ArrowType, FieldRef};
use parking_lot::Mutex;

use super::{NoJson, write_base64, write_float, write_float32, write_raw};

/// Options of the encoders. Must outlive the values.
pub(crate) struct Encoding {
    options: EncoderOptions,
    first_error: FirstError,
}

/// The first value that JSON cannot represent. The library's encoders have no way to return an error.
#[derive(Debug, Clone, Default)]
struct FirstError(Arc<Mutex<Option<NoJson>>>);

impl FirstError {
    fn set(&self, first_error: NoJson) {
        self.0.lock().get_or_insert(first_error);
    }

    fn take(&self) -> Option<NoJson> {
        self.0.lock().take()
    }
}

impl Encoding {
    /// The encoding of JSON Lines: every null is written.
    pub(crate) fn new() -> Self {
        let first_error = FirstError::default();
        let factory = Arc::new(LosslessEncoders { first_error: first_error.clone() });
        let options = EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(factory);
        Self { options, first_error }
    }
}

/// The values of one column.
pub(super) struct NestedValues<'a> {
    encoder: NullableEncoder<'a>,
    first_error: &'a FirstError,
}

impl<'a> NestedValues<'a> {
    pub(super) fn new(array: &'a dyn Array, field: &'a FieldRef, encoding: &'a Encoding) -> Result<Self, ArrowError> {
        Ok(Self { encoder: make_encoder(field, array, &encoding.options)?, first_error: &encoding.first_error })
    }

    /// Adds a value that is not null.
    pub(super) fn write(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        self.encoder.encode(row, out);
        self.first_error.take().map_or(Ok(()), Err)
    }
}

/// Creates encoders for the types that the library does not encode without loss.
#[derive(Debug)]
struct LosslessEncoders {
    first_error: FirstError,
}

impl EncoderFactory for LosslessEncoders {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let first_error = self.first_error.clone();
        let is_json = field.extension_type_name() == Some(Json::NAME) && field.data_type() == array.data_type();
        Ok(Some(match array.data_type() {
            ArrowType::Float16 => {
                let array = array.as_primitive::<Float16Type>();
                checked(array, first_error, |row, out| write_float32(out, array.value(row).to_f32()))
            }
            ArrowType::Float32 => {
                let array = array.as_primitive::<Float32Type>();
                checked(array, first_error, |row, out| write_float32(out, array.value(row)))
            }
            ArrowType::Float64 => {
                let array = array.as_primitive::<Float64Type>();
                checked(array, first_error, |row, out| write_float(out, array.value(row)))
            }
            ArrowType::Binary => {
                let array = array.as_binary::<i32>();
                unchecked(array, |row, out| write_base64(out, array.value(row)))
            }
            ArrowType::LargeBinary => {
                let array = array.as_binary::<i64>();
                unchecked(array, |row, out| write_base64(out, array.value(row)))
            }
            ArrowType::BinaryView => {
                let array = array.as_binary_view();
                unchecked(array, |row, out| write_base64(out, array.value(row)))
            }
            ArrowType::FixedSizeBinary(_) => {
                let array = array.as_fixed_size_binary();
                unchecked(array, |row, out| write_base64(out, array.value(row)))
            }
            ArrowType::Utf8 if is_json => {
                let array = array.as_string::<i32>();
                unchecked(array, |row, out| write_raw(out, array.value(row)))
            }
            ArrowType::LargeUtf8 if is_json => {
                let array = array.as_string::<i64>();
                unchecked(array, |row, out| write_raw(out, array.value(row)))
            }
            ArrowType::Utf8View if is_json => {
                let array = array.as_string_view();
                unchecked(array, |row, out| write_raw(out, array.value(row)))
            }
            data_type if data_type.is_temporal() => {
                let options = FormatOptions::new().with_display_error(false);
                let formatter = ArrayFormatter::try_new(array, &options)?;
                checked(array, first_error, move |row, out| write_time(out, &formatter, row))
            }
            _ => return Ok(None),
        }))
    }
}

/// Adds a date, time or interval as text, which never has characters to escape.
fn write_time(out: &mut Vec<u8>, formatter: &ArrayFormatter<'_>, row: usize) -> Result<(), NoJson> {
    let text = formatter.value(row).try_to_string().map_err(|error| NoJson::NoText(error.to_string()))?;
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
}

fn checked<'a>(
    array: &dyn Array,
    first_error: FirstError,
    write: impl Fn(usize, &mut Vec<u8>) -> Result<(), NoJson> + 'a,
) -> NullableEncoder<'a> {
    unchecked(array, move |row, out| {
        if let Err(no_json) = write(row, out) {
            first_error.set(no_json);
        }
    })
}

fn unchecked<'a>(array: &dyn Array, write: impl Fn(usize, &mut Vec<u8>) + 'a) -> NullableEncoder<'a> {
    NullableEncoder::new(Box::new(FnEncoder(write)), array.nulls().cloned())
}

/// An encoder backed by a function.
struct FnEncoder<F>(F);

impl<F: Fn(usize, &mut Vec<u8>)> Encoder for FnEncoder<F> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        (self.0)(row, out);
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoding").finish_non_exhaustive()
    }
}
