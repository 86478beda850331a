use std::borrow::Cow;

use super::Json;
use crate::any_value::AnyValue;
use crate::contract::DataType;
use crate::parameters::{Bounds, ParameterValue, Problems, enum_schema};
use crate::{Error, Result};

/// A JSON value by its kind. Numbers, lists and objects are unparsed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonValue<'a> {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number, as written.
    Number(&'a str),
    /// A text.
    Text(Cow<'a, str>),
    /// A list: see [`Json::elements`].
    List(Json<'a>),
    /// An object: see [`Json::member`].
    Object(Json<'a>),
}

impl<'a> Json<'a> {
    /// Returns the value by its kind, which its first character determines. The parts of lists and objects are not checked.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn value(self) -> Result<JsonValue<'a>> {
        let text = self.0.trim_matches([' ', '\t', '\n', '\r']);
        let is_number = || text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        match text.as_bytes().first() {
            Some(b'[') => Ok(JsonValue::List(Json(text))),
            Some(b'{') => Ok(JsonValue::Object(Json(text))),
            Some(b'"') => Json(text).text_value().map(JsonValue::Text).ok_or_else(|| not_json(text)),
            Some(b'-' | b'0'..=b'9') if is_number() => Ok(JsonValue::Number(text)),
            _ => match text {
                "null" => Ok(JsonValue::Null),
                "true" => Ok(JsonValue::Boolean(true)),
                "false" => Ok(JsonValue::Boolean(false)),
                _ => Err(not_json(text)),
            },
        }
    }

    /// Returns a JSON string's value, and the JSON text of any other value.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn to_text(self) -> Result<Cow<'a, str>> {
        Ok(match self.value()? {
            JsonValue::Text(text) => text,
            _ => self.0.into(),
        })
    }

    /// Returns the value for a column of a type, without conversion. A number fits an integer column if it is a whole number of
    /// 64 bits in any notation (`1e3` fits), and a float column if it is finite. Null fits every type.
    ///
    /// # Errors
    /// The value does not fit the type.
    pub fn value_as(self, json_type: JsonType) -> Result<AnyValue<'a>> {
        if json_type == JsonType::Json {
            return Ok(AnyValue::Json(self.0.into()));
        }
        let value = self.value()?;
        Ok(match (json_type, value) {
            (_, JsonValue::Null) => AnyValue::Null,
            (JsonType::Boolean, JsonValue::Boolean(value)) => AnyValue::Boolean(value),
            (JsonType::Integer, JsonValue::Number(number)) => AnyValue::Integer(integer(number)?),
            (JsonType::Float, JsonValue::Number(number)) => AnyValue::Float(float(number)?),
            (JsonType::Text, JsonValue::Text(text)) => AnyValue::Text(text),
            (wanted, value) => {
                return Err(Error::input(format_args!("{} is not {}", value.describe(), wanted.describe())));
            }
        })
    }
}

impl JsonValue<'_> {
    /// Describes the value for a message. Long values are truncated.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => format!("the number {}", truncate(number)),
            Self::Text(text) => format!("the text {:?}", truncate(text)),
            Self::List(json) => format!("the list {}", truncate(json.text())),
            Self::Object(json) => format!("the object {}", truncate(json.text())),
        }
    }
}

/// 2^63, the smallest float that is too large for a 64-bit integer.
const LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// Parses a number as an integer.
fn integer(number: &str) -> Result<i64> {
    if let Ok(integer) = number.parse() {
        return Ok(integer);
    }
    match number.parse::<f64>() {
        // Plain digits that do not fit into an integer would be rounded by the conversion to a float.
        Ok(float) if float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) && !is_plain(number) => Ok(float as i64),
        _ => Err(Error::input(format_args!("the number {} is not a 64-bit integer", truncate(number)))),
    }
}

fn is_plain(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn float(number: &str) -> Result<f64> {
    match number.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(float),
        _ => Err(Error::input(format_args!("the number {} is too large for a float", truncate(number)))),
    }
}

/// Truncates a text for a message.
fn truncate(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}

fn not_json(text: &str) -> Error {
    Error::input(format_args!("{:?} is not JSON", truncate(text)))
}

/// The column types that [`Json::value_as`] supports. As a parameter, the name of one: `boolean`, `integer`, `float`, `text` or
/// `json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonType {
    /// True or false.
    Boolean,
    /// A whole number of 64 bits.
    Integer,
    /// A number.
    Float,
    /// A text.
    Text,
    /// Any JSON value, unchanged.
    #[default]
    Json,
}

impl JsonType {
    const ALL: [Self; 5] = [Self::Boolean, Self::Integer, Self::Float, Self::Text, Self::Json];
    const NAMES: [&'static str; 5] = ["boolean", "integer", "float", "text", "json"];

    /// Returns the type of the column.
    pub const fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Integer,
            Self::Float => DataType::Float,
            Self::Text => DataType::Text,
            Self::Json => DataType::Json,
        }
    }

    /// Describes a value of the type, for a message.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::Text => "a text",
            Self::Json => "a JSON value",
        }
    }
}

impl ParameterValue for JsonType {
    fn read(value: &serde_json::Value, at: &str, problems: &mut Problems) -> Option<Self> {
        let found = Self::NAMES.iter().position(|name| value.as_str() == Some(name));
        found.map(|i| Self::ALL[i]).or_else(|| problems.unknown_name(at, &Self::NAMES, value))
    }

    fn schema(out: &mut String, _: &Bounds) {
        enum_schema(out, &Self::NAMES);
    }

    fn write(&self, out: &mut String) {
        Self::NAMES[*self as usize].to_owned().write(out);
    }
}
