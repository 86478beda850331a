//! Columns of a batch as values of JavaScript.

use boa_engine::object::builtins::{JsArray, JsFloat32Array};
use boa_engine::{Context, JsBigInt, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue};

use crate::bindings::stillbox::step::types::{Batch, Column, ErrorKind, StepError, Texts, Values};
use crate::definition::{ColumnSpec, ColumnType};
use crate::globals::bytes_to_js;
use crate::json::Json;
use crate::json_value::{integer_to_js, to_js};
use crate::plain;

/// Why a row has no output.
#[derive(Debug)]
pub(crate) enum RowError {
    Thrown(JsError),
    /// An error that the SDK found.
    Own(Box<StepError>),
}

impl From<JsError> for RowError {
    fn from(error: JsError) -> Self {
        Self::Thrown(error)
    }
}

impl RowError {
    pub(crate) fn input(message: String, hint: Option<&str>) -> Self {
        Self::Own(Box::new(StepError { hint: hint.map(str::to_owned), ..plain(ErrorKind::Input, message) }))
    }
}

/// The columns of a batch, in the order of the declaration. `None` for an optional column that is missing.
pub(crate) struct Columns<'a> {
    columns: Vec<(&'a ColumnSpec, Option<&'a Column>)>,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(specs: &'a [ColumnSpec], names: &[String], batch: &'a Batch) -> Self {
        let find = |name: &String| batch.columns.iter().find(|column| column.name == *name);
        Self { columns: specs.iter().zip(names.iter().map(find)).collect() }
    }

    /// Returns a row as an object.
    ///
    /// # Errors
    /// A value has no equal in JavaScript.
    pub(crate) fn row(&self, row: usize, context: &mut Context) -> Result<JsValue, RowError> {
        let object = JsObject::with_object_proto(context.intrinsics());
        for (spec, column) in &self.columns {
            let value = match column {
                Some(column) => value(spec, column, row, context)?,
                None => JsValue::null(),
            };
            object.create_data_property_or_throw(spec.key.clone(), value, context)?;
        }
        Ok(object.into())
    }

    /// Returns all columns as an object of lists.
    ///
    /// # Errors
    /// As for [`row`](Self::row).
    pub(crate) fn lists(&self, rows: usize, context: &mut Context) -> Result<JsValue, RowError> {
        let object = JsObject::with_object_proto(context.intrinsics());
        for (spec, column) in &self.columns {
            let mut values = Vec::with_capacity(rows);
            for row in 0..rows {
                values.push(match column {
                    Some(column) => value(spec, column, row, context)?,
                    None => JsValue::null(),
                });
            }
            let list = JsArray::from_iter(values, context);
            object.create_data_property_or_throw(spec.key.clone(), list, context)?;
        }
        Ok(object.into())
    }
}

fn value(spec: &ColumnSpec, column: &Column, row: usize, context: &mut Context) -> Result<JsValue, RowError> {
    if column.validity.as_ref().is_some_and(|bits| !is_set(bits, row)) {
        return Ok(JsValue::null());
    }
    Ok(match &column.values {
        Values::Boolean(bits) => is_set(bits, row).into(),
        Values::Integer(values) if spec.column_type == ColumnType::BigInt => JsBigInt::from(values[row]).into(),
        Values::Integer(values) => integer_to_js(values[row]).ok_or_else(|| {
            let name = spec.key.to_std_string_lossy();
            RowError::input(
                format!("`{name}` is {}, which a number of JavaScript cannot hold exactly", values[row]),
                Some("declare the column as bigint()"),
            )
        })?,
        Values::Float(values) => values[row].into(),
        Values::Text(texts) => {
            let text = text(texts, row)?;
            if let ColumnType::Text(Some(choices)) = &spec.column_type
                && !choices.iter().any(|choice| choice == text)
            {
                let (name, wanted) = (spec.key.to_std_string_lossy(), spec.column_type.words());
                let found: String = text.chars().take(40).collect();
                return Err(RowError::input(format!("`{name}` must be {wanted}, not the text {found:?}"), None));
            }
            JsString::from(text).into()
        }
        Values::Binary(texts) => bytes_to_js(slice(texts, row), context)?,
        Values::Json(texts) => {
            let json = Json::parse(text(texts, row)?);
            let json = json.map_err(|error| {
                RowError::input(format!("`{}` cannot be read: {error}", spec.key.to_std_string_lossy()), None)
            })?;
            to_js(&json, context)?
        }
        Values::Vector(vectors) => {
            let width = vectors.width as usize;
            if let ColumnType::Vector(Some(wanted)) = spec.column_type
                && wanted != vectors.width
            {
                let name = spec.key.to_std_string_lossy();
                return Err(RowError::input(format!("`{name}` must have {wanted} elements, not {width}"), None));
            }
            let elements = vectors.elements[row * width..(row + 1) * width].iter().copied();
            JsFloat32Array::from_iter(elements, context)?.into()
        }
    })
}

fn is_set(bits: &[u8], row: usize) -> bool {
    bits[row / 8] >> (row % 8) & 1 == 1
}

fn slice(texts: &Texts, row: usize) -> &[u8] {
    &texts.bytes[texts.offsets[row] as usize..texts.offsets[row + 1] as usize]
}

fn text(texts: &Texts, row: usize) -> JsResult<&str> {
    let text = std::str::from_utf8(slice(texts, row));
    text.map_err(|_| JsNativeError::typ().with_message("the host sent a text that is not UTF-8").into())
}
