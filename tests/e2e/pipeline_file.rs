//! Errors in a pipeline file.

use stillbox_test_guests::{ADD_COLUMN, FILTER_TEXT, KEEP_LONG, NORMALIZE_TEXT};

use crate::harness::{Folder, PipelineFile, step};
use crate::text_benchmark::{clean_text, folder};

/// Replaces a part of the benchmark's pipeline file, and returns the error.
fn error_after(right: &str, wrong: &str) -> String {
    let folder = folder();
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let pipeline = clean_text("input.jsonl", "output.jsonl").to_string();
    assert!(pipeline.contains(right));
    folder.run(pipeline.replacen(right, wrong, 1)).failed(2)
}

#[test]
fn an_unknown_key_gets_a_suggestion() {
    insta::assert_snapshot!(error_after("batch-rows", "batch-row"), @"
    error: unknown key `batch-row` in [pipeline]
     --> pipeline.toml:3:1
      |
    3 | batch-row = 1000
      | ^^^^^^^^^ unknown key
      |
      = help: did you mean `batch-rows`?
      = help: [pipeline] takes batch-rows, bundle-on-failure, description, name, time and until
    ");
}

#[test]
fn a_value_of_the_wrong_type_is_reported_with_its_place() {
    insta::assert_snapshot!(error_after("batch-rows = 1000", "batch-rows = \"many\""), @r#"
    error: `batch-rows` in [pipeline] is a string, not an integer
     --> pipeline.toml:3:14
      |
    3 | batch-rows = "many"
      |              ^^^^^^ expected an integer
    "#);
}

#[test]
fn all_errors_of_a_pipeline_file_are_reported_at_once() {
    let folder = Folder::new();
    let outcome = folder.run(
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
    insta::assert_snapshot!(outcome.failed(2), @r#"
    error: unknown key `nam` in [pipeline]
     --> pipeline.toml:2:1
      |
    2 | nam = "x"
      | ^^^ unknown key
      |
      = help: did you mean `name`?
      = help: [pipeline] takes batch-rows, bundle-on-failure, description, name, time and until

    error: `batch-rows` in [pipeline] is 0, which is out of range
     --> pipeline.toml:3:14
      |
    3 | batch-rows = 0
      |              ^ expected an integer from 1 to 1000000
      |
      = help: give an integer from 1 to 1000000

    error: `path` in [[source]] is an integer, not a string
     --> pipeline.toml:6:8
      |
    6 | path = 7
      |        ^ expected a string

    error: [[step]] has no `name`
     --> pipeline.toml:8:1
      |
    8 | [[step]]
      | ^^^^^^^^ `name` is missing
      |
      = help: add a line such as `name = "count-words"`

    error: unknown key `paramters` in [[step]]
      --> pipeline.toml:10:1
       |
    10 | paramters = {}
       | ^^^^^^^^^ unknown key
       |
       = help: did you mean `parameters`?
       = help: [[step]] takes allow, batch-rows, cache, combine, component, concurrency, digest, drop, from, inputs, instance, limits, model, models, name, on-failure, outputs, parameters, rename, route and select

    error: cannot determine the format of `output.xlsx` from its file extension
      --> pipeline.toml:13:8
       |
    13 | path = "output.xlsx"
       |        ^^^^^^^^^^^^^ unknown file extension
       |
       = help: set `format` in [[sink]] to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or .arrow, followed by .gz or .zst if the file is compressed
    "#);
}

#[test]
fn invalid_toml_is_reported_with_its_place() {
    insta::assert_snapshot!(error_after("batch-rows = 1000", "batch-rows = "), @r"
    error: not valid TOML: a value is missing
     --> pipeline.toml:3:14
      |
    3 | batch-rows = 
      |              ^ a value is missing
    ");
}

#[test]
fn a_missing_pipeline_file_is_reported() {
    insta::assert_snapshot!(Folder::new().stillbox(["run", "nothing.toml"]).failed(2), @r"
    error: cannot read the pipeline file `nothing.toml`
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn a_rejected_parameter_is_reported_with_the_reason_of_the_step() {
    insta::assert_snapshot!(error_after("min-words = 5", "min-words = -5, mx-words = true"), @r#"
    error: step "filter" does not accept its parameters: unknown parameter `mx-words`, did you mean `max-words`?; `min-words` must be from 0 to 18446744073709551615, not -5
      --> pipeline.toml:16:49
       |
    16 | parameters = { column = "text", min-words = -5, mx-words = true, max-words = 60, min-bytes = 40, max-bytes = 400 }
       |                                                 ^^^^^^^^
    "#);
    insta::assert_snapshot!(error_after("max-words = 60", "max-words = 4"), @r#"
    error: step "filter" does not accept its parameters: `min-words` is above `max-words`, so no text would pass
      --> pipeline.toml:16:33
       |
    16 | parameters = { column = "text", min-words = 5, max-words = 4, min-bytes = 40, max-bytes = 400 }
       |                                 ^^^^^^^^^
    "#);
    insta::assert_snapshot!(error_after("parameters = { column = \"text\" }", ""), @r#"
    error: step "normalize" does not accept its parameters: `column` is missing, and there is no default
     --> pipeline.toml:8:1
      |
    8 | [[step]]
      | ^^^^^^^^
    "#);
}

#[test]
fn a_column_that_no_node_provides_is_reported() {
    insta::assert_snapshot!(error_after("column = \"text\" }", "column = \"txet\" }"), @r#"
    error: step "normalize" reads the column "txet", which the source does not have
      --> pipeline.toml:11:1
       |
    11 | parameters = { column = "txet" }
       | ^^^^^^^^^^
       |
       = help: did you mean "text"?
       = help: the source gives id: integer, text: text
    "#);
}

#[test]
fn a_type_mismatch_names_the_reader_and_the_writer_of_the_column() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG, FILTER_TEXT, NORMALIZE_TEXT]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let pipeline =
        PipelineFile::new().add(step("add_column")).add(step("normalize_text").parameters("column = \"length\""));
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @r#"
    error: step "normalize_text" reads the column "length" as text, but step "add_column" has it as integer
      --> pipeline.toml:14:1
       |
    14 | parameters = { column = "length" }
       | ^^^^^^^^^^
       |
       = help: convert it to text with the step `cast`, or declare its type with `columns` in a source that reads JSON or CSV
       = help: step "add_column" gives id: integer, text: text, length: integer
    "#);
    folder.write("input.jsonl", "{\"id\":1,\"text\":[]}\n");
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @r#"
    error: step "add_column" reads the column "text" as text, but the source has it as json
     --> pipeline.toml:7:1
      |
    7 | [[step]]
      | ^^^^^^^^
      |
      = help: convert it to text with the step `cast`, or declare its type with `columns` in a source that reads JSON or CSV
      = help: the source gives id: integer, text: json
    "#);
}
