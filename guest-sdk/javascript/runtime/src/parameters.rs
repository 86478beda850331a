//! The parameters of a step: their schema, and their values as an object. All mistakes are reported at once.

use std::fmt::Write as _;

use boa_engine::{Context, JsError, JsObject, JsResult, JsValue};

use crate::bindings::stillbox::step::types::{ErrorKind, StepError};
use crate::definition::{Definition, ParameterSpec, ParameterType, Range};
use crate::json::Json;
use crate::json_value::{integer_to_js, quote, to_js, write};
use crate::plain;

impl Definition {
    /// Returns the JSON Schema of the parameters.
    ///
    /// # Errors
    /// A default is not JSON.
    pub(crate) fn schema(&self, context: &mut Context) -> JsResult<String> {
        let mut out = String::from("{\"type\":\"object\",\"properties\":{");
        for (position, parameter) in self.parameters.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            quote(&mut out, &parameter.name);
            let mut parts = Vec::new();
            if let Some(doc) = &parameter.doc {
                let mut part = String::from("\"description\":");
                quote(&mut part, doc);
                parts.push(part);
            }
            parts.extend(type_schema(&parameter.parameter_type));
            if !parameter.default.is_null_or_undefined() {
                let mut part = String::from("\"default\":");
                write(&mut part, &parameter.default, 0, context)?;
                parts.push(part);
            }
            let _ = write!(out, ":{{{}}}", parts.join(","));
        }
        out.push('}');
        let required: Vec<_> = self.parameters.iter().filter(|parameter| parameter.is_required).collect();
        if !required.is_empty() {
            out.push_str(",\"required\":[");
            for (position, parameter) in required.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                quote(&mut out, &parameter.name);
            }
            out.push(']');
        }
        out.push_str(",\"additionalProperties\":false}");
        Ok(out)
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// They do not fit the schema; all mistakes are in the message.
    pub(crate) fn read_parameters(&self, text: &str, context: &mut Context) -> Result<JsObject, StepError> {
        let error = |message: String| plain(ErrorKind::Parameters, message);
        let text = if text.trim().is_empty() { "{}" } else { text };
        let json = Json::parse(text).map_err(|why| error(format!("the parameters are not JSON: {why}")))?;
        if !matches!(json, Json::Object(_)) {
            return Err(error(format!("the parameters must be an object, not {}", found(&json))));
        }
        let mut problems = Vec::new();
        for (name, _) in json.members() {
            let name = name.to_std_string_lossy();
            if !self.parameters.iter().any(|parameter| parameter.name == name) {
                problems.push(format!("unknown parameter `{name}`{}", self.suggestion(&name)));
            }
        }
        let object = JsObject::with_object_proto(context.intrinsics());
        for parameter in &self.parameters {
            match parameter.value(&json, &mut problems, context) {
                Ok(value) => {
                    let created = object.create_data_property_or_throw(parameter.key.clone(), value, context);
                    created.map_err(|why| error(why.to_string()))?;
                }
                Err(why) => problems.push(format!("`{}`: {why}", parameter.name)),
            }
        }
        if problems.is_empty() { Ok(object) } else { Err(error(problems.join("; "))) }
    }

    /// The end of a message about an unknown name: a name that differs by few characters, or all names.
    fn suggestion(&self, name: &str) -> String {
        let names = self.parameters.iter().map(|parameter| &*parameter.name);
        let nearest = names.clone().map(|known| (distance(name, known), known)).min();
        match nearest {
            None => "; no parameters are expected".to_owned(),
            Some((steps, known)) if steps <= 1 + known.len() / 4 => format!(", did you mean `{known}`?"),
            Some(_) => {
                let names: Vec<String> = names.map(|known| format!("`{known}`")).collect();
                format!("; expected {}{}", if names.len() == 1 { "" } else { "one of " }, names.join(", "))
            }
        }
    }
}

impl ParameterSpec {
    fn value(&self, json: &Json, problems: &mut Vec<String>, context: &mut Context) -> Result<JsValue, JsError> {
        match json.member(&self.name) {
            Some(Json::Null) if !self.is_required && self.default.is_undefined() => Ok(JsValue::null()),
            Some(value) => read(value, &self.parameter_type, &self.name, problems, context),
            None if self.is_required => {
                problems.push(format!("`{}` is missing, and there is no default", self.name));
                Ok(JsValue::undefined())
            }
            None if self.default.is_undefined() => Ok(JsValue::null()),
            None => Ok(self.default.clone()),
        }
    }
}

