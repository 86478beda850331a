//! Placeholder answers, and the tokens of the requests that real ones would need.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::budget::{BYTES_PER_TOKEN, FIRST_GUESS, request_tokens};
use super::embed::TEXTS;
use super::generate::Answered;
use super::schema::AnswerSchema;
use crate::model::{Answer, AnswerError, EstimatedUsage, FinishReason, ModelRequest, ModelSettings};

/// Bytes of a placeholder, at most. Later requests may contain it.
const PLACEHOLDER_BYTES: u64 = 16 << 10;
/// Elements of a placeholder for an embedding.
const WIDTH: usize = 8;
/// Levels of nested schemas for which a placeholder is made.
const MAX_DEPTH: usize = 16;

/// The use of all models of a sample, by the names of the models.
#[derive(Debug, Default)]
pub(crate) struct Estimates(Mutex<BTreeMap<String, EstimatedUsage>>);

impl Estimates {
    /// Returns the use of a model.
    pub(crate) fn usage(&self, name: &str) -> EstimatedUsage {
        let mut usage = self.0.lock().get(name).cloned().unwrap_or_default();
        name.clone_into(&mut usage.name);
        usage
    }

    fn add(&self, name: &str, add: impl FnOnce(&mut EstimatedUsage)) {
        add(self.0.lock().entry(name.to_owned()).or_default());
    }

    /// Counts a request, and returns the placeholder for its answer.
    ///
    /// # Errors
    /// No placeholder matches the schema of the request.
    pub(super) fn answer(&self, settings: &ModelSettings, request: &ModelRequest) -> Answered {
        let tokens = request.max_tokens.map_or(FIRST_GUESS, u64::from);
        let bytes = request.body(settings).to_string().len();
        self.add(&settings.name, |usage| {
            usage.requests += 1;
            usage.without_max_tokens += u64::from(request.max_tokens.is_none());
            usage.input_tokens = usage.input_tokens.saturating_add(request_tokens(bytes));
            usage.output_tokens = usage.output_tokens.saturating_add(tokens);
        });
        let text = match &request.schema {
            None => placeholder(tokens.saturating_mul(BYTES_PER_TOKEN)),
            Some(schema) => matching(schema)?,
        };
        let (model, seconds) = (settings.model.clone(), 0.0);
        let (input_tokens, output_tokens, attempts) = (request_tokens(bytes), tokens, 1);
        Ok(Answer { text, finish: FinishReason::Stop, model, input_tokens, output_tokens, attempts, seconds })
    }

    /// Counts the requests for embeddings, and returns placeholders.
    pub(super) fn embed(&self, settings: &ModelSettings, texts: &[String]) -> Vec<Vec<f32>> {
        let tokens = texts.iter().map(|text| request_tokens(text.len())).fold(0, u64::saturating_add);
        self.add(&settings.name, |usage| {
            usage.requests += texts.len().div_ceil(TEXTS) as u64;
            usage.input_tokens = usage.input_tokens.saturating_add(tokens);
        });
        // Texts have different directions, so that steps that compare them find no duplicates.
        let vector = |text: &String| {
            let mut vector = vec![1.0; WIDTH];
            text.bytes().enumerate().for_each(|(place, byte)| vector[place % WIDTH] += f32::from(byte));
            vector
        };
        texts.iter().map(vector).collect()
    }
}

/// Returns a text of about this length.
fn placeholder(bytes: u64) -> String {
    const WORD: &str = "placeholder ";
    let words = bytes.min(PLACEHOLDER_BYTES).div_ceil(WORD.len() as u64).max(1);
    WORD.repeat(words as usize).trim_end().to_owned()
}

/// Returns JSON that matches a schema.
fn matching(schema: &Value) -> Result<String, AnswerError> {
    let text = example(schema, schema, 0).to_string();
    AnswerSchema::new(schema)?.check(&text).map_err(|problem| {
        AnswerError::rejected(format!("no placeholder answer matches the schema of the request: {problem}"))
    })
}

/// Returns a value for a schema. It may be wrong for schemas with patterns or conditions.
fn example(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    let inner = |inner: &Value| example(inner, root, depth + 1);
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    if let Some(target) = reference.and_then(|path| root.pointer(path)) {
        return inner(target);
    }
    if let Some(first) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.get(0)) {
        return inner(first);
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_u64).unwrap_or(0);
    let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str);
    match kind {
        Some("string") => {
            let longest = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
            let text = placeholder(number("minLength").max(30));
            text.chars().take(usize::try_from(longest).unwrap_or(usize::MAX)).collect::<String>().into()
        }
        Some("integer" | "number") => ["minimum", "maximum"]
            .iter()
            .find_map(|key| schema.get(*key).cloned())
            .or_else(|| schema.get("exclusiveMinimum").and_then(Value::as_i64).map(|least| json!(least + 1)))
            .unwrap_or_else(|| json!(1)),
        Some("boolean") => true.into(),
        Some("null") => Value::Null,
        Some("array") => {
            let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(100);
            let items = number("minItems").max(1).min(most).min(100);
            let item = schema.get("items").map_or(Value::Null, inner);
            vec![item; items as usize].into()
        }
        _ => {
            let empty = Map::new();
            let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
            properties.iter().map(|(name, schema)| (name.clone(), inner(schema))).collect::<Map<_, _>>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_match_usual_schemas() {
        let schemas = [
            json!({ "type": "object", "required": ["a", "b"], "properties": {
                "a": { "type": "integer", "minimum": 1, "maximum": 5 },
                "b": { "type": "string", "minLength": 40, "maxLength": 50 },
                "c": { "enum": ["x", "y"] },
            }, "additionalProperties": false }),
            json!({ "type": "object", "required": ["list"], "properties": {
                "list": { "type": "array", "minItems": 3, "maxItems": 3, "items": { "$ref": "#/$defs/item" } },
            }, "$defs": { "item": { "type": ["string", "null"] } } }),
            json!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 3 }, { "type": "null" }] }),
            json!({ "type": "boolean" }),
            json!({}),
        ];
        for schema in schemas {
            matching(&schema).unwrap_or_else(|error| panic!("{schema}: {}", error.message));
        }
        let error = matching(&json!({ "type": "string", "pattern": "^a+$" })).unwrap_err();
        assert!(
            error.message.starts_with("no placeholder answer matches the schema of the request"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_has_an_end() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        let text = example(&schema, &schema, 0).to_string();
        assert_eq!(text.matches("next").count(), MAX_DEPTH.div_ceil(2) + 1);
    }

    #[test]
    fn requests_and_texts_are_counted() {
        let estimates = Estimates::default();
        let settings = ModelSettings::new("writer", "http://localhost/", "m");
        let texts: Vec<String> = (0..65).map(|number| format!("{number:03}")).collect();
        let vectors = estimates.embed(&settings, &texts);
        assert_eq!(vectors.len(), 65);
        assert_ne!(vectors[0], vectors[1]);
        let usage = estimates.usage("writer");
        assert_eq!((usage.requests, usage.input_tokens, usage.output_tokens), (2, 65, 0));
        assert_eq!(estimates.usage("other").requests, 0);
    }
}
