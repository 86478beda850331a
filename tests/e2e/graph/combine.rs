//! `combine = "columns"` and `combine = "rows"`.

use stillbox_test_guests::{ADD_COLUMN, COUNT_BATCHES, DROP_SHORT, EXPAND_WORDS, KEEP_LONG};

use crate::harness::{Folder, PipelineFile, Table, sink, source, step};

/// Two branches of one source, combined by columns.
fn joined(first: Table, second: &str) -> PipelineFile {
    PipelineFile::new()
        .add(source("input.jsonl").name("texts"))
        .add(first.name("length").from(&["texts"]))
        .add(step(second).name("other").from(&["texts"]))
        .add(sink("output.jsonl").from(&["length", "other"]).combine("columns"))
}

fn folder(texts: &str) -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, COUNT_BATCHES, DROP_SHORT, EXPAND_WORDS, KEEP_LONG]);
    folder.write("input.jsonl", texts.split(',').map(|text| format!("{{\"text\":\"{text}\"}}\n")).collect::<String>());
    folder
}

#[test]
fn combine_columns_keeps_shared_columns_once() {
    let folder = folder("one two,three");
    insta::assert_snapshot!(folder.output_of(joined(step("add_column"), "drop_short")), @r#"
    {"text":"one two","length":7,"first":"one"}
    {"text":"three","length":5,"first":"three"}
    "#);
}

#[test]
fn combine_columns_leaves_out_a_row_that_a_branch_rejects() {
    let folder = folder("one two,,three");
    let outcome = folder.run(joined(step("add_column").on_failure("reject"), "count_batches").rejects()).succeeded();
    insta::assert_snapshot!(folder.text("output.jsonl"), @r#"
    {"text":"one two","length":7,"batches":1,"batch_rows":3}
    {"text":"three","length":5,"batches":1,"batch_rows":3}
    "#);
    assert_eq!(folder.text("rejects.jsonl").lines().count(), 1, "{}", outcome.stderr);
}

#[test]
fn combine_columns_fails_when_a_branch_drops_a_row() {
    let folder = folder("one two,a,three");
    insta::assert_snapshot!(folder.run(joined(step("add_column"), "keep_long")).failed(1), @r#"
    incompatible in step sink: the columns cannot be joined: step "length" has a row that step "other" does not have
      at: input.jsonl:2 (batch 0)
      hint: between a branch and `combine = "columns"` no step may drop rows or create several rows from one; filter or expand before the branches, or after they are combined
    "#);
    assert!(!folder.contains("output.jsonl"));
}

#[test]
fn combine_columns_fails_when_a_branch_expands_a_row() {
    let folder = folder("one two,three");
    insta::assert_snapshot!(folder.run(joined(step("add_column"), "expand_words")).failed(1), @r#"
    incompatible in step sink: the columns cannot be joined: step "length" has a row that step "other" does not have
      at: input.jsonl:1 (batch 0)
      hint: between a branch and `combine = "columns"` no step may drop rows or create several rows from one; filter or expand before the branches, or after they are combined
    "#);
}

#[test]
fn combine_columns_rejects_two_columns_of_the_same_name() {
    let folder = folder("one two,three");
    insta::assert_snapshot!(folder.run(joined(step("add_column"), "add_column")).failed(2), @r#"
    error: both step "length" and step "other" give a column "length"
      --> pipeline.toml:20:19
       |
    20 | from = ["length", "other"]
       |                   ^^^^^^^
       |
       = help: rename one of them: `{ name = "other", rename = { length = "length-2" } }`
       = help: or drop one of them: `{ name = "other", drop = ["length"] }`
    "#);
}

/// Two files, combined by `rows` or by `columns`.
fn combined(by: &str) -> PipelineFile {
    PipelineFile::new()
        .batch_rows(2)
        .add(source("a.csv").name("a"))
        .add(source("b.csv").name("b"))
        .add(sink("output.csv").from(&["a", "b"]).combine(by))
}

#[test]
fn combine_columns_joins_rows_of_two_files_by_position() {
    let folder = Folder::new();
    folder.write("a.csv", "a\n1\n2\n3\n");
    folder.write("b.csv", "b\nx\ny\nz\n");
    folder.run(combined("columns")).succeeded();
    assert_eq!(folder.text("output.csv"), "a,b\n1,x\n2,y\n3,z\n");
    folder.write("b.csv", "b\nx\ny\n");
    insta::assert_snapshot!(folder.run(combined("columns")).failed(1), @r#"
    incompatible in step sink: the columns cannot be joined, because there are 3 rows of source "a" and 2 of source "b"
      hint: `combine = "columns"` joins rows by their position, so all parents have to have the same rows
    "#);
    folder.write("b.csv", "a\nx\ny\nz\n");
    insta::assert_snapshot!(folder.run(combined("columns")).failed(2), @r#"
    error: both source "a" and source "b" give a column "a"
      --> pipeline.toml:15:14
       |
    15 | from = ["a", "b"]
       |              ^^^
       |
       = help: rename one of them: `{ name = "b", rename = { a = "a-2" } }`
       = help: or drop one of them: `{ name = "b", drop = ["a"] }`
    "#);
}

#[test]
fn combine_rows_requires_the_same_columns() {
    let folder = Folder::new();
    let pipeline = combined("rows");
    folder.write("a.csv", "a,b\n1,x\n");
    folder.write("b.csv", "b,a\ny,2\n");
    folder.run(&pipeline).succeeded();
    assert_eq!(folder.text("output.csv"), "a,b\n1,x\n2,y\n");
    folder.write("b.csv", "b,a\ny,z\n");
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @r#"
    error: the rows of source "a" and source "b" do not have the same columns: "a" has different types (a: integer and a: text)
      --> pipeline.toml:15:14
       |
    15 | from = ["a", "b"]
       |              ^^^
       |
       = help: `select`, `drop` and `rename` on the steps, or in `from = [{ name = "…", drop = ["…"] }]`, give them the same columns
       = help: source "a" gives a: integer, b: text
       = help: source "b" gives b: text, a: text
    "#);
    folder.write("b.csv", "b,c\ny,z\n");
    insta::assert_snapshot!(folder.run(&pipeline).failed(2), @r#"
    error: the rows of source "a" and source "b" do not have the same columns: only the first has "a"
      --> pipeline.toml:15:14
       |
    15 | from = ["a", "b"]
       |              ^^^
       |
       = help: `select`, `drop` and `rename` on the steps, or in `from = [{ name = "…", drop = ["…"] }]`, give them the same columns
       = help: source "a" gives a: integer, b: text
       = help: source "b" gives b: text, c: text
    "#);
}
