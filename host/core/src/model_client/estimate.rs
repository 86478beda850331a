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
/// Values of a placeholder, at most. A text counts as one more value for each `VALUE_BYTES` of it.
const MAX_VALUES: usize = 10_000;
const VALUE_BYTES: usize = 64;

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
    let wrong = |problem: &str| {
        AnswerError::rejected(format!("no placeholder answer matches the schema of the request: {problem}"))
    };
    let example = Example::new(schema).value(schema, 0);
    let text = example.ok_or_else(|| wrong("it would be too large"))?.to_string();
    AnswerSchema::new(schema)?.check(&text).map_err(|problem| wrong(&problem))
}

/// Makes a value for a schema. It may be wrong for schemas with patterns or conditions.
struct Example<'a> {
    root: &'a Value,
    /// Values that may still be made. A schema of a few bytes can repeat itself many times at each level.
    left: usize,
}

impl<'a> Example<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, left: MAX_VALUES }
    }

    /// Counts a value with a text of this length.
    fn count(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.checked_sub(1 + bytes / VALUE_BYTES)?;
        Some(())
    }

    /// Returns a value, or `None` if there would be too many.
    fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        self.count(0)?;
        if depth > MAX_DEPTH {
            return Some(Value::Null);
        }
        if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
            self.count(value.to_string().len())?;
            return Some(value.clone());
        }
        let root = self.root;
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        if let Some(target) = reference.and_then(|path| root.pointer(path)) {
            return self.value(target, depth + 1);
        }
        if let Some(first) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.get(0)) {
            return self.value(first, depth + 1);
        }
        let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str);
        Some(match kind {
            Some("string") => {
                let text = text(schema);
                self.count(text.len())?;
                text.into()
            }
            Some("integer" | "number") => number(schema),
            Some("boolean") => true.into(),
            Some("null") => Value::Null,
            Some("array") => self.array(schema, depth)?,
            _ => self.object(schema, depth)?,
        })
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(100);
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let items = least.max(1).min(most).min(100);
        let items = (0..items).map(|_| match schema.get("items") {
            Some(item) => self.value(item, depth + 1),
            None => self.count(0).map(|()| Value::Null),
        });
        items.collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        let mut object = Map::new();
        for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.count(name.len())?;
            object.insert(name.clone(), self.value(schema, depth + 1)?);
        }
        Some(object.into())
    }
}

fn text(schema: &Value) -> String {
    let length = |key: &str| schema.get(key).and_then(Value::as_u64);
    let longest = length("maxLength").and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    placeholder(length("minLength").unwrap_or(0).max(30)).chars().take(longest).collect()
}

fn number(schema: &Value) -> Value {
    let limit = ["minimum", "maximum"].iter().find_map(|key| schema.get(*key).cloned());
    let above = || schema.get("exclusiveMinimum").and_then(Value::as_i64).map(|least| json!(least.saturating_add(1)));
    limit.or_else(above).unwrap_or_else(|| json!(1))
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
        let text = Example::new(&schema).value(&schema, 0).expect("it is small").to_string();
        assert_eq!(text.matches("next").count(), MAX_DEPTH.div_ceil(2) + 1);
    }

    #[test]
    fn a_schema_that_multiplies_itself_is_an_error() {
        let nested = (0..15)
            .fold(json!({ "type": "boolean" }), |items, _| json!({ "type": "array", "minItems": 100, "items": items }));
        let again = json!({ "$ref": "#" });
        let branches = json!({ "properties": { "a": again, "b": again, "c": again, "d": again } });
        let large = "x".repeat(60_000);
        let texts = |item: Value| json!({ "type": "array", "minItems": 100, "items": item });
        let schemas = [
            nested,
            json!({ "type": "array", "minItems": 100, "items": { "$ref": "#" } }),
            branches,
            texts(json!({ "const": large })),
            texts(json!({ "properties": { (large): { "type": "null" } } })),
            texts(json!({ "type": "string", "minLength": 1_000_000 })),
        ];
        for schema in schemas {
            let error = matching(&schema).unwrap_err();
            let expected = "no placeholder answer matches the schema of the request: it would be too large";
            assert_eq!(error.message, expected);
        }
        let bounded =
            json!({ "type": "array", "minItems": 90, "items": { "type": "array", "minItems": 90, "items": {} } });
        matching(&bounded).expect("8,191 values are not too many");
    }

    #[test]
    fn the_largest_integer_has_no_larger_one() {
        let most = json!({ "type": "integer", "exclusiveMinimum": i64::MAX });
        assert_eq!(number(&most), json!(i64::MAX));
        assert!(matching(&most).unwrap_err().message.starts_with("no placeholder answer matches"));
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
