//! Mistakes in a pipeline file.

use stillbox_test_guests::{ADD_COLUMN, FILTER_TEXT, KEEP_LONG, NORMALIZE_TEXT};

use crate::benchmark::{clean, folder};
use crate::command::{Folder, pipeline};

/// What is said of the benchmark's pipeline with something in it replaced.
fn complaint(right: &str, wrong: &str) -> String {
    let folder = folder();
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let pipeline = clean("input.jsonl", "output.jsonl");
    assert!(pipeline.contains(right));
    folder.run(&pipeline.replacen(right, wrong, 1)).failed(2)
}

#[test]
fn an_unknown_key_has_a_suggestion() {
    insta::assert_snapshot!(complaint("batch-rows", "batch-row"), @"");
}

#[test]
fn a_value_of_another_type_is_shown() {
    insta::assert_snapshot!(complaint("batch-rows = 1000", "batch-rows = \"many\""), @"");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let folder = Folder::new();
    let complaints = folder.run(
        r#"[pipeline]
nam = "x"
batch-rows = 0

[[source]]
path = 7

[[step]]
component = "missing.wasm"
paramters = {}

[[sink]]
path = "output.xlsx"
"#,
    );
    insta::assert_snapshot!(complaints.failed(2), @"");
}

#[test]
fn toml_that_is_none_has_its_place() {
    insta::assert_snapshot!(complaint("batch-rows = 1000", "batch-rows = "), @"");
}

#[test]
fn a_missing_pipeline_file_is_named() {
    insta::assert_snapshot!(Folder::new().stillbox(["run", "nothing.toml"]).failed(2), @"");
}

#[test]
fn a_parameter_that_the_step_refuses_is_explained() {
    insta::assert_snapshot!(complaint("min-words = 5", "min-words = -5, mx-words = true"), @"");
    insta::assert_snapshot!(complaint("max-words = 60", "max-words = 4"), @"");
    insta::assert_snapshot!(complaint("parameters = { column = \"text\" }", ""), @"");
}

#[test]
fn a_column_that_no_one_provides_is_found() {
    insta::assert_snapshot!(complaint("column = \"text\" }", "column = \"txet\" }"), @"");
}

#[test]
fn a_column_of_another_type_names_both_sides() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG, FILTER_TEXT, NORMALIZE_TEXT]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let pipeline = pipeline("input.jsonl", &["add_column", "normalize_text"], "output.jsonl");
    let pipeline = pipeline.replace("text.wasm\"", "text.wasm\"\nparameters = { column = \"length\" }");
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @"");
    folder.write("input.jsonl", "{\"id\":1,\"text\":[]}\n");
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @"");
}
