//! The JSON Schema of an answer, and its columns.

use stillbox_sdk::any::{AnyValue, Field};
use stillbox_sdk::parameters::{Bounds, ParameterValue, Problems};
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Context as _, Json, JsonType, Result, bail, ensure};

/// A JSON Schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    text: String,
    value: Value,
    properties: Vec<(String, JsonType)>,
}

impl Schema {
    fn new(value: &Value) -> Self {
        let properties = value.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten().map(|(name, schema)| (name.clone(), json_type(schema)));
        Self { text: value.to_string(), value: value.clone(), properties: properties.collect() }
    }

    /// Returns the JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that the answers are objects with known properties.
    pub(crate) fn check_properties(&self) -> Result<()> {
        ensure!(
            self.value.get("type").and_then(Value::as_str) == Some("object"),
            "`schema` has to have the `type` \"object\"; set `into` for other answers"
        );
        if self.properties.is_empty() {
            bail!("`schema` has no `properties`, which are the output columns; set `into` for the whole answer");
        }
        Ok(())
    }

    /// Returns the column of each property.
    pub(crate) fn fields(&self) -> Vec<Field> {
        self.properties.iter().map(|(name, json_type)| Field::new(name, json_type.data_type())).collect()
    }

    /// Returns the value of each property of an answer.
    pub(crate) fn values(&self, answer: Json<'_>) -> Result<Vec<AnyValue<'static>>> {
        let value = |(name, json_type): &(String, JsonType)| match answer.member(name)? {
            Some(value) if value.text() != "null" => {
                let value = value
                    .value_as(*json_type)
                    .with_context(|| format!("the property `{name}` of the answer does not fit its column"));
                Ok(value?.into_static())
            }
            _ => Ok(AnyValue::Null),
        };
        self.properties.iter().map(value).collect()
    }
}

/// Returns the type of the column for a property.
fn json_type(schema: &Value) -> JsonType {
    let by_name = |name: &str| match name {
        "string" => JsonType::Text,
        "integer" => JsonType::Integer,
        "number" => JsonType::Float,
        "boolean" => JsonType::Boolean,
        _ => JsonType::Json,
    };
    let only_texts =
        |values: &[Value]| !values.is_empty() && values.iter().all(|value| value.is_string() || value.is_null());
    match (schema.get("type"), schema.get("enum")) {
        (Some(Value::String(name)), _) => by_name(name),
        (Some(Value::Array(names)), _) => {
            // A type or null.
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            match (names.next(), names.next()) {
                (Some(name), None) => by_name(name),
                _ => JsonType::Json,
            }
        }
        (None, Some(Value::Array(values))) if only_texts(values) => JsonType::Text,
        _ => JsonType::Json,
    }
}

impl ParameterValue for Schema {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        if value.is_object() {
            Some(Self::new(value))
        } else {
            problems.wrong_type(at, "a JSON Schema, which is a table", value)
        }
    }

    fn schema(out: &mut String, _: &Bounds) {
        out.push_str("\"type\":\"object\"");
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::serde_json::json;

    use super::*;

    #[test]
    fn each_property_has_the_type_of_its_column() {
        let type_of = |schema: &Value| json_type(schema);
        assert_eq!(type_of(&json!({ "type": "string" })), JsonType::Text);
        assert_eq!(type_of(&json!({ "type": ["integer", "null"] })), JsonType::Integer);
        assert_eq!(type_of(&json!({ "type": ["integer", "string"] })), JsonType::Json);
        assert_eq!(type_of(&json!({ "enum": ["a", null] })), JsonType::Text);
        assert_eq!(type_of(&json!({ "enum": ["a", 1] })), JsonType::Json);
        assert_eq!(type_of(&json!(true)), JsonType::Json);
    }
}
