//! Inputs that are not what they should be, or empty.

use crate::command::{Folder, pipeline};
use stillbox_test_guests::KEEP_LONG;

/// What is said of an input file under this name.
fn failure(name: &str, input: impl AsRef<[u8]>) -> String {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write(name, input);
    folder.write("output.jsonl", "from before\n");
    let message = folder.run(&pipeline(name, &["keep_long"], "output.jsonl")).failed(1);
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names(), [name, "keep_long.wasm", "output.jsonl", "pipeline.toml"]);
    message
}

/// More rows than types are inferred from, then this line.
fn late(line: &str) -> String {
    "{\"id\":1,\"text\":\"a\"}\n".repeat(1200) + line
}

#[test]
fn a_malformed_line_is_named() {
    insta::assert_snapshot!(failure("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\n"), @"");
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":1,\"text\":\"a\" oops}\n")), @"");
    insta::assert_snapshot!(failure("input.jsonl", late("[1]\n")), @"");
}

#[test]
fn a_row_of_another_type_says_how_to_declare_the_column() {
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":\"x\",\"text\":\"a\"}\n")), @"");
    insta::assert_snapshot!(failure("input.jsonl", late("{\"id\":1,\"text\":\"a\",\"new key\":1}\n")), @"");
}

#[test]
fn invalid_utf_8_is_named() {
    insta::assert_snapshot!(failure("input.jsonl", b"{\"text\":\"a\"}\n{\"text\":\"\xff\"}\n"), @"");
    let late = [late("").as_bytes(), b"{\"id\":1,\"text\":\"\xc3(\"}"].concat();
    insta::assert_snapshot!(failure("input.jsonl", late), @"");
    insta::assert_snapshot!(failure("input.csv", b"text\na\n\xff\n"), @"");
}

#[test]
fn a_ragged_row_of_csv_is_named() {
    insta::assert_snapshot!(failure("input.csv", "text,id\na,1\n\"b\nc\",2\nd\n"), @"");
    insta::assert_snapshot!(failure("input.csv", format!("text,id\n{}d,1,2\n", "a,1\n".repeat(1200))), @"");
}

#[test]
fn text_of_the_input_does_not_drive_the_terminal() {
    let message = failure("input.jsonl", late("{\"id\":\"\x1b[31m\\u001b]0;x\\u0007\",\"text\":\"a\"}\n"));
    assert!(!message.contains(['\x1b', '\x07']), "{message}");
}

#[test]
fn damaged_files_are_named() {
    insta::assert_snapshot!(failure("input.parquet", "PAR1 and nothing else"), @"");
    insta::assert_snapshot!(failure("input.jsonl.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"), @"");
}

#[test]
fn a_pattern_that_matches_nothing_is_shown() {
    let folder = Folder::new();
    insta::assert_snapshot!(folder.run(&pipeline("data/*.jsonl", &[], "output.jsonl")).failed(2), @"");
    insta::assert_snapshot!(folder.run(&pipeline("input.jsonl", &[], "output.jsonl")).failed(2), @"");
}

#[test]
fn an_output_that_is_the_input_is_refused() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    std::os::unix::fs::symlink("input.jsonl", folder.join("link.jsonl")).unwrap();
    insta::assert_snapshot!(folder.run(&pipeline("input.jsonl", &[], "./input.jsonl")).failed(2), @"");
    insta::assert_snapshot!(folder.run(&pipeline("*put.jsonl", &[], "link.jsonl")).failed(2), @"");
    assert_eq!(folder.text("input.jsonl"), "{\"id\":1}\n");
}

#[test]
fn files_of_one_source_have_the_same_columns() {
    let folder = Folder::new();
    folder.write("a.jsonl", "{\"id\":1}\n".repeat(1200));
    folder.write("b.jsonl", "{\"id\":1,\"other\":2}\n");
    insta::assert_snapshot!(folder.run(&pipeline("?.jsonl", &[], "output.jsonl")).failed(1), @"");
    folder.write("a.csv", "id,name\n1,x\n");
    folder.write("b.csv", "id,title\n1,x\n");
    insta::assert_snapshot!(folder.run(&pipeline("?.csv", &[], "output.jsonl")).failed(1), @"");
}

#[test]
fn files_of_one_source_are_read_in_the_order_of_their_names() {
    let folder = Folder::new();
    folder.write("b.csv", "id,name\n3,z\n");
    folder.write("a.csv", "name,id\nx,1\ny,2\n");
    insta::assert_snapshot!(folder.output_of(&pipeline("?.csv", &[], "output.jsonl")), @"");
    // JSON Lines take their columns from all files, as long as the first rows reach.
    folder.write("a.jsonl", "{\"id\":1}\n");
    folder.write("b.jsonl", "{\"id\":2.5,\"other\":2}\n");
    insta::assert_snapshot!(folder.output_of(&pipeline("[ab].jsonl", &[], "output.jsonl")), @"");
}

#[test]
fn declared_columns_are_the_columns() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"n\":1,\"id\":7,\"meta\":{\"a\":[1]}}\n{\"id\":8}\n");
    let declared = "input.jsonl\"\ncolumns = { id = \"float\", meta = \"json\", n = \"integer\" }\n#";
    insta::assert_snapshot!(folder.output_of(&pipeline(declared, &[], "output.jsonl")), @"");
}
