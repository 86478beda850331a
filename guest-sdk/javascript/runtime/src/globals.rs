//! The functions that code finds besides those of the language: `console`, timers, and conversions of text.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use boa_engine::native_function::NativeFunctionPointer;
use boa_engine::object::ObjectInitializer;
use boa_engine::object::builtins::{JsArrayBuffer, JsFunction, JsUint8Array};
use boa_engine::{Context, JsNativeError, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string};
use stillbox_js_engine::{Timers, format_arguments};

use crate::bindings::stillbox::step::log::{self, Level};

/// The file name of the functions that are written in JavaScript. Their frames are not shown.
pub(crate) const PRELUDE: &str = "<stillbox>";

/// The most bytes of a message. The host accepts 4 MiB in one call.
const MAX_MESSAGE: usize = 1 << 20;

/// Adds the functions to a context, which has the timers as its data.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let functions: [(&str, NativeFunctionPointer); 9] = [
        ("trace", |_, arguments, context| write(Level::Trace, arguments, context)),
        ("debug", |_, arguments, context| write(Level::Debug, arguments, context)),
        ("info", |_, arguments, context| write(Level::Info, arguments, context)),
        ("warn", |_, arguments, context| write(Level::Warn, arguments, context)),
        ("error", |_, arguments, context| write(Level::Error, arguments, context)),
        ("addTimer", add_timer),
        ("removeTimer", remove_timer),
        ("encode", encode),
        ("decode", decode),
    ];
    let mut host = ObjectInitializer::new(context);
    for (name, function) in functions {
        host.function(NativeFunction::from_fn_ptr(function), JsString::from(name), 0);
    }
    let host = host.build();
    let source = Source::from_bytes(include_str!("prelude.js")).with_path(Path::new(PRELUDE));
    let prelude = Script::parse(source, None, context)?.evaluate(context)?;
    let prelude = prelude.as_object().and_then(JsFunction::from_object);
    let prelude = prelude.ok_or_else(|| JsNativeError::typ().with_message("the prelude is not a function"))?;
    prelude.call(&JsValue::undefined(), &[host.into()], context)?;
    Ok(())
}

fn argument(arguments: &[JsValue], index: usize) -> JsValue {
    arguments.get(index).cloned().unwrap_or_default()
}

/// Writes the arguments of `console.log` and the like to the log.
#[expect(clippy::unnecessary_wraps, reason = "functions of the engine have this type")]
fn write(level: Level, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = format_arguments(arguments, context);
    log::write(level, &text[..text.floor_char_boundary(MAX_MESSAGE)]);
    Ok(JsValue::undefined())
}

fn timers(context: &Context) -> JsResult<Rc<RefCell<Timers>>> {
    let timers = context.get_data::<Rc<RefCell<Timers>>>().cloned();
    timers.ok_or_else(|| JsNativeError::typ().with_message("the step has ended").into())
}

/// Takes a function, a delay, whether it is repeated, and the arguments of the function.
fn add_timer(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let [function, delay, is_repeated, arguments @ ..] = arguments else { return Ok(JsValue::undefined()) };
    let Some(function) = function.as_object().and_then(JsFunction::from_object) else {
        return Err(JsNativeError::typ().with_message("a timer needs a function").into());
    };
    let delay = delay.to_number(context)?;
    let number = timers(context)?.borrow_mut().add(function, delay, is_repeated.to_boolean(), arguments);
    Ok(number.into())
}

fn remove_timer(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let number = argument(arguments, 0).as_number().unwrap_or_default();
    timers(context)?.borrow_mut().remove(number as u32);
    Ok(JsValue::undefined())
}

/// Returns the bytes of a text in UTF-8. As everywhere in JavaScript, a lone surrogate becomes U+FFFD.
fn encode(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = match argument(arguments, 0) {
        text if text.is_undefined() => js_string!(""),
        text => text.to_string(context)?,
    };
    bytes_to_js(text.to_std_string_lossy().as_bytes(), context)
}

/// Takes bytes, whether bytes that are not UTF-8 are an error, and whether a byte-order mark is part of the text.
fn decode(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = match argument(arguments, 0) {
        value if value.is_undefined() => Vec::new(),
        value => bytes(&value, context).ok_or_else(|| {
            JsNativeError::typ().with_message("`decode` needs an ArrayBuffer, or a view such as a Uint8Array")
        })?,
    };
    if argument(arguments, 1).to_boolean() && std::str::from_utf8(&bytes).is_err() {
        return Err(JsNativeError::typ().with_message("the bytes are not UTF-8").into());
    }
    let text = String::from_utf8_lossy(&bytes);
    let with_mark = argument(arguments, 2).to_boolean();
    let text = text.strip_prefix('\u{feff}').filter(|_| !with_mark).unwrap_or(&text);
    Ok(JsString::from(text).into())
}

/// Returns bytes as a `Uint8Array`.
pub(crate) fn bytes_to_js(bytes: &[u8], context: &mut Context) -> JsResult<JsValue> {
    Ok(JsUint8Array::from_iter(bytes.iter().copied(), context)?.into())
}

/// Returns the bytes of a `Uint8Array` or an `ArrayBuffer`.
pub(crate) fn bytes(value: &JsValue, context: &mut Context) -> Option<Vec<u8>> {
    let object = value.as_object()?;
    if let Ok(array) = JsUint8Array::from_object(object.clone()) {
        return array.to_vec(context).ok();
    }
    JsArrayBuffer::from_object(object).ok()?.to_vec()
}
