//! Values as text, much as Node prints them.

use std::fmt::Write as _;

use boa_engine::builtins::error::Error;
use boa_engine::builtins::proxy::Proxy;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsError, JsObject, JsString, JsValue, JsVariant, js_string};

use crate::Thrown;

/// Objects below this depth are `[Object]`, as in Node.
const MAX_DEPTH: usize = 2;
/// Elements and members after this number are counted, as in Node.
const MAX_MEMBERS: usize = 100;

/// Returns the text that `console.log` prints for its arguments: separated by spaces, with `%s` and the like in the first one.
pub fn format_arguments(arguments: &[JsValue], context: &mut Context) -> String {
    let mut text = String::new();
    let mut rest = arguments;
    if let Some((format, after)) = arguments.split_first()
        && let Some(format) = format.as_string()
        && !after.is_empty()
    {
        rest = fill(&mut text, &format.to_std_string_lossy(), after, context);
        if rest.is_empty() {
            return text;
        }
        text.push(' ');
    }
    for (position, value) in rest.iter().enumerate() {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(&inspect(value, context));
    }
    text
}

/// Writes the format with the arguments that it uses, and returns the others.
fn fill<'a>(text: &mut String, format: &str, arguments: &'a [JsValue], context: &mut Context) -> &'a [JsValue] {
    let mut left = arguments;
    let mut parts = format.split('%');
    text.push_str(parts.next().unwrap_or_default());
    let mut is_literal = false;
    for part in parts {
        if std::mem::take(&mut is_literal) {
            text.push_str(part);
            continue;
        }
        let (kind, tail) = part.split_at_checked(1).unwrap_or((part, ""));
        match (kind, left) {
            ("", _) => {
                text.push('%');
                is_literal = true; // `%%`: the next part follows the second sign
            }
            ("s" | "d" | "i" | "f" | "j" | "o" | "O", [first, after @ ..]) => {
                text.push_str(&inspect(first, context));
                text.push_str(tail);
                left = after;
            }
            ("c", [_, after @ ..]) => {
                text.push_str(tail);
                left = after;
            }
            _ => {
                text.push('%');
                text.push_str(part);
            }
        }
    }
    left
}

/// Returns a value as text: a string as it is, everything else much as Node prints it.
pub fn inspect(value: &JsValue, context: &mut Context) -> String {
    if let Some(string) = value.as_string() {
        return string.to_std_string_lossy();
    }
    let mut text = String::new();
    write_value(&mut text, value, 0, context);
    text
}

fn write_value(text: &mut String, value: &JsValue, depth: usize, context: &mut Context) {
    match value.variant() {
        JsVariant::String(string) => quote(text, &string),
        JsVariant::Object(object) => write_object(text, &object, depth, context),
        _ => {
            let _ = write!(text, "{}", value.display());
        }
    }
}

fn write_object(text: &mut String, object: &JsObject, depth: usize, context: &mut Context) {
    let value = JsValue::from(object.clone());
    if object.is::<Proxy>() {
        text.push_str("[Proxy]");
    } else if object.is::<Error>() {
        let thrown = Thrown::new(&JsError::from_opaque(value));
        if depth == 0 {
            text.push_str(&thrown.text());
        } else {
            let _ = write!(text, "[{}]", thrown.message());
        }
    } else if object.is_callable() {
        let _ = write!(text, "{}", value.display());
    } else if object.is_array() {
        write_members(text, object, depth, true, context);
    } else if object.is_ordinary() {
        write_members(text, object, depth, false, context);
    } else if depth > MAX_DEPTH {
        text.push_str("[Object]");
    } else {
        let _ = write!(text, "{}", value.display());
    }
}

fn write_members(text: &mut String, object: &JsObject, depth: usize, is_array: bool, context: &mut Context) {
    let class = class_name(object).filter(|_| !is_array);
    if depth > MAX_DEPTH {
        let _ = write!(text, "[{}]", class.as_deref().unwrap_or(if is_array { "Array" } else { "Object" }));
        return;
    }
    if let Some(class) = class {
        text.push_str(&class);
        text.push(' ');
    }
    let (open, close) = if is_array { ('[', ']') } else { ('{', '}') };
    text.push(open);
    // Without a proxy this calls no code.
    let keys = object.own_property_keys(context).unwrap_or_default();
    let mut shown = 0;
    let mut hidden = 0;
    for key in &keys {
        let Some(property) = own_property(object, key) else { continue };
        if property.enumerable() == Some(false) {
            continue;
        }
        if shown == MAX_MEMBERS {
            hidden += 1;
            continue;
        }
        text.push_str(if shown == 0 { " " } else { ", " });
        shown += 1;
        if !(is_array && matches!(key, PropertyKey::Index(_))) {
            write_key(text, key);
            text.push_str(": ");
        }
        match property.value() {
            Some(value) => write_value(text, value, depth + 1, context),
            None if property.set().is_some_and(|set| !set.is_undefined()) => text.push_str("[Getter/Setter]"),
            None => text.push_str("[Getter]"),
        }
    }
    if hidden > 0 {
        let _ = write!(text, ", ... {hidden} more");
    }
    if shown > 0 {
        text.push(' ');
    }
    text.push(close);
}

fn write_key(text: &mut String, key: &PropertyKey) {
    match key {
        PropertyKey::String(name) => {
            let name = name.to_std_string_lossy();
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            if !name.is_empty() && name.chars().all(is_word) && !name.starts_with(|c: char| c.is_numeric()) {
                text.push_str(&name);
            } else {
                quote(text, &js_string!(name.as_str()));
            }
        }
        PropertyKey::Symbol(symbol) => {
            let _ = write!(text, "[{}]", symbol.descriptive_string().to_std_string_lossy());
        }
        PropertyKey::Index(index) => {
            let _ = write!(text, "'{}'", index.get());
        }
    }
}

/// Writes a string in single quotes.
fn quote(text: &mut String, string: &JsString) {
    text.push('\'');
    for c in string.to_std_string_lossy().chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(text, "\\x{:02X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('\'');
}

/// Reads a property without calling code.
pub(crate) fn own_property(object: &JsObject, key: &PropertyKey) -> Option<PropertyDescriptor> {
    if object.is::<Proxy>() {
        return None;
    }
    object.try_borrow().ok()?.properties().get(key)
}

/// The name of the class of an object that is not a plain one.
fn class_name(object: &JsObject) -> Option<String> {
    let prototype = object.prototype()?;
    prototype.prototype()?; // that of a plain object has none
    let constructor = own_property(&prototype, &js_string!("constructor").into())?;
    let constructor = constructor.value()?.as_object()?;
    let name = own_property(&constructor, &js_string!("name").into())?;
    Some(name.value()?.as_string()?.to_std_string_lossy()).filter(|name| !name.is_empty())
}
