//! Parameters: their types, their schema, the messages for mistakes, and the columns that they name.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::contract::{ErrorKind, Kind, StepError};
use stillbox_sdk::serde_json::{Value, from_str, json};
use stillbox_sdk::testing::{Step, batch, bind, column, manifest, values};
use stillbox_sdk::{Input, Output, Parameters, Result, ensure, step};

#[derive(Debug, Default, Parameters, PartialEq)]
enum Mode {
    #[default]
    Fast,
    VerySlow,
}

#[derive(Debug, Parameters, PartialEq)]
struct Nested {
    /// The depth.
    #[parameter(default = 1)]
    depth: u8,
    name: String,
}

#[derive(Debug, Parameters, PartialEq)]
#[parameters(check = Self::check_order)]
struct Everything {
    /// The column to read,
    /// and to write.
    ///
    /// It "must" be a text.
    column: String,
    other_column: Option<String>,
    #[parameter(default = "de")]
    language: String,
    #[parameter(default = 5, min = 1)]
    min_words: u32,
    #[parameter(max = 100)]
    max_words: Option<i64>,
    #[parameter(default = 0.5, min = 0.0, max = 1.0)]
    share: f64,
    #[parameter(default)]
    strict: bool,
    #[parameter(default = Mode::VerySlow)]
    mode: Mode,
    #[parameter(default = vec![1, 2], max = 9)]
    numbers: Vec<i32>,
    #[parameter(name = "type")]
    kind: Option<Nested>,
    anything: Option<Value>,
}

impl Everything {
    fn check_order(&self) -> Result<()> {
        let order = self.max_words.is_none_or(|max| i64::from(self.min_words) <= max);
        ensure!(order, "`min-words` is above `max-words`");
        Ok(())
    }
}

#[derive(Input)]
struct Row<'a> {
    #[column(from = "column")]
    text: &'a str,
}

#[derive(Output)]
struct Written {
    #[column(from = "column")]
    text: String,
    #[column(from = "other-column")]
    other: String,
    #[column(name = "parameters as read")]
    parameters: String,
}

/// Does nothing
/// of use.
///
/// Not part of the summary.
#[step]
fn everything(parameters: &Everything, row: Row<'_>) -> Result<Written> {
    Ok(Written { text: row.text.to_uppercase(), other: String::new(), parameters: format!("{parameters:?}") })
}

/// Takes no parameters.
#[step]
fn without(row: Row2<'_>) -> Result<bool> {
    Ok(row.text.is_empty())
}

#[derive(Input)]
struct Row2<'a> {
    text: &'a str,
}

fn error<S: Step>(parameters: &str) -> StepError {
    let error = bind::<S>(parameters).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Parameters);
    error
}

fn message(parameters: &str) -> String {
    error::<everything>(parameters).message
}

#[test]
fn parameters_are_read_from_json() {
    let read = |parameters: &str, column_name: &str| {
        let mut step = bind::<everything>(parameters).unwrap();
        let output = step.process(&batch([column(column_name, ["text"])])).unwrap();
        assert_eq!(values::<String>(&output, column_name), ["TEXT"]);
        values::<String>(&output, "parameters as read").remove(0)
    };
    assert_eq!(
        read(r#"{"column": "body"}"#, "body"),
        "Everything { column: \"body\", other_column: None, language: \"de\", min_words: 5, max_words: None, share: 0.5, \
         strict: false, mode: VerySlow, numbers: [1, 2], kind: None, anything: None }"
    );
    let all = r#"{"column": "text", "other-column": "new", "language": "\u00e4", "min-words": 7, "max-words": 100, "share": 1,
        "strict": true, "mode": "fast", "numbers": [], "type": {"name": "x"}, "anything": [null]}"#;
    assert_eq!(
        read(all, "text"),
        "Everything { column: \"text\", other_column: Some(\"new\"), language: \"ä\", min_words: 7, max_words: Some(100), \
         share: 1.0, strict: true, mode: Fast, numbers: [], kind: Some(Nested { depth: 1, name: \"x\" }), \
         anything: Some(Array [Null]) }"
    );
}

