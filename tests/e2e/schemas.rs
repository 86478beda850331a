//! The JSON Schemas of what machines read, and whether it follows them.

use std::error::Error;
use std::sync::LazyLock;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;
use stillbox::{Failure, FailureKind};

static FAILURE: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&of_failures()).expect("it is a schema"));
static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let schema = parsed(include_str!("../../host/core/events.schema.json"));
    jsonschema::options().with_retriever(Beside).build(&schema).expect("it is a schema")
});

/// The schema that lies beside that of the events.
struct Beside;

impl Retrieve for Beside {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        assert!(uri.as_str().ends_with("/failure.schema.json"), "{uri}");
        Ok(of_failures())
    }
}

fn of_failures() -> Value {
    parsed(include_str!("../../host/core/failure.schema.json"))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Fails the test unless this is a record of a failure.
#[track_caller]
pub(crate) fn assert_is_record(value: &Value) {
    assert_follows(&FAILURE, value);
}

/// The record that a failure is written as, which is one.
#[track_caller]
pub(crate) fn assert_makes_a_record(failure: &Failure) {
    assert_is_record(&serde_json::to_value(failure).expect("a failure becomes JSON"));
}

/// Fails the test unless this is an event.
#[track_caller]
pub(crate) fn assert_is_event(value: &Value) {
    assert_follows(&EVENT, value);
}

#[track_caller]
fn assert_follows(schema: &Validator, value: &Value) {
    let problems: Vec<String> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}: {value}");
}

#[test]
fn the_failure_schema_lists_exactly_the_failure_kinds() {
    let kinds = of_failures()["properties"]["kind"]["enum"].take();
    let names = FailureKind::ALL.map(FailureKind::name);
    assert_eq!(kinds, serde_json::json!(names));
}
