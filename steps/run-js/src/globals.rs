//! The functions that code finds besides those of the language: `console`, timers, and a few of Node's.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use boa_engine::builtins::date::Date;
use boa_engine::builtins::error::Error;
use boa_engine::builtins::map::ordered_map::OrderedMap;
use boa_engine::builtins::regexp::RegExp;
use boa_engine::builtins::set::ordered_set::OrderedSet;
use boa_engine::error::{EngineError, PanicError};
use boa_engine::native_function::NativeFunctionPointer;
use boa_engine::object::ObjectInitializer;
use boa_engine::object::builtins::JsFunction;
use boa_engine::property::Attribute;
use boa_engine::{
    Context, JsError, JsNativeError, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string,
};
use stillbox_js_engine::{Thrown, Timers, format_arguments, inspect};

use crate::output::Output;

/// The file name of the functions that are written in JavaScript. Their frames are not shown.
pub(crate) const PRELUDE: &str = "<node>";

/// The work of a program that is outside of the engine.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) output: RefCell<Output>,
    pub(crate) timers: RefCell<Timers>,
    /// The status of `process.exit`.
    pub(crate) exit: Cell<Option<i32>>,
    /// The first assertion of `console.assert` that failed.
    pub(crate) failed: RefCell<Option<Thrown>>,
    pub(crate) stdin: String,
}

/// Adds the functions to a context, which has the state as its data.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let functions: [(&str, NativeFunctionPointer); 8] = [
        ("print", print),
        ("write", write),
        ("inspect", inspect_value),
        ("kind", kind),
        ("exit", exit),
        ("failed", failed),
        ("addTimer", add_timer),
        ("removeTimer", remove_timer),
    ];
    let stdin = JsString::from(state(context)?.stdin.as_str());
    let mut host = ObjectInitializer::new(context);
    for (name, function) in functions {
        host.function(NativeFunction::from_fn_ptr(function), JsString::from(name), 0);
    }
    host.property(js_string!("stdin"), stdin, Attribute::READONLY);
    let host = host.build();
    let source = Source::from_bytes(include_str!("prelude.js")).with_path(Path::new(PRELUDE));
    let prelude = Script::parse(source, None, context)?.evaluate(context)?;
    let prelude = prelude.as_object().and_then(JsFunction::from_object);
    let prelude = prelude.ok_or_else(|| JsNativeError::typ().with_message("the prelude is not a function"))?;
    prelude.call(&JsValue::undefined(), &[host.into()], context)?;
    Ok(())
}

fn state(context: &Context) -> JsResult<Rc<State>> {
    let state = context.get_data::<Rc<State>>().cloned();
    state.ok_or_else(|| JsNativeError::typ().with_message("the program has ended").into())
}

fn argument(arguments: &[JsValue], index: usize) -> JsValue {
    arguments.get(index).cloned().unwrap_or_default()
}

/// Prints the arguments of `console.log`.
fn print(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut text = format_arguments(arguments, context);
    text.push('\n');
    state(context)?.output.borrow_mut().write(&text);
    Ok(JsValue::undefined())
}

/// Prints a text as it is.
fn write(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = inspect(&argument(arguments, 0), context);
    state(context)?.output.borrow_mut().write(&text);
    Ok(true.into())
}

/// Returns a value as a short text, for messages.
#[expect(clippy::unnecessary_wraps, reason = "functions of the engine have this type")]
fn inspect_value(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let value = argument(arguments, 0);
    let text = match (value.as_string(), value.as_object()) {
        (Some(string), _) => format!("{:?}", string.to_std_string_lossy()),
        (_, Some(object)) if object.is::<Error>() => Thrown::new(&JsError::from_opaque(value)).message().to_owned(),
        _ => inspect(&value, context),
    };
    Ok(JsString::from(Output::cut(&text, 1_000)).into())
}

/// Returns what an object is, whatever its prototype.
#[expect(clippy::unnecessary_wraps, reason = "functions of the engine have this type")]
fn kind(_: &JsValue, arguments: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let value = argument(arguments, 0);
    let Some(object) = value.as_object() else { return Ok(js_string!("primitive").into()) };
    let kind = if object.is::<OrderedMap<JsValue>>() {
        "map"
    } else if object.is::<OrderedSet>() {
        "set"
    } else if object.is::<Date>() {
        "date"
    } else if object.is::<RegExp>() {
        "regexp"
    } else if object.is::<Error>() {
        "error"
    } else if object.is_array() {
        "array"
    } else if object.is_callable() {
        "function"
    } else {
        "object"
    };
    Ok(JsString::from(kind).into())
}

/// Ends the program with a status. No handler of the code catches it.
fn exit(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let status = match argument(arguments, 0) {
        status if status.is_undefined() => 0,
        status => status.to_i32(context)?,
    };
    state(context)?.exit.set(Some(status));
    Err(EngineError::Panic(PanicError::new(format!("process.exit({status})"))).into())
}

/// Remembers a failed assertion of `console.assert`.
fn failed(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let thrown = Thrown::new(&JsError::from_opaque(argument(arguments, 0)));
    state(context)?.failed.borrow_mut().get_or_insert(thrown);
    Ok(JsValue::undefined())
}

/// Takes a function, a delay, whether it is repeated, and the arguments of the function.
fn add_timer(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let [function, delay, is_repeated, arguments @ ..] = arguments else { return Ok(JsValue::undefined()) };
    let Some(function) = function.as_object().and_then(JsFunction::from_object) else {
        return Err(JsNativeError::typ().with_message("a timer needs a function").into());
    };
    let delay = delay.to_number(context)?;
    let number = state(context)?.timers.borrow_mut().add(function, delay, is_repeated.to_boolean(), arguments);
    Ok(number.into())
}

fn remove_timer(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let number = argument(arguments, 0).as_number().unwrap_or_default();
    state(context)?.timers.borrow_mut().remove(number as u32);
    Ok(JsValue::undefined())
}