/// The number of characters to insert, delete or replace to turn one name into the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, left) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The members of a type's schema; none if any value fits.
fn type_schema(parameter: &ParameterType) -> Option<String> {
    let (name, range) = match parameter {
        ParameterType::Json => return None,
        ParameterType::Boolean => ("boolean", Range::default()),
        ParameterType::Integer(range) => ("integer", *range),
        ParameterType::Float(range) => ("number", *range),
        ParameterType::Text(_) => ("string", Range::default()),
        ParameterType::List(_) => ("array", Range::default()),
    };
    let mut out = format!("\"type\":\"{name}\"");
    for (key, bound) in [("minimum", range.min), ("maximum", range.max)] {
        if let Some(bound) = bound.filter(|bound| bound.is_finite()) {
            let _ = write!(out, ",\"{key}\":{bound}");
        }
    }
    match parameter {
        ParameterType::Text(Some(choices)) => {
            out.push_str(",\"enum\":[");
            for (position, choice) in choices.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                quote(&mut out, choice);
            }
            out.push(']');
        }
        ParameterType::List(of) => {
            let _ = write!(out, ",\"items\":{{{}}}", type_schema(of).unwrap_or_default());
        }
        _ => {}
    }
    Some(out)
}

/// Reads one value. A mistake is added to the problems.
fn read(
    json: &Json,
    wanted: &ParameterType,
    at: &str,
    problems: &mut Vec<String>,
    context: &mut Context,
) -> JsResult<JsValue> {
    let mut wrong = |expected: &str| {
        problems.push(format!("`{at}` must be {expected}, not {}", found(json)));
        Ok(JsValue::undefined())
    };
    match (wanted, json) {
        (ParameterType::Json, json) => to_js(json, context),
        (ParameterType::Boolean, Json::Boolean(value)) => Ok((*value).into()),
        (ParameterType::Boolean, _) => wrong("true or false"),
        (ParameterType::Text(None), Json::Text(text)) => Ok(text.clone().into()),
        (ParameterType::Text(None), _) => wrong("a text"),
        (ParameterType::Text(Some(choices)), json) => match json {
            Json::Text(text) if choices.contains(&text.to_std_string_lossy()) => Ok(text.clone().into()),
            _ => wrong(&format!("one of {}", choices.join(", "))),
        },
        (ParameterType::Integer(range), Json::Number(number)) => {
            match number.parse::<i64>().ok().and_then(integer_to_js) {
                Some(value) if range.contains(value.as_number()) => Ok(value),
                Some(_) => wrong(&range.words("a whole number")),
                None => wrong("a whole number of at most 2^53 - 1"),
            }
        }
        (ParameterType::Integer(range), _) => wrong(&range.words("a whole number")),
        (ParameterType::Float(range), Json::Number(number)) => match number.parse::<f64>() {
            Ok(value) if value.is_finite() && range.contains(Some(value)) => Ok(value.into()),
            _ => wrong(&range.words("a number")),
        },
        (ParameterType::Float(range), _) => wrong(&range.words("a number")),
        (ParameterType::List(of), Json::List(elements)) => {
            let mut values = Vec::with_capacity(elements.len());
            for (position, element) in elements.iter().enumerate() {
                values.push(read(element, of, &format!("{at}[{position}]"), problems, context)?);
            }
            Ok(boa_engine::object::builtins::JsArray::from_iter(values, context).into())
        }
        (ParameterType::List(_), _) => wrong("a list"),
    }
}

impl Range {
    fn contains(self, value: Option<f64>) -> bool {
        value.is_some_and(|value| self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max))
    }

    fn words(self, what: &str) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{what} from {min} to {max}"),
            (Some(min), None) => format!("{what} of at least {min}"),
            (None, Some(max)) => format!("{what} of at most {max}"),
            (None, None) => what.to_owned(),
        }
    }
}

fn found(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Boolean(value) => value.to_string(),
        Json::Number(number) => number.chars().take(40).collect(),
        Json::Text(text) => format!("the text {:?}", text.to_std_string_lossy().chars().take(40).collect::<String>()),
        Json::List(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
