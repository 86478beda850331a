//! Inputs: errors in them, inference of columns, and sources of several files.

mod bad_rows;
mod compressed;
mod corrupt;
mod dialects;
mod json;
mod paths;
mod streaming;

use crate::harness::{Folder, PipelineFile, pipeline, source};
use stillbox_test_guests::KEEP_LONG;

/// Runs a pipeline whose input is a file with this name and content, and returns the error.
fn failure(name: &str, input: impl AsRef<[u8]>) -> String {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write(name, input);
    folder.write("output.jsonl", "from before\n");
    let message = folder.run(pipeline(name, &["keep_long"], "output.jsonl")).failed(1);
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names(), [name, "keep_long.wasm", "output.jsonl", "pipeline.toml"]);
    message
}

/// More rows than the first 1000, from which types are inferred, and then this line.
fn late(line: &str) -> String {
    "{\"id\":1,\"text\":\"a\"}\n".repeat(1200) + line
}

#[test]
fn a_malformed_json_line_is_reported_with_line_and_column() {
    insta::assert_snapshot!(failure("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\n"), @r#"error: input.jsonl:2:8: this is not valid JSON: the object does not end on this line; if objects are on several lines, set `format = "json"` in the source"#);
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":1,\"text\":\"a\" oops}\n")), @"error: input.jsonl:1201:20: this is not valid JSON: `oops` is neither a text in quotation marks, nor a number, true, false or null");
    insta::assert_snapshot!(failure("input.jsonl", late("[1]\n")), @r#"error: input.jsonl:1201: a row is an object, as in {"key": "value"}; this row starts with [1]"#);
}

#[test]
fn a_late_type_change_is_reported_with_how_to_declare_the_column() {
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":\"x\",\"text\":\"a\"}\n")), @r#"
    error: input.jsonl:1201: column `id` is of type integer, and this row has the text "x"; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "json", text = "text" }
    "#);
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":1,\"text\":\"a\",\"new key\":1}\n")), @r#"error: input.jsonl:1201: the key `new key` is not a column: the first 1000 rows do not have it; declare all columns in the source: columns = { id = "integer", text = "text", "new key" = "json" }, or set `json = { unknown-keys = "ignore" }`"#);
}

