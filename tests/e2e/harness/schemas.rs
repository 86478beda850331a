//! The JSON Schemas of events and failure records.

use std::error::Error;
use std::sync::LazyLock;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;
use stillbox::Failure;

static FAILURE: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&failure_schema()).expect("it is a schema"));
static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    let schema = parsed(include_str!("../../../host/core/events.schema.json"));
    jsonschema::options().with_retriever(NextTo).build(&schema).expect("it is a schema")
});

/// Finds the schema of failures, to which the schema of events refers.
struct NextTo;

impl Retrieve for NextTo {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        assert!(uri.as_str().ends_with("/failure.schema.json"), "{uri}");
        Ok(failure_schema())
    }
}

pub(crate) fn failure_schema() -> Value {
    parsed(include_str!("../../../host/core/failure.schema.json"))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Fails the test unless a value is a failure record.
#[track_caller]
pub(crate) fn assert_is_record(value: &Value) {
    assert_follows(&FAILURE, value);
}

/// Fails the test unless a failure is written as a failure record.
#[track_caller]
pub(crate) fn assert_makes_a_record(failure: &Failure) {
    assert_is_record(&serde_json::to_value(failure).expect("a failure becomes JSON"));
}

/// Fails the test unless a value is an event.
#[track_caller]
pub(crate) fn assert_is_event(value: &Value) {
    assert_follows(&EVENT, value);
}

#[track_caller]
fn assert_follows(schema: &Validator, value: &Value) {
    let problems: Vec<String> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}: {value}");
}
