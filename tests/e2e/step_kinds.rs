//! The rows that each kind of step returns.

use stillbox_test_guests::{
    ADD_COLUMN, DROP_SHORT, EXPAND_WORDS, KEEP_LONG, NAMED_COLUMNS, OPTIONAL_COLUMN, REFUSE, REVERSE,
};

use crate::harness::{Folder, PipelineFile, pipeline, step};

/// Passes an input through a guest without parameters, and returns the output.
fn through(guest: &str, name: &str, input: &str) -> String {
    let folder = Folder::with(&[guest]);
    folder.write("input.jsonl", input);
    folder.output_of(pipeline("input.jsonl", &[name], "output.jsonl"))
}

const TEXTS: &str = r#"{"id":1,"text":"one two"}
{"id":2,"text":" "}
{"id":3,"text":"three"}
"#;

#[test]
fn new_columns_follow_the_existing_columns() {
    insta::assert_snapshot!(through(ADD_COLUMN, "add_column", TEXTS), @r#"
    {"id":1,"text":"one two","length":7}
    {"id":2,"text":" ","length":1}
    {"id":3,"text":"three","length":5}
    "#);
}

#[test]
fn a_filter_keeps_all_columns_of_a_row() {
    insta::assert_snapshot!(through(KEEP_LONG, "keep_long", TEXTS), @r#"
    {"id":1,"text":"one two"}
    {"id":3,"text":"three"}
    "#);
}

#[test]
fn a_step_that_returns_no_output_drops_the_row() {
    insta::assert_snapshot!(through(DROP_SHORT, "drop_short", TEXTS), @r#"
    {"id":1,"text":"one two","first":"one"}
    {"id":3,"text":"three","first":"three"}
    "#);
}

#[test]
fn a_step_that_expands_repeats_the_input_columns() {
    insta::assert_snapshot!(through(EXPAND_WORDS, "expand_words", TEXTS), @r#"
    {"id":1,"text":"one two","word":"one"}
    {"id":1,"text":"one two","word":"two"}
    {"id":3,"text":"three","word":"three"}
    "#);
}

#[test]
fn a_batch_step_can_reorder_its_rows() {
    let folder = Folder::with(&[REVERSE]);
    folder.write("input.jsonl", "{\"id\":1,\"x\":[]}\n{\"id\":2,\"x\":{}}\n{\"id\":3,\"x\":null}\n");
    let pipeline = PipelineFile::new().batch_rows(2).add(step("reverse"));
    insta::assert_snapshot!(folder.output_of(pipeline), @r#"
    {"id":2,"x":{},"place":0,"doubled":4}
    {"id":1,"x":[],"place":1,"doubled":2}
    {"id":3,"x":null,"place":0,"doubled":6}
    "#);
}

#[test]
fn an_optional_column_can_be_missing() {
    insta::assert_snapshot!(through(OPTIONAL_COLUMN, "optional_column", "{\"id\":1}\n"), @r#"{"id":1,"heading":"untitled"}"#);
    let with_title = "{\"title\":\"a\"}\n{\"title\":null}\n{}\n";
    insta::assert_snapshot!(through(OPTIONAL_COLUMN, "optional_column", with_title), @r#"
    {"title":"a","heading":"A"}
    {"title":null,"heading":"untitled"}
    {"title":null,"heading":"untitled"}
    "#);
}

#[test]
fn parameters_can_name_columns() {
    let folder = Folder::with(&[NAMED_COLUMNS]);
    folder.write("input.jsonl", "{\"a b\":1,\"ü\":2}\n");
    let with = |parameters: &str| PipelineFile::new().add(step("named_columns").parameters(parameters));
    let added = folder.output_of(with(r#"augend = "a b", addend = "ü""#));
    insta::assert_snapshot!(added, @r#"{"a b":1,"ü":2,"sum":3}"#);
    let replaced = folder.output_of(with(r#"augend = "a b", addend = "ü", sum = "a b""#));
    insta::assert_snapshot!(replaced, @r#"{"a b":3,"ü":2}"#);
}

#[test]
fn a_rejected_row_stops_the_run_with_the_message_of_the_step() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", "{\"id\":1}\n\n{\"id\":2}\n{\"id\":3}\n");
    let pipeline = PipelineFile::new().add(step("refuse").parameters("id = 2"));
    insta::assert_snapshot!(folder.run(pipeline).failed(1), @r"
    guest-error in step refuse: the id 2 is not wanted
      at: input.jsonl:3 (batch 0)
      source: tests/guests/programs/examples/refuse.rs:30:17
      log: warn: looking at row 2
    ");
}

#[test]
fn an_error_of_a_step_is_shown_with_its_causes() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\"}\n");
    let failure = folder.run(pipeline("input.jsonl", &["add_column"], "output.jsonl")).failed(1);
    insta::assert_snapshot!(failure, @r"
    guest-error in step add_column: the text has no length
      at: input.jsonl:2 (batch 0)
      source: tests/guests/programs/examples/add_column.rs:24:9
      caused by: it is empty
    ");
}
