//! What becomes of rows, for each form that a step can have.

use stillbox_test_guests::{
    ADD_COLUMN, DROP_SHORT, EXPAND_WORDS, KEEP_LONG, NAMED_COLUMNS, OPTIONAL_COLUMN, REFUSE, REVERSE,
};

use crate::command::{Folder, pipeline};

/// What a guest without parameters makes of these lines.
fn through(guest: &str, name: &str, input: &str) -> String {
    let folder = Folder::with(&[guest]);
    folder.write("input.jsonl", input);
    folder.output_of(&pipeline("input.jsonl", &[name], "output.jsonl"))
}

const TEXTS: &str = r#"{"id":1,"text":"one two"}
{"id":2,"text":" "}
{"id":3,"text":"three"}
"#;

#[test]
fn columns_are_added_after_those_there_are() {
    insta::assert_snapshot!(through(ADD_COLUMN, "add_column", TEXTS), @"");
}

#[test]
fn a_filter_keeps_rows_whole() {
    insta::assert_snapshot!(through(KEEP_LONG, "keep_long", TEXTS), @"");
}

#[test]
fn a_row_without_an_output_is_dropped() {
    insta::assert_snapshot!(through(DROP_SHORT, "drop_short", TEXTS), @"");
}

#[test]
fn a_list_of_outputs_repeats_its_row() {
    insta::assert_snapshot!(through(EXPAND_WORDS, "expand_words", TEXTS), @"");
}

#[test]
fn a_whole_batch_may_come_out_in_another_order() {
    let folder = Folder::with(&[REVERSE]);
    folder.write("input.jsonl", "{\"id\":1,\"x\":[]}\n{\"id\":2,\"x\":{}}\n{\"id\":3,\"x\":null}\n");
    let pipeline = pipeline("input.jsonl", &["reverse"], "output.jsonl");
    insta::assert_snapshot!(folder.output_of(&pipeline.replace("[[source]]", "batch-rows = 2\n[[source]]")), @"");
}

#[test]
fn an_optional_column_may_be_missing() {
    insta::assert_snapshot!(through(OPTIONAL_COLUMN, "optional_column", "{\"id\":1}\n"), @"");
    let with_title = "{\"title\":\"a\"}\n{\"title\":null}\n{}\n";
    insta::assert_snapshot!(through(OPTIONAL_COLUMN, "optional_column", with_title), @"");
}

#[test]
fn parameters_name_columns() {
    let folder = Folder::with(&[NAMED_COLUMNS]);
    folder.write("input.jsonl", "{\"a b\":1,\"ü\":2}\n");
    let pipeline = pipeline("input.jsonl", &["named_columns"], "output.jsonl");
    let with = |parameters: &str| pipeline.replace(".wasm\"\n", &format!(".wasm\"\nparameters = {{ {parameters} }}\n"));
    let added = folder.output_of(&with(r#"augend = "a b", addend = "ü""#));
    insta::assert_snapshot!(added, @"");
    let replaced = folder.output_of(&with(r#"augend = "a b", addend = "ü", sum = "a b""#));
    insta::assert_snapshot!(replaced, @"");
}

#[test]
fn a_refused_row_stops_the_run_in_the_words_of_the_step() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", "{\"id\":1}\n\n{\"id\":2}\n{\"id\":3}\n");
    let pipeline = pipeline("input.jsonl", &["refuse"], "output.jsonl")
        .replace("refuse.wasm\"", "refuse.wasm\"\nparameters = { id = 2 }");
    insta::assert_snapshot!(folder.run(&pipeline).failed(1), @"");
}

#[test]
fn an_error_comes_with_its_causes() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\"}\n");
    let failure = folder.run(&pipeline("input.jsonl", &["add_column"], "output.jsonl")).failed(1);
    insta::assert_snapshot!(failure, @"");
}
