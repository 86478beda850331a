//! Errors of the contract, from what code throws.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use boa_engine::builtins::proxy::Proxy;
use boa_engine::property::PropertyKey;
use boa_engine::{JsError, JsObject, JsString};
use stillbox_js_engine::{Thrown, syntax_position};

use crate::bindings::stillbox::step::panic;
use crate::bindings::stillbox::step::types::{ErrorKind, Location, StepError};
use crate::bundle::Bundle;
use crate::globals::PRELUDE;
use crate::loader::is_typescript;
use crate::places::{Place, use_of};
use crate::plain;

/// The most calls of functions within each other. If native functions such as `sort` call the code back, an instance has stack
/// for between 1,000 and 1,500.
pub(crate) const MAX_CALLS: usize = 1000;

/// The end of the engine's message about memory for a buffer that it could not get.
const NO_DATA_BLOCK: &str = " while allocating data block";

/// The most bytes of a text; the host truncates a message to 64 KiB.
const MAX_TEXT: usize = 60_000;

thread_local! {
    static ROW: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Sets the row that the step is processing.
pub(crate) fn set_row(row: Option<u32>) {
    ROW.set(row);
}

/// Reports panics of the engine to the host.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("the engine failed");
        if message == "capacity overflow" {
            // The place is in the engine, and says nothing about the step.
            panic::report("a text or a list is too long for the JavaScript engine", None, ROW.get());
            return;
        }
        let location = info.location();
        let location =
            location.map(|at| Location { file: at.file().to_owned(), line: at.line(), column: Some(at.column()) });
        panic::report(&format!("the JavaScript engine failed: {message}"), location.as_ref(), ROW.get());
    }));
}

/// An error of the engine, or of the host.
pub(crate) fn internal(message: impl Into<String>) -> StepError {
    plain(ErrorKind::Internal, message)
}

/// The classes of errors in the SDK.
#[derive(Debug)]
pub(crate) struct ErrorClasses {
    pub(crate) step_error: JsObject,
    pub(crate) drop: JsObject,
    /// The classes with a kind.
    pub(crate) kinds: Vec<(JsObject, ErrorKind)>,
    pub(crate) uses: RefCell<Uses>,
}

/// The places of uses of variables that do not exist, by the place that the engine has: that of the function. Many rows fail in the same way.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<(String, Place, String), Option<Place>>);

impl Uses {
    fn move_to_use(&mut self, frame: &mut Frame, name: &str, bundle: &Bundle) {
        let place = (frame.line, frame.column);
        let find = || {
            let code = bundle.modules.get(&frame.file)?.code.to_std_string_lossy();
            use_of(&code, is_typescript(&frame.file), name, place)
        };
        let found = *self.0.entry((frame.file.clone(), place, name.to_owned())).or_insert_with(find);
        (frame.line, frame.column) = found.unwrap_or(place);
    }
}

impl ErrorClasses {
    /// Returns the object that was thrown to drop a row.
    pub(crate) fn as_drop(&self, error: &JsError) -> Option<JsObject> {
        error.as_opaque()?.as_object().filter(|object| has_prototype(object, &self.drop))
    }

    fn kind(&self, object: &JsObject) -> Option<ErrorKind> {
        self.kinds.iter().find(|(class, _)| has_prototype(object, class)).map(|(_, kind)| *kind)
    }

    /// Converts what was thrown to an error of the contract.
    pub(crate) fn describe(&self, error: &JsError, kind: ErrorKind, bundle: &Bundle) -> StepError {
        let mut thrown = Thrown::new(error);
        thrown.retain_frames(|frame| !frame.contains(PRELUDE));
        let mut is_syntax = false;
        if thrown.frames().is_empty()
            && thrown.name() == Some("SyntaxError")
            && let Some(module) = syntax_module(thrown.message(), bundle)
        {
            is_syntax = true;
            thrown.add_frame(module);
        }
        let object = error.as_opaque().and_then(boa_engine::JsValue::as_object);
        let own = object.as_ref().filter(|object| has_prototype(object, &self.step_error));
        let message = match own {
            Some(object) => own_text(object, "message").unwrap_or_default(),
            None if error.as_engine().is_some() => {
                format!("RangeError: more than {MAX_CALLS} calls of functions within each other, or too many values")
            }
            None if thrown.message().ends_with(NO_DATA_BLOCK) => {
                "RangeError: the limit on the memory of the step leaves no room for a buffer or typed array of this size".to_owned()
            }
            None if is_syntax => without_place(thrown.message(), bundle),
            None => thrown.message().to_owned(),
        };
        let mut frames: Vec<Frame> = thrown.frames().iter().map(|frame| Frame::parse(frame)).collect();
        if let (true, Some(name), Some(frame)) = (own.is_none(), undefined(&message), frames.first_mut()) {
            self.uses.borrow_mut().move_to_use(frame, name, bundle);
        }
        let found = frames.iter().find(|frame| bundle.modules.contains_key(&frame.file));
        let location =
            found.map(|frame| Location { file: frame.file.clone(), line: frame.line, column: Some(frame.column) });
        let retry_after = own.and_then(|object| own_value(object, "retryAfter")?.as_number());
        let kind = own.and_then(|object| self.kind(object)).unwrap_or(kind);
        let hint = own.and_then(|object| own_text(object, "hint")).or_else(|| hint(&message));
        StepError {
            kind,
            message: cut(message),
            causes: thrown.causes().iter().map(|cause| cut(cause.clone())).collect(),
            location,
            trace: frames.iter().rev().map(|frame| frame.shown(bundle)).collect(),
            hint: hint.map(cut),
            retry_after_ms: retry_after
                .filter(|seconds| kind == ErrorKind::Transient && *seconds >= 0.0)
                .map(|seconds| (seconds * 1000.0) as u64),
        }
    }
}

