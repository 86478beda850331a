//! The JSON Schemas that are published for programs.

use stillbox::FailureKind;

use crate::harness::schemas::failure_schema;

#[test]
fn the_failure_schema_lists_exactly_the_failure_kinds() {
    let kinds = failure_schema()["properties"]["kind"]["enum"].take();
    let names: Vec<_> = FailureKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(kinds, serde_json::json!(names));
}
