//! JSON from and to values of JavaScript. A value that one of them cannot hold is an error.

use std::fmt::Write as _;

use boa_engine::builtins::proxy::Proxy;
use boa_engine::object::builtins::{JsArray, JsDate};
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsBigInt, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, JsVariant, js_string,
};

use crate::json::{Json, MAX_DEPTH};
use crate::reading::MAX_SAFE;

/// An error for a value that cannot be converted.
fn unfit(message: impl Into<String>) -> JsError {
    JsNativeError::typ().with_message(message.into()).into()
}

/// Returns the value. A whole number with more digits than a number of JavaScript holds becomes a `BigInt`.
///
/// # Errors
/// A number with an exponent is too large.
pub(crate) fn to_js(json: &Json, context: &mut Context) -> JsResult<JsValue> {
    Ok(match json {
        Json::Null => JsValue::null(),
        Json::Boolean(value) => (*value).into(),
        Json::Number(number) => number_to_js(number)?,
        Json::Text(text) => text.clone().into(),
        Json::List(elements) => {
            let elements = elements.iter().map(|element| to_js(element, context)).collect::<JsResult<Vec<_>>>()?;
            JsArray::from_iter(elements, context).into()
        }
        Json::Object(members) => {
            let object = JsObject::with_object_proto(context.intrinsics());
            for (key, value) in members {
                let value = to_js(value, context)?;
                object.create_data_property_or_throw(PropertyKey::from(key.clone()), value, context)?;
            }
            object.into()
        }
    })
}

fn number_to_js(number: &str) -> JsResult<JsValue> {
    let is_whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole && number != "-0" {
        return Ok(match number.parse::<i64>() {
            Ok(value) => integer_to_js(value).unwrap_or_else(|| JsBigInt::from(value).into()),
            Err(_) => JsBigInt::from_string(number).ok_or_else(|| unfit("a number is too long"))?.into(),
        });
    }
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value.into()),
        _ => Err(unfit(format!("the number {number} is too large for JavaScript"))),
    }
}

/// Returns an integer as a number, or `None` if a number might not have all its digits.
pub(crate) fn integer_to_js(value: i64) -> Option<JsValue> {
    if value.unsigned_abs() > MAX_SAFE {
        return None;
    }
    Some(i32::try_from(value).map_or_else(|_| JsValue::from(value as f64), JsValue::from))
}

/// Writes a value as JSON, as `JSON.stringify` does, but for what that changes silently: NaN, `-0`, `BigInt`, maps and the like.
///
/// # Errors
/// The value, or a part of it, is not JSON; or a getter or `toJSON` throws.
pub(crate) fn write(out: &mut String, value: &JsValue, depth: usize, context: &mut Context) -> JsResult<()> {
    if depth > MAX_DEPTH {
        return Err(unfit(format!(
            "a JSON value has more than {MAX_DEPTH} values within each other, or contains itself"
        )));
    }
    match value.variant() {
        JsVariant::Null => out.push_str("null"),
        JsVariant::Boolean(value) => out.push_str(if value { "true" } else { "false" }),
        JsVariant::Integer32(value) => {
            let _ = write!(out, "{value}");
        }
        JsVariant::Float64(value) if !value.is_finite() => return Err(unfit(format!("{value} is not a JSON value"))),
        // An integer would lose the sign.
        JsVariant::Float64(value) if value == 0.0 && value.is_sign_negative() => out.push_str("-0.0"),
        // As an integer, it would have digits that the number does not have.
        JsVariant::Float64(value) if value.fract() == 0.0 && value.abs() > MAX_SAFE as f64 => {
            let _ = write!(out, "{value:e}");
        }
        JsVariant::Float64(_) => out.push_str(&value.to_string(context)?.to_std_string_lossy()),
        JsVariant::BigInt(value) => out.push_str(&value.to_string_radix(10)),
        JsVariant::String(text) => write_text(out, &text)?,
        JsVariant::Object(object) => write_object(out, &object, depth, context)?,
        JsVariant::Undefined => return Err(unfit("undefined is not a JSON value")),
        JsVariant::Symbol(_) => return Err(unfit("a symbol is not a JSON value")),
    }
    Ok(())
}

fn write_object(out: &mut String, object: &JsObject, depth: usize, context: &mut Context) -> JsResult<()> {
    if object.is::<Proxy>() {
        return Err(unfit("a proxy is not a JSON value"));
    }
    if let Some(convert) = object.get(js_string!("toJSON"), context)?.as_callable() {
        let value = convert.call(&object.clone().into(), &[js_string!("").into()], context)?;
        if value.is_null() && JsDate::from_object(object.clone()).is_ok() {
            return Err(unfit("an invalid date is not a JSON value"));
        }
        return write(out, &value, depth + 1, context);
    }
    if object.is_array() {
        out.push('[');
        let length = object.get(js_string!("length"), context)?.to_length(context)?;
        for index in 0..length {
            if index > 0 {
                out.push(',');
            }
            let element = object.get(index, context)?;
            write(out, &element, depth + 1, context)?;
        }
        out.push(']');
        return Ok(());
    }
    if !object.is_ordinary() {
        let what = if object.is_callable() { "a function" } else { "an object of a built-in class" };
        return Err(unfit(format!("{what} is not a JSON value")));
    }
    out.push('{');
    let mut is_first = true;
    for key in object.own_property_keys(context)? {
        let name = match &key {
            PropertyKey::String(name) => name.clone(),
            PropertyKey::Index(index) => JsString::from(index.get().to_string()),
            PropertyKey::Symbol(_) => continue,
        };
        let is_enumerable =
            object.borrow().properties().get(&key).is_some_and(|property| property.enumerable() != Some(false));
        if !is_enumerable {
            continue;
        }
        let value = object.get(key, context)?;
        // As everywhere in JavaScript, a member that is undefined is none.
        if value.is_undefined() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        write_text(out, &name)?;
        out.push(':');
        write(out, &value, depth + 1, context)?;
    }
    out.push('}');
    Ok(())
}

fn write_text(out: &mut String, text: &JsString) -> JsResult<()> {
    match text.to_std_string() {
        Ok(text) => quote(out, &text),
        Err(_) => return Err(unfit("a text contains a lone surrogate, which cannot be encoded as UTF-8")),
    }
    Ok(())
}

/// Writes a text in quotation marks.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