#[test]
fn parameters_set_the_names_of_columns() {
    let names = |parameters: &str| {
        let step = bind::<everything>(parameters).unwrap();
        let names = |fields: &[stillbox_sdk::contract::Field]| fields.iter().map(|field| field.name.clone()).collect();
        let (inputs, outputs): (Vec<String>, Vec<String>) =
            (names(&step.signature().inputs), names(&step.signature().outputs));
        (inputs.join(","), outputs.join(","))
    };
    let (inputs, outputs) = names(r#"{"column": "body"}"#);
    assert_eq!((inputs.as_str(), outputs.as_str()), ("body", "body,other,parameters as read"));
    let (_, outputs) = names(r#"{"column": "body", "other-column": "new"}"#);
    assert_eq!(outputs, "body,new,parameters as read");
}

#[test]
fn two_columns_with_the_same_name_are_rejected() {
    assert_eq!(
        message(r#"{"column": "same", "other-column": "same"}"#),
        "two output columns have the name `same`, set by the parameter `column` and the parameter `other-column`"
    );
    assert_eq!(
        message(r#"{"column": "other"}"#),
        "two output columns have the name `other`, set by the parameter `column` and the field `other`"
    );
}

#[test]
fn a_missing_parameter_is_reported() {
    assert_eq!(message("{}"), "`column` is missing, and there is no default");
    assert_eq!(message(""), message("{}"));
}

#[test]
fn an_unknown_parameter_is_reported_with_a_suggestion() {
    assert_eq!(
        message(r#"{"column": "a", "min_words": 1}"#),
        "unknown parameter `min_words`, did you mean `min-words`?"
    );
    assert_eq!(
        message(r#"{"column": "a", "type": {"name": "x", "dept": 1}}"#),
        "unknown parameter `type.dept`, did you mean `depth`?"
    );
    assert_eq!(
        message(r#"{"column": "a", "type": {"name": "x", "colour": 1}}"#),
        "unknown parameter `type.colour`; expected one of `depth`, `name`"
    );
    assert_eq!(
        error::<without>(r#"{"column": "a"}"#).message,
        "unknown parameter `column`; no parameters are expected"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_reported() {
    let message = |key: &str, value: &str| message(&format!(r#"{{"column": "a", "{key}": {value}}}"#));
    assert_eq!(message("language", "1"), "`language` must be a text, not 1");
    assert_eq!(message("min-words", "\"five\""), "`min-words` must be an integer, not the text \"five\"");
    assert_eq!(message("min-words", "5.5"), "`min-words` must be an integer, not 5.5");
    assert_eq!(message("min-words", "null"), "`min-words` must be an integer, not null");
    assert_eq!(message("share", "true"), "`share` must be a number, not true");
    assert_eq!(message("strict", "\"true\""), "`strict` must be true or false, not the text \"true\"");
    assert_eq!(message("numbers", "{}"), "`numbers` must be a list, not an object");
    assert_eq!(message("numbers", "[1, \"a\"]"), "`numbers[1]` must be an integer, not the text \"a\"");
    assert_eq!(message("type", "[]"), "`type` must be an object, not a list");
    assert_eq!(message("mode", "1"), "`mode` must be a text, not 1");
}

#[test]
fn a_value_that_is_out_of_range_is_reported() {
    let message = |key: &str, value: &str| message(&format!(r#"{{"column": "a", "{key}": {value}}}"#));
    assert_eq!(message("min-words", "0"), "`min-words` must be at least 1, not 0");
    assert_eq!(message("min-words", "-1"), "`min-words` must be from 0 to 4294967295, not -1");
    assert_eq!(message("max-words", "101"), "`max-words` must be at most 100, not 101");
    assert_eq!(
        message("max-words", "18446744073709551615"),
        "`max-words` must be from -9223372036854775808 to 9223372036854775807, not 18446744073709551615"
    );
    assert_eq!(message("share", "1.5"), "`share` must be from 0 to 1, not 1.5");
    assert_eq!(message("numbers", "[1, 10]"), "`numbers[1]` must be at most 9, not 10");
    assert_eq!(message("mode", "\"quick\""), "`mode` cannot be \"quick\"; expected one of `fast`, `very-slow`");
    assert_eq!(message("mode", "\"fats\""), "`mode` cannot be \"fats\", did you mean `fast`?");
}

#[test]
fn all_problems_are_reported_at_once() {
    assert_eq!(
        message(r#"{"colum": "a", "min-words": "x", "numbers": ["y", 1, 11], "type": {"depth": 256}}"#),
        "unknown parameter `colum`, did you mean `column`?; `column` is missing, and there is no default; \
         `min-words` must be an integer, not the text \"x\"; `numbers[0]` must be an integer, not the text \"y\"; \
         `type.depth` must be from 0 to 255, not 256; `type.name` is missing, and there is no default"
    );
}

#[test]
fn the_check_of_several_parameters_runs_last() {
    let error = error::<everything>(r#"{"column": "a", "min-words": 9, "max-words": 8}"#);
    assert_eq!(error.message, "`min-words` is above `max-words`");
}

#[test]
fn parameters_that_are_not_an_object_are_rejected() {
    assert_eq!(message("[]"), "the parameters must be an object, not a list");
    let error = error::<everything>("{");
    assert_eq!(error.message, "the parameters are not JSON");
    assert_eq!(error.causes, ["EOF while parsing an object at line 1 column 1"]);
}

#[test]
fn the_manifest_describes_the_step() {
    let manifest = manifest::<everything>();
    assert_eq!((manifest.name.as_str(), manifest.kind), ("stillbox-sdk", Kind::Transform));
    assert_eq!(manifest.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.summary, "Does nothing of use.");
}

#[test]
fn the_schema_describes_every_parameter_in_order() {
    let schema = manifest::<everything>().parameters;
    let expected = json!({
        "type": "object",
        "properties": {
            "column": {"description": "The column to read, and to write.\n\nIt \"must\" be a text.", "type": "string"},
            "other-column": {"type": "string"},
            "language": {"type": "string", "default": "de"},
            "min-words": {"type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 5},
            "max-words": {"type": "integer", "minimum": i64::MIN, "maximum": 100},
            "share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            "strict": {"type": "boolean", "default": false},
            "mode": {"type": "string", "enum": ["fast", "very-slow"], "default": "very-slow"},
            "numbers": {
                "type": "array",
                "items": {"type": "integer", "minimum": i32::MIN, "maximum": 9},
                "default": [1, 2],
            },
            "type": {
                "type": "object",
                "properties": {
                    "depth": {"description": "The depth.", "type": "integer", "minimum": 0, "maximum": 255, "default": 1},
                    "name": {"type": "string"},
                },
                "required": ["name"],
                "additionalProperties": false,
            },
            "anything": {},
        },
        "required": ["column"],
        "additionalProperties": false,
    });
    assert_eq!(from_str::<Value>(&schema).unwrap(), expected, "{schema}");
    let places: Vec<_> =
        ["\"column\":", "\"other-column\":", "\"language\":", "\"anything\":"].map(|key| schema.find(key)).into();
    assert!(places.is_sorted() && places[0].is_some(), "{schema}");
}

#[test]
fn the_schema_of_a_step_without_parameters_is_empty() {
    let expected = json!({"type": "object", "properties": {}, "additionalProperties": false});
    assert_eq!(from_str::<Value>(&manifest::<without>().parameters).unwrap(), expected);
}