/// Returns the place of a syntax error that the engine found in the first module that may have it.
fn syntax_module(message: &str, bundle: &Bundle) -> Option<String> {
    let (line, column) = syntax_position(message)?;
    let path = named_module(message, bundle).map_or(&*bundle.main, |(path, _)| path);
    Some(format!("{path}:{line}:{column}"))
}

/// Returns the name of a variable that does not exist, in the engine's message about it.
fn undefined(message: &str) -> Option<&str> {
    message.strip_prefix("ReferenceError: ")?.strip_suffix(" is not defined")
}

const SYNTAX_ERROR: &str = "SyntaxError: ";

/// Returns the module that the loader named in front of a message, and the rest of the message.
fn named_module<'a>(message: &'a str, bundle: &'a Bundle) -> Option<(&'a str, &'a str)> {
    let message = message.strip_prefix(SYNTAX_ERROR)?;
    let named =
        bundle.modules.keys().filter_map(|path| Some((&**path, message.strip_prefix(&**path)?.strip_prefix(": ")?)));
    named.max_by_key(|(path, _)| path.len())
}

/// Returns the message of a syntax error without the place, which is reported by itself.
fn without_place(message: &str, bundle: &Bundle) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    named_module(message, bundle).map_or_else(|| message.to_owned(), |(_, message)| format!("{SYNTAX_ERROR}{message}"))
}

/// A call in a trace.
struct Frame {
    function: String,
    file: String,
    line: u32,
    column: u32,
}

impl Frame {
    /// Reads `f (file.js:1:2)` or `file.js:1:2`.
    fn parse(text: &str) -> Self {
        let (function, place) = match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
            Some((function, place)) => (function.trim_end(), place),
            None => ("", text),
        };
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next().and_then(|part| part.parse().ok());
        let line = parts.next().and_then(|part| part.parse().ok());
        match (parts.next(), line, column) {
            (Some(file), Some(line), Some(column)) => {
                Self { function: function.into(), file: file.into(), line, column }
            }
            _ => Self { function: text.into(), file: String::new(), line: 0, column: 0 },
        }
    }

    fn shown(&self, bundle: &Bundle) -> String {
        if self.file.is_empty() {
            return cut(self.function.clone());
        }
        let mut text = format!("{}:{}", self.file, self.line);
        if !self.function.is_empty() {
            text.push_str(" in ");
            text.push_str(&self.function);
        }
        if let Some(line) = bundle.line(&self.file, self.line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cut(text)
    }
}

/// Returns advice on an error whose cause is that a step is not a page or a program of Node.
fn hint(message: &str) -> Option<String> {
    let name = undefined(message)?;
    Some(match name {
        "fetch" | "XMLHttpRequest" | "WebSocket" => {
            "a step in JavaScript sends no requests: use a step in Rust or Python, which can send them with a grant, before it"
                .into()
        }
        "require" | "module" | "exports" => "a step consists of ES modules: use `import` and `export`".into(),
        "process" | "Buffer" | "__dirname" | "__filename" | "Deno" | "Bun" => {
            format!(
                "`{name}` belongs to Node: a step has the language, `console`, timers, `TextEncoder` and `TextDecoder`"
            )
        }
        "URL" | "URLSearchParams" | "Intl" | "Temporal" | "crypto" | "structuredClone" | "window" | "document" => {
            format!("a step has no `{name}`: it has the language, `console`, timers, `TextEncoder` and `TextDecoder`")
        }
        _ => return None,
    })
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str("...");
    }
    text
}

/// Returns whether an object has another one among its prototypes. No code of the step runs.
pub(crate) fn has_prototype(object: &JsObject, wanted: &JsObject) -> bool {
    let mut at = Some(object.clone());
    while let Some(object) = at.filter(|object| !object.is::<Proxy>()) {
        at = object.prototype();
        if at.as_ref().is_some_and(|prototype| JsObject::equals(prototype, wanted)) {
            return true;
        }
    }
    false
}

fn own_value(object: &JsObject, name: &str) -> Option<boa_engine::JsValue> {
    object.try_borrow().ok()?.properties().get(&PropertyKey::from(JsString::from(name)))?.value().cloned()
}

/// Reads a text of an object without calling a getter.
pub(crate) fn own_text(object: &JsObject, name: &str) -> Option<String> {
    Some(own_value(object, name)?.as_string()?.to_std_string_lossy())
}
