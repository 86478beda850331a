//! Answers that have to match a JSON Schema.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::model::AnswerError;
use crate::text::cut;

/// Bytes of a description of one problem.
const PROBLEM_BYTES: usize = 500;
/// Bytes of a schema. Validation takes time that nothing interrupts.
pub(super) const SCHEMA_BYTES: usize = 64 << 10;

/// A schema that is ready to validate answers.
pub(super) struct AnswerSchema(Validator);

impl AnswerSchema {
    /// Compiles a schema. References to other documents are not followed, and patterns take linear time.
    ///
    /// # Errors
    /// It is not a schema.
    pub(super) fn new(schema: &Value) -> Result<Self, AnswerError> {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        options.build(schema).map(Self).map_err(|error| {
            AnswerError::rejected("the schema for the answer is not a JSON Schema")
                .cause(cut(&error.to_string(), PROBLEM_BYTES))
        })
    }

    /// Returns the JSON of an answer, or how the answer differs from the schema.
    pub(super) fn check(&self, text: &str) -> Result<String, String> {
        let text = without_fence(text);
        let json: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        match self.0.iter_errors(&json).next() {
            None => Ok(text.to_owned()),
            Some(error) => {
                let path = error.instance_path().to_string();
                let place = if path.is_empty() { String::new() } else { format!("at {path}: ") };
                Err(cut(&format!("{place}{error}"), PROBLEM_BYTES))
            }
        }
    }
}

/// Removes the fence of a block of code, in which many models put JSON.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.and_then(|inner| inner.split_once('\n')).map_or(text, |(_, json)| json.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_checked_against_the_schema() {
        let schema = json!({
            "type": "object",
            "properties": { "score": { "type": "integer", "maximum": 5 } },
            "required": ["score"],
        });
        let schema = AnswerSchema::new(&schema).unwrap();
        assert_eq!(schema.check("{\"score\": 5}").as_deref(), Ok("{\"score\": 5}"));
        assert_eq!(schema.check("```json\n{\"score\": 5}\n```").as_deref(), Ok("{\"score\": 5}"));
        let wrong = ["{\"score\": 6}", "{}", "Sure! 5", ""].map(|text| schema.check(text).unwrap_err());
        insta::assert_snapshot!(wrong.join("\n"), @r#"
        at /score: 6 is greater than the maximum of 5
        "score" is a required property
        it is not JSON: expected value at line 1 column 1
        it is not JSON: EOF while parsing a value at line 1 column 0
        "#);
    }

    #[test]
    fn a_schema_cannot_load_other_documents() {
        for schema in [
            json!({ "type": 5 }),
            json!({ "$ref": "http://127.0.0.1:1/a.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
        ] {
            assert!(AnswerSchema::new(&schema).is_err(), "{schema}");
        }
    }
}