#[test]
fn invalid_utf_8_is_reported_with_line_and_byte() {
    insta::assert_snapshot!(failure("input.jsonl", b"{\"text\":\"a\"}\n{\"text\":\"\xff\"}\n"), @r"
    error: input.jsonl:2:10: byte 10 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line
    ");
    let late = [late("").as_bytes(), b"{\"id\":1,\"text\":\"\xc3(\"}"].concat();
    insta::assert_snapshot!(failure("input.jsonl", late), @r"
    error: input.jsonl:1201:17: byte 17 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line
    ");
    insta::assert_snapshot!(failure("input.csv", b"text\na\n\xff\n"), @r"
    error: input.csv:3:1: byte 1 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line
    ");
}

#[test]
fn a_csv_row_with_the_wrong_number_of_fields_is_reported() {
    insta::assert_snapshot!(failure("input.csv", "text,id\na,1\n\"b\nc\",2\nd\n"), @r"
    error: input.csv:5: this row has 1 field, and the header has 2 fields
    ");
    insta::assert_snapshot!(failure("input.csv", format!("text,id\n{}d,1,2\n", "a,1\n".repeat(1200))), @r"
    error: input.csv:1202: this row has 3 fields, and the header has 2 fields
    ");
}

#[test]
fn control_characters_of_the_input_are_escaped_in_errors() {
    let message = failure("input.jsonl", late("{\"id\":\"\x1b[31m\\u001b]0;x\\u0007\",\"text\":\"a\"}\n"));
    assert!(!message.contains(['\x1b', '\x07']), "{message}");
}

#[test]
fn a_corrupt_input_file_is_named() {
    insta::assert_snapshot!(failure("input.parquet", "PAR1 and nothing else"), @"
    error: input.parquet: cannot read this input as parquet; is it corrupt, or in another format?
      caused by: Parquet error: Invalid Parquet file. Corrupt footer
    ");
    insta::assert_snapshot!(failure("input.jsonl.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"), @"error: input.jsonl.gz: the gzip data is truncated: the file ends too early; copy or download it again");
}

/// The content of an input is a failure of the run. A missing input is an error of the pipeline file, with exit code 2.
#[test]
fn an_unreadable_header_fails_with_exit_code_1() {
    for name in ["input.parquet", "input.arrow", "input.csv", "input.csv.gz", "input.jsonl.zst"] {
        let folder = Folder::new();
        folder.write(name, "a,\"b\n1,2\n");
        let outcome = folder.run_with(pipeline(name, &[], "output.jsonl"), ["--failures", "failures.jsonl"]);
        let message = outcome.failed(1);
        let record = &folder.json_lines("failures.jsonl")[0];
        assert_eq!((&record["kind"], &record["row"]["file"]), (&"host".into(), &name.into()), "{message}");
    }
}

#[test]
fn a_corrupt_input_does_not_hide_other_errors() {
    let folder = Folder::new();
    folder.write("input.parquet", "PAR1 and nothing else");
    let message = folder.run(pipeline("input.parquet", &["missing"], "output.jsonl")).failed(2);
    assert!(message.contains("missing.wasm: cannot be read"), "{message}");
    assert!(message.contains("input.parquet: cannot read this input as parquet"), "{message}");
}

#[test]
fn an_input_path_that_matches_no_file_is_reported() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.run(pipeline("data/*.jsonl", &[], "output.jsonl")).failed(2), @r#"
    error: no file matches "data/*.jsonl"; check the path and the working directory
     --> pipeline.toml:5:8
      |
    5 | path = "data/*.jsonl"
      |        ^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &[], "output.jsonl")).failed(2), @r#"
    error: input.jsonl: cannot open this input
     --> pipeline.toml:5:8
      |
    5 | path = "input.jsonl"
      |        ^^^^^^^^^^^^^
      |
      = caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn an_output_that_is_also_the_input_is_rejected() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    std::os::unix::fs::symlink("input.jsonl", folder.join("link.jsonl")).unwrap();
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &[], "./input.jsonl")).failed(2), @r#"
    error: the output ./input.jsonl is also the input
     --> pipeline.toml:8:8
      |
    8 | path = "./input.jsonl"
      |        ^^^^^^^^^^^^^^^
      |
      = help: write to another file, and move it after the run
    "#);
    insta::assert_snapshot!(folder.run(pipeline("*put.jsonl", &[], "link.jsonl")).failed(2), @r#"
    error: the output link.jsonl is also the input
     --> pipeline.toml:8:8
      |
    8 | path = "link.jsonl"
      |        ^^^^^^^^^^^^
      |
      = help: write to another file, and move it after the run
    "#);
    assert_eq!(folder.text("input.jsonl"), "{\"id\":1}\n");
}

#[test]
fn files_of_a_source_must_have_the_same_columns() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"id\":1}\n".repeat(1200));
    folder.write("b.jsonl", "{\"id\":1,\"other\":2}\n");
    insta::assert_snapshot!(folder.run(pipeline("?.jsonl", &[], "output.jsonl")).failed(1), @r#"error: b.jsonl:1: the key `other` is not a column: the first 1000 rows do not have it; declare all columns in the source: columns = { id = "integer", other = "json" }, or set `json = { unknown-keys = "ignore" }`"#);
    folder.write("a.csv", "id,name\n1,x\n");
    folder.write("b.csv", "id,title\n1,x\n");
    insta::assert_snapshot!(folder.run(pipeline("?.csv", &[], "output.jsonl")).failed(1), @r"
    error: b.csv:1: the header is not that of a.csv: it lacks `name`, and it adds `title`; all files of a source have the same columns
    ");
}

#[test]
fn parquet_and_arrow_files_of_a_source_must_have_the_same_schema() {
    let folder = Folder::new();
    folder.write("a.csv", "id,name\n1,x\n");
    folder.write("b.csv", "id,name\ny,x\n");
    for ending in ["parquet", "arrow"] {
        for name in ["a", "b"] {
            let written = folder.run(pipeline(&format!("{name}.csv"), &[], &format!("{name}.{ending}")));
            written.succeeded();
        }
    }
    insta::assert_snapshot!(folder.run(pipeline("?.parquet", &[], "output.jsonl")).failed(1), @"error: b.parquet: the schema is not that of a.parquet: column `id` is of type Utf8 here and of type Int64 there; all files of a source have the same columns");
    insta::assert_snapshot!(folder.run(pipeline("?.arrow", &[], "output.jsonl")).failed(1), @"error: b.arrow: the schema is not that of a.arrow: column `id` is of type Utf8 here and of type Int64 there; all files of a source have the same columns");
}

#[test]
fn files_of_a_source_are_read_in_the_order_of_their_names() {
    let folder = Folder::new();
    folder.write("b.csv", "id,name\n3,z\n");
    folder.write("a.csv", "name,id\nx,1\ny,2\n");
    insta::assert_snapshot!(folder.output_of(pipeline("?.csv", &[], "output.jsonl")), @r#"
    {"name":"x","id":1}
    {"name":"y","id":2}
    {"name":"z","id":3}
    "#);
    // The columns of JSON Lines are inferred from all files that the first rows reach.
    folder.write("a.jsonl", "{\"id\":1}\n");
    folder.write("b.jsonl", "{\"id\":2.5,\"other\":2}\n");
    insta::assert_snapshot!(folder.output_of(pipeline("[ab].jsonl", &[], "output.jsonl")), @r#"
    {"id":1.0,"other":null}
    {"id":2.5,"other":2}
    "#);
}

#[test]
fn declared_columns_replace_inference() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"n\":1,\"id\":7,\"meta\":{\"a\":[1]}}\n{\"id\":8}\n");
    let declared = source("input.jsonl").set("columns", r#"{ id = "float", meta = "json", n = "integer" }"#);
    insta::assert_snapshot!(folder.output_of(PipelineFile::new().add(declared)), @r#"
    {"id":7.0,"meta":{"a":[1]},"n":1}
    {"id":8.0,"meta":null,"n":null}
    "#);
}
