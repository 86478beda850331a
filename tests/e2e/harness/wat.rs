//! Components from WebAssembly text.

const STEP: &str = include_str!("../wat/step.wat");
/// The kind in the manifest of `wat/step.wat`, followed by the begin of the next field.
const TRANSFORM: &str = r#""\01\00\00\00" "\49"#;
/// The function `finish`, which returns nothing.
const FINISH: &str = r#"(func (export "finish") (result i32) i32.const 2048)"#;
const AGGREGATE: &str = r#""\02\00\00\00" "\49"#;

/// The component of a text.
pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is WebAssembly")
}

/// A step from `wat/step.wat`: `body` is what its `process` does, and `functions` are more functions.
pub(crate) fn step(body: &str, functions: &str) -> Vec<u8> {
    component(&STEP.replace(";; BODY", body).replace(";; MORE", functions))
}

/// The same step as an aggregate.
pub(crate) fn aggregate(body: &str) -> Vec<u8> {
    assert!(STEP.contains(TRANSFORM));
    component(&STEP.replace(TRANSFORM, AGGREGATE).replace(";; BODY", body))
}

/// The same aggregate with another function `finish`.
pub(crate) fn aggregate_with_finish(finish: &str) -> Vec<u8> {
    assert!(STEP.contains(FINISH));
    component(&STEP.replace(TRANSFORM, AGGREGATE).replace(FINISH, finish))
}
