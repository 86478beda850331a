//! `stillbox pipe`: steps without a pipeline file.

use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, KEEP_LONG};

use crate::harness::{Folder, outcome, outcome_with_input};

const ROWS: &[u8] = b"{\"text\":\"a\"}\n{\"text\":\"bcd\"}\n";

#[test]
fn pipe_reads_standard_input_and_writes_standard_output() {
    let folder = Folder::with(&[KEEP_LONG, ADD_COLUMN]);
    let steps = ["pipe", "keep_long.wasm:min-bytes=3", "add_column.wasm"];
    let piped = outcome_with_input(folder.command().args(steps), ROWS).succeeded();
    assert_eq!(piped.text(), "{\"text\":\"bcd\",\"length\":3}\n");
    let steps = ["pipe", "keep_long.wasm:{\"min-bytes\": 3}", "--output-format", "csv"];
    let piped = outcome_with_input(folder.command().args(steps), ROWS).succeeded();
    assert_eq!(piped.text(), "text\nbcd\n");
}

#[test]
fn pipe_chooses_the_format_by_the_file_ending() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("in.csv", "text\nab\n");
    folder.stillbox(["pipe", "add_column.wasm", "--input", "in.csv", "--output", "out.jsonl"]).succeeded();
    assert_eq!(folder.text("out.jsonl"), "{\"text\":\"ab\",\"length\":2}\n");
}

#[test]
fn pipe_accepts_a_source_as_first_step() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    let steps = ["pipe", "count_from.wasm:count=2,from=5", "add_column.wasm"];
    let rows = "{\"number\":5,\"text\":\"number 5\",\"length\":8}\n{\"number\":6,\"text\":\"number 6\",\"length\":8}\n";
    assert_eq!(folder.stillbox(steps).succeeded().text(), rows);
    // A source step reads no input.
    let error = folder.stillbox(steps.into_iter().chain(["--input", "in.jsonl"])).failed(2);
    insta::assert_snapshot!(error, @"error: `count_from.wasm` is a source, which makes rows and reads none; leave out `--input`");
    let printed = folder.stillbox(steps.into_iter().chain(["--print"])).succeeded();
    assert!(!printed.text().contains("[[source]]"), "{}", printed.text());
    folder.write("pipeline.toml", printed.stdout);
    assert_eq!(folder.stillbox(["run", "pipeline.toml"]).succeeded().text(), rows);
}

#[test]
fn pipe_prints_the_equivalent_pipeline_file() {
    let folder = Folder::with(&[KEEP_LONG]);
    let printed = folder.stillbox(["pipe", "keep_long.wasm:min-bytes=3", "keep_long.wasm", "--print"]).succeeded();
    insta::assert_snapshot!(printed.text(), @r#"
    [pipeline]
    name = "pipe"

    [[source]]
    path = "-"
    format = "jsonl"

    [[step]]
    name = "keep_long"
    component = "keep_long.wasm"
    parameters = { min-bytes = 3 }

    [[step]]
    name = "keep_long-2"
    component = "keep_long.wasm"

    [[sink]]
    path = "-"
    format = "jsonl"
    "#);
    folder.write("pipeline.toml", printed.stdout);
    let run = outcome_with_input(folder.command().args(["run", "pipeline.toml"]), ROWS).succeeded();
    assert_eq!(run.text(), "{\"text\":\"bcd\"}\n");
}

#[test]
fn pipe_reports_errors_in_its_arguments() {
    let folder = Folder::with(&[KEEP_LONG]);
    let error = |arguments: &[&str]| outcome(folder.command().arg("pipe").args(arguments)).failed(2);
    insta::assert_snapshot!(error(&["keep_long.wasm:min-bytes"]), @"
    error: `keep_long.wasm:min-bytes`: `min-bytes` is not a parameter: write KEY=VALUE, with commas between them, or all as a JSON object
    ");
    insta::assert_snapshot!(error(&["keep_long.wasm:{\"min-bytes\": null}"]), @r#"
    error: `keep_long.wasm:{"min-bytes": null}`: a parameter has a value that a pipeline file cannot represent, such as null; leave it out
    "#);
    insta::assert_snapshot!(error(&["keep_long.wasm:min-byte=3", "--input", "/dev/null", "--input-format", "jsonl"]), @r#"
    error: step "keep_long" does not accept its parameters: unknown parameter `min-byte`, did you mean `min-bytes`?
      --> (the command line):11:16
       |
    11 | parameters = { min-byte = 3 }
       |                ^^^^^^^^
    "#);
    insta::assert_snapshot!(error(&["nowhere.wasm:a=3", "--input", "/dev/null", "--input-format", "jsonl"]), @r#"
    error: nowhere.wasm: cannot be read
      --> (the command line):10:13
       |
    10 | component = "nowhere.wasm"
       |             ^^^^^^^^^^^^^^
       |
       = caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn pipe_sets_keys_of_the_source() {
    let folder = Folder::with(&[KEEP_LONG]);
    let run = |arguments: &[&str]| {
        let steps = ["pipe", "keep_long.wasm:min-bytes=1", "--input-format", "csv", "--source", "csv.delimiter=\";\""];
        outcome_with_input(folder.command().args(steps).args(arguments), b"id;text\n1;a\n2\n3;b\n")
    };
    let rejecting = ["--source", "on-bad-row=reject", "--rejects", "rejects.jsonl"];
    assert_eq!(run(&rejecting).succeeded().text(), "{\"id\":1,\"text\":\"a\"}\n{\"id\":3,\"text\":\"b\"}\n");
    assert_eq!(folder.json_lines("rejects.jsonl")[0]["raw"], "2");
    insta::assert_snapshot!(run(&["--source", "on-bad-row"]).failed(2), @"error: `on-bad-row` is not a setting of the source: write KEY=VALUE, such as `on-bad-row=reject`");
    insta::assert_snapshot!(run(&["--source", "delimiter=;"]).failed(2), @r#"
error: unknown key `delimiter` in [[source]]
 --> (the command line):8:1
  |
8 | delimiter = ";"
  | ^^^^^^^^^ unknown key
  |
  = help: [[source]] takes columns, compression, csv, drop, format, hive, json, max-row, max-window, name, nested, on-bad-row, path, rename, route and select
"#);
    assert!(
        run(&[rejecting.as_slice(), &["--print"]].concat()).succeeded().text().contains("csv = { delimiter = \";\" }")
    );
}
