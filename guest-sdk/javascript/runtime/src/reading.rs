//! Values as text in messages, and small readers.

use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, JsVariant};
use stillbox_js_engine::inspect;

/// The largest whole number of JavaScript up to which all have their own value: 2^53 - 1.
pub(crate) const MAX_SAFE: u64 = (1 << 53) - 1;

/// The most characters of a value in a message.
const MAX_SHOWN: usize = 40;

/// Describes a value for a message. No code of the step runs.
pub(crate) fn describe(value: &JsValue, context: &mut Context) -> String {
    match value.variant() {
        JsVariant::String(text) => format!("the text {:?}", cut(&text.to_std_string_lossy())),
        JsVariant::BigInt(value) => format!("{}n", cut(&value.to_string_radix(10))),
        JsVariant::Object(object) if object.is_array() => "a list".to_owned(),
        JsVariant::Object(object) if object.is_callable() => "a function".to_owned(),
        JsVariant::Object(object) if object.is_ordinary() => "an object".to_owned(),
        JsVariant::Symbol(_) => "a symbol".to_owned(),
        JsVariant::Float64(value) if value == 0.0 && value.is_sign_negative() => "-0".to_owned(),
        _ => cut(&inspect(value, context)),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads a property.
pub(crate) fn get(object: &JsObject, name: &str, context: &mut Context) -> JsResult<JsValue> {
    object.get(JsString::from(name), context)
}

/// Reads a property that is a text.
pub(crate) fn get_text(object: &JsObject, name: &str, context: &mut Context) -> JsResult<Option<String>> {
    Ok(get(object, name, context)?.as_string().map(|text| text.to_std_string_lossy()))
}

/// Reads the enumerable members of an object, in their order.
pub(crate) fn members(object: &JsObject, context: &mut Context) -> JsResult<Vec<(JsString, JsValue)>> {
    let keys = keys(object, context)?.into_iter();
    keys.map(|(key, name)| Ok((name, object.get(key, context)?))).collect()
}

/// Reads the names of the enumerable members of an object, in their order. No getter is called.
pub(crate) fn names(object: &JsObject, context: &mut Context) -> JsResult<Vec<JsString>> {
    Ok(keys(object, context)?.into_iter().map(|(_, name)| name).collect())
}

fn keys(object: &JsObject, context: &mut Context) -> JsResult<Vec<(PropertyKey, JsString)>> {
    let mut keys = object.own_property_keys(context)?;
    // A proxy and a typed array have properties that are not stored, which are taken to be enumerable.
    keys.retain(|key| {
        object.borrow().properties().get(key).is_none_or(|property| property.enumerable() != Some(false))
    });
    let named = keys.into_iter().filter_map(|key| {
        let name = match &key {
            PropertyKey::String(name) => name.clone(),
            PropertyKey::Index(index) => JsString::from(index.get().to_string()),
            PropertyKey::Symbol(_) => return None,
        };
        Some((key, name))
    });
    Ok(named.collect())
}
