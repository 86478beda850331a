//! Definitions: an option that would have no effect is an error, with its place.

use super::run_in;
use crate::harness::Folder;

/// The error output for a step with this definition.
fn error_for(definition: &str) -> String {
    let code = format!("import * as s from 'stillbox';\nexport default s.transform({definition}, () => true);\n");
    run_in(&Folder::new(), &code, "{\"x\":1}\n", "").failed(2)
}

#[test]
fn an_option_of_a_column_that_would_have_no_effect_is_an_error() {
    for (column, message) in [
        ("integer({ min: 0 })", "transform: `input.x` cannot have the option `min`"),
        ("text({ default: 'a' })", "transform: `input.x` cannot have the option `default`"),
        ("text({ nullable: 1 })", "text: `nullable` must be true or false, not 1"),
        ("text({ optional: 'yes' })", "text: `optional` must be true or false, not \"yes\""),
        ("text({ name: '' })", "text: `name` must be a text that is not empty, not \"\""),
        ("text({ name: 'a', from: 'b' })", "text: `name` and `from` exclude each other"),
        ("vector({ width: 0 })", "vector: `width` must be a whole number from 1, not 0"),
        ("list(s.text())", "transform: `input.x` cannot be list()"),
        ("boolean(null)", "boolean: the options must be an object, not null"),
    ] {
        let stderr = error_for(&format!("{{ input: {{ x: s.{column} }} }}"));
        assert!(stderr.contains("step.js:2") && stderr.contains(message), "{column}\n{stderr}");
    }
}

#[test]
fn an_option_of_a_parameter_that_would_have_no_effect_is_an_error() {
    for (parameter, message) in [
        ("integer({ min: '1' })", "integer: `min` must be a whole number of at most 2^53 - 1, not \"1\""),
        ("integer({ min: 3, max: 2 })", "integer: `min` is 3, which is more than `max`: 2"),
        ("float({ max: NaN })", "float: `max` must be a number, not NaN"),
        ("integer({ min: 1, default: 0 })", "integer: `default` must be at least 1, not 0"),
        ("integer({ default: '5' })", "integer: `default` must be a whole number of at most 2^53 - 1, not \"5\""),
        ("text({ choices: ['a'], default: 'b' })", "text: `default` must be one of a, not \"b\""),
        ("text({ default: 'a', optional: true })", "text: `default` and `optional` exclude each other"),
        ("text({ nullable: true })", "transform: `parameters.p` cannot have the option `nullable`"),
        ("list(s.integer({ min: 1 }), { default: [1, 0] })", "list: `default`[1] must be at least 1, not 0"),
        ("list(s.text({ default: 'a' }))", "list: the type of the elements cannot have the option `default`"),
        ("list(s.list(s.text()))", "list: the first argument must be a type such as text()"),
        ("vector()", "transform: `parameters.p` cannot be vector()"),
    ] {
        let stderr = error_for(&format!("{{ parameters: {{ p: s.{parameter} }} }}"));
        assert!(stderr.contains("step.js:2") && stderr.contains(message), "{parameter}\n{stderr}");
    }
}

#[test]
fn a_part_of_a_definition_that_would_have_no_effect_is_an_error() {
    for (definition, message) in [
        (
            "{ parameters: { minLength: s.integer(), min_length: s.integer() } }",
            "the parameters `minLength` and `min_length` have the same name `min-length`",
        ),
        ("{ summary: 1 }", "transform: `summary` must be a text, not 1"),
        ("{ parameters: () => ({}) }", "transform: `parameters` must be an object of types such as text()"),
        ("{ input: [s.text()] }", "transform: `input` must be an object of types such as text(), not a list"),
        ("null", "transform: the first argument must be an object, not null"),
    ] {
        let stderr = error_for(definition);
        assert!(stderr.contains("step.js:2") && stderr.contains(message), "{definition}\n{stderr}");
    }
}
