//! Thrown values as text.

use std::fmt::Write as _;

use boa_engine::builtins::error::Error;
use boa_engine::builtins::proxy::Proxy;
use boa_engine::{JsError, JsObject, JsString, js_string};

use crate::inspect::own_property;

/// The most causes of an error that are read: a cause can be its own cause.
const MAX_CAUSES: usize = 16;

/// Something that was thrown: an error, or any other value.
#[derive(Debug, Clone, Default)]
pub struct Thrown {
    message: String,
    name: Option<String>,
    /// The calls that led there, the innermost first: `f (file.js:1:2)`.
    frames: Vec<String>,
    causes: Vec<String>,
}

impl Thrown {
    /// Describes an error. No function of the code is called.
    pub fn new(error: &JsError) -> Self {
        let frames = frames(error);
        if let Some(native) = error.as_native() {
            let kind = native.kind().to_string();
            // The parser's words for code that ends too early.
            let message = if native.message() == "abrupt end" { "unexpected end of input" } else { native.message() };
            let message = join(&kind, message);
            return Self { message, name: Some(kind), frames, causes: Vec::new() };
        }
        let Some(value) = error.as_opaque() else {
            return Self { message: engine_message(error), name: None, frames, causes: Vec::new() };
        };
        let Some(object) = value.as_object().filter(|object| object.is::<Error>()) else {
            let message = match value.as_object() {
                Some(object) if object.is::<Proxy>() => "a proxy".to_owned(),
                Some(object) if object.is_ordinary() => "an object".to_owned(),
                _ => value.as_string().map_or_else(|| value.display().to_string(), |text| text.to_std_string_lossy()),
            };
            return Self { message: format!("thrown: {message}"), name: None, frames, causes: Vec::new() };
        };
        let name = text_property(&object, "name").unwrap_or_else(|| "Error".to_owned());
        let message = join(&name, &text_property(&object, "message").unwrap_or_default());
        Self { message, name: Some(name), frames, causes: causes(&object) }
    }

    /// The name and the message: `TypeError: x is not a function`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name of the error: `TypeError`. `None` if it is not an error.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The calls that led there, the innermost first: `f (file.js:1:2)`.
    pub fn frames(&self) -> &[String] {
        &self.frames
    }

    /// The messages of the causes, the nearest first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// Removes the frames for which a condition is false.
    pub fn retain_frames(&mut self, keep: impl Fn(&str) -> bool) {
        self.frames.retain(|frame| keep(frame));
    }

    /// Replaces the name and the message.
    #[must_use]
    pub fn with_message(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    /// Adds a frame to an error that has none.
    pub fn add_frame(&mut self, frame: String) {
        self.frames.push(frame);
    }

    /// The message, a line for each call, and the causes. Equal lines in a row are counted.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        for equal in self.frames.chunk_by(|a, b| a == b) {
            let _ = write!(text, "\n    at {}", equal[0]);
            if equal.len() > 1 {
                let _ = write!(text, " ({} times)", equal.len());
            }
        }
        for cause in &self.causes {
            text.push_str("\n  caused by ");
            text.push_str(cause);
        }
        text
    }
}

/// Returns the line and the column that the message of a syntax error ends with, both from 1.
pub fn syntax_position(message: &str) -> Option<(u32, u32)> {
    let (_, after) = message.rsplit_once("at line ")?;
    let (line, column) = after.split_once(", col ")?;
    let digits = column.find(|c: char| !c.is_ascii_digit()).map_or(column, |end| &column[..end]);
    Some((line.parse().ok()?, digits.parse().ok()?))
}

fn join(name: &str, message: &str) -> String {
    match (name, message) {
        ("", message) => message.to_owned(),
        (name, "") => name.to_owned(),
        (name, message) => format!("{name}: {message}"),
    }
}

/// The message of an error of the engine, without the name of its Rust type.
fn engine_message(error: &JsError) -> String {
    let text = error.as_engine().map(ToString::to_string).unwrap_or_default();
    match text.split_once(": ") {
        Some((_, message)) => message.to_owned(),
        None => text,
    }
}

/// The frames of an error, which can be read only as text: they follow the text of the value.
fn frames(error: &JsError) -> Vec<String> {
    let value = if let Some(native) = error.as_native() {
        native.to_string()
    } else if let Some(engine) = error.as_engine() {
        engine.to_string()
    } else if let Some(value) = error.as_opaque() {
        value.display().to_string()
    } else {
        return Vec::new();
    };
    let text = error.to_string();
    let frames = text.get(value.len()..).unwrap_or_default().split("\n    at ").skip(1);
    // Functions of the engine without a name, such as those of promises.
    let frames = frames.filter(|frame| !frame.trim_start().starts_with("(native)"));
    frames.map(|frame| frame.replace("<main> (", "(").replace(":?:?", "")).map(without_parentheses).collect()
}

/// `(file.js:1:2)` of code outside of functions is `file.js:1:2`, as in Node.
fn without_parentheses(frame: String) -> String {
    match frame.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => inner.to_owned(),
        None => frame,
    }
}

/// Reads a property with a string, without calling a getter.
fn text_property(object: &JsObject, name: &str) -> Option<String> {
    let mut around = Some(object.clone());
    while let Some(object) = around {
        if object.is::<Proxy>() {
            return None;
        }
        if let Some(property) = own_property(&object, &JsString::from(name).into()) {
            return Some(property.value()?.as_string()?.to_std_string_lossy());
        }
        around = object.prototype();
    }
    None
}

fn causes(error: &JsObject) -> Vec<String> {
    let mut causes = Vec::new();
    let mut at = error.clone();
    while causes.len() < MAX_CAUSES {
        let property = own_property(&at, &js_string!("cause").into());
        let Some(cause) = property.and_then(|property| property.value().cloned()) else { break };
        let Some(object) = cause.as_object().filter(|object| object.is::<Error>()) else {
            causes.push(Thrown::new(&JsError::from_opaque(cause)).message.replacen("thrown: ", "", 1));
            break;
        };
        let name = text_property(&object, "name").unwrap_or_else(|| "Error".to_owned());
        causes.push(join(&name, &text_property(&object, "message").unwrap_or_default()));
        at = object;
    }
    causes
}
