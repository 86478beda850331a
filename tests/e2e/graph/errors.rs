//! Errors in a graph: all are reported at once, each with its line.

use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, COUNT_TEXTS, EXPAND_WORDS};

use crate::harness::{Folder, PipelineFile, sink, source, step};

fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, COUNT_FROM, COUNT_TEXTS, EXPAND_WORDS]);
    folder.write("a.jsonl", "{\"id\":1,\"text\":\"one\"}\n");
    folder.write("b.jsonl", "{\"text\":\"two\"}\n");
    folder
}

const WRONG_NAMES: &str = r#"
[pipeline]
name = "wrong"

[[source]]
name = "a"
path = "a.jsonl"

[[source]]
name = "b"
path = "b.jsonl"

[[step]]
name = "first"
component = "add_column.wasm"

[[step]]
name = "both"
component = "add_column.wasm"
from = ["a", "bb"]

[[step]]
name = "many"
component = "add_column.wasm"
from = ["a", "a", "out"]

[[step]]
name = "unsaid"
component = "add_column.wasm"
from = ["a", "many"]

[[step]]
name = "round"
component = "add_column.wasm"
from = "about"

[[step]]
name = "about"
component = "add_column.wasm"
from = "round"

[[step]]
name = "made"
component = "count_from.wasm"
parameters = { count = 1 }
from = "a"

[[sink]]
name = "out"
path = "output.jsonl"
from = "made"
combine = "columns"
"#;

#[test]
fn wrong_names_and_parents_are_all_reported_at_once() {
    insta::assert_snapshot!(folder().run(WRONG_NAMES).failed(2), @r#"
    error: no step or sink takes the rows of source "b"
     --> pipeline.toml:9:1
      |
    9 | [[source]]
      | ^^^^^^^^^^
      |
      = help: add a [[sink]] or a step with `from = "b"`, or remove the source

    error: there are 2 sources, but "first" does not name the one it reads from
      --> pipeline.toml:14:8
       |
    14 | name = "first"
       |        ^^^^^^^
       |
       = help: name the sources, and add a `from` with one or more of the names

    error: no step or sink takes the rows of step "first"
      --> pipeline.toml:14:8
       |
    14 | name = "first"
       |        ^^^^^^^
       |
       = help: add a [[sink]] or a step with `from = "first"`, or remove the step

    error: no step or sink takes the rows of step "both"
      --> pipeline.toml:18:8
       |
    18 | name = "both"
       |        ^^^^^^
       |
       = help: add a [[sink]] or a step with `from = "both"`, or remove the step

    error: there is no step or source "bb"
      --> pipeline.toml:20:14
       |
    20 | from = ["a", "bb"]
       |              ^^^^
       |
       = help: did you mean "b"?

    error: "many" takes the rows of "a" twice
      --> pipeline.toml:25:14
       |
    25 | from = ["a", "a", "out"]
       |              ^^^
       |
       = help: name it once

    error: "out" is a sink, which has no output rows
      --> pipeline.toml:25:19
       |
    25 | from = ["a", "a", "out"]
       |                   ^^^^^
       |
       = help: name a step or a source

    error: no step or sink takes the rows of step "unsaid"
      --> pipeline.toml:28:8
       |
    28 | name = "unsaid"
       |        ^^^^^^^^
       |
       = help: add a [[sink]] or a step with `from = "unsaid"`, or remove the step

    error: "unsaid" takes rows from 2 nodes, but does not set `combine`
      --> pipeline.toml:30:14
       |
    30 | from = ["a", "many"]
       |              ^^^^^^
       |
       = help: add `combine = "rows"` to append their rows, or `combine = "columns"` to join the columns of the same rows

    error: "round", "about" form a cycle
      --> pipeline.toml:33:8
       |
    33 | name = "round"
       |        ^^^^^^^
       |
       = help: change a `from` so that rows flow from a source to a sink

    error: step "made" is a source and takes no rows
      --> pipeline.toml:46:8
       |
    46 | from = "a"
       |        ^^^
       |
       = help: remove its `from`

    error: "out" has `combine`, but takes rows from at most one node
      --> pipeline.toml:52:11
       |
    52 | combine = "columns"
       |           ^^^^^^^^^
       |
       = help: remove it, or name several steps or sources in `from`
    "#);
}

#[test]
fn select_and_drop_on_one_node_are_reported() {
    let pipeline = r#"
[pipeline]
name = "wrong"

[[source]]
name = "a"
path = "a.jsonl"
drop = ["idd"]

[[step]]
name = "first"
component = "add_column.wasm"
from = "a"
inputs = { txt = "text" }
outputs = { length = "text" , size = "n" }

[[step]]
name = "second"
component = "add_column.wasm"
from = { name = "a", select = ["text"] }
inputs = { text = "body" }
rename = { id = "key" }

[[sink]]
path = "output.jsonl"
from = "a"
rename = { id = "text" }

[[sink]]
path = "other.jsonl"
from = ["first", "second"]
combine = "rows"
select = ["a"]
drop = ["b"]
"#;
    insta::assert_snapshot!(folder().run(pipeline).failed(2), @r#"
    error: `drop` in [[sink]] cannot be combined with `select`
      --> pipeline.toml:34:8
       |
    34 | drop = ["b"]
       |        ^^^^^
       |
       = help: remove one of the two
    "#);
}

#[test]
fn wrong_column_names_and_mismatched_parents_are_reported() {
    let pipeline = |key: &str, value: &str, second: &str| {
        PipelineFile::new()
            .add(source("a.jsonl").name("a").set(key, value))
            .add(step("add_column").name("first").from(&["a"]))
            .add(step("expand_words").name("second").set("from", second))
            .add(sink("output.jsonl").from(&["first", "second"]).combine("rows"))
    };
    let wrong_names = pipeline("drop", r#"["idd"]"#, r#"{ name = "a", select = ["text", "word"] }"#);
    insta::assert_snapshot!(folder().run(wrong_names).failed(2), @r#"
    error: there is no column "idd" among those of source "a"
     --> pipeline.toml:7:9
      |
    7 | drop = ["idd"]
      |         ^^^^^
      |
      = help: did you mean "id"?
      = help: source "a" gives id: integer, text: text
    "#);
    let other_columns = pipeline("rename", r#"{ id = "key" }"#, r#"{ name = "a", select = ["text"] }"#);
    insta::assert_snapshot!(folder().run(other_columns).failed(2), @r#"
    error: the rows of step "first" and step "second" do not have the same columns: only the first has "key"
      --> pipeline.toml:21:18
       |
    21 | from = ["first", "second"]
       |                  ^^^^^^^^
       |
       = help: `select`, `drop` and `rename` on the steps, or in `from = [{ name = "…", drop = ["…"] }]`, give them the same columns
       = help: step "first" gives key: integer, text: text, length: integer
       = help: step "second" gives text: text, word: text
    "#);
}

#[test]
fn a_missing_column_is_reported_once() {
    let words = |key: &str, value: &str| {
        PipelineFile::new().add(source("a.jsonl")).add(step("add_column").name("words").set(key, value))
    };
    insta::assert_snapshot!(folder().run(words("select", r#"["id", "texts"]"#)).failed(2), @r#"
    error: there is no column "texts" among those of the source
      --> pipeline.toml:10:17
       |
    10 | select = ["id", "texts"]
       |                 ^^^^^^^
       |
       = help: did you mean "text"?
       = help: the source gives id: integer, text: text
    "#);
    insta::assert_snapshot!(folder().run(words("inputs", r#"{ text = "texts" }"#)).failed(2), @r#"
    error: step "words" reads the column "texts", which the source does not have
      --> pipeline.toml:10:19
       |
    10 | inputs = { text = "texts" }
       |                   ^^^^^^^
       |
       = help: did you mean "text"?
       = help: the source gives id: integer, text: text
    "#);
}

#[test]
fn settings_that_do_not_apply_to_a_kind_of_step_are_reported() {
    let made = step("count_from").name("made").parameters("count = 1").set("concurrency", 2).on_failure("reject");
    let counts = step("count_texts").name("counts").worker().on_failure("retry = 2");
    let pipeline = PipelineFile::new().without_source().add(made).add(counts).rejects();
    insta::assert_snapshot!(folder().run(pipeline).failed(2), @r#"
    error: step "made" is of kind source, which does not support `concurrency`
     --> pipeline.toml:8:15
      |
    8 | concurrency = 2
      |               ^
      |
      = help: it has a single instance for all rows

    error: step "made" is of kind source, which has no rows to reject
     --> pipeline.toml:9:14
      |
    9 | on-failure = "reject"
      |              ^^^^^^^^
      |
      = help: it takes no rows; remove `on-failure`

    error: step "counts" is of kind aggregate, which does not support `instance`
      --> pipeline.toml:14:12
       |
    14 | instance = "worker"
       |            ^^^^^^^^
       |
       = help: it has a single instance for all rows

    error: step "counts" is of kind aggregate, which does not support retries
      --> pipeline.toml:15:14
       |
    15 | on-failure = { retry = 2 }
       |              ^^^^^^^^^^^^^
       |
       = help: its instance loses its state when a call fails
    "#);
}

#[test]
fn a_pipeline_without_a_source_is_reported() {
    let pipeline = PipelineFile::new().without_source().add(step("add_column"));
    insta::assert_snapshot!(folder().run(pipeline).failed(2), @r"
    error: the pipeline has no [[source]], and no step is a source
    --> pipeline.toml
     = help: add a [[source]] with a `path` that rows are read from
    ");
}

#[test]
fn check_prints_a_graph_with_branches() {
    let pipeline = PipelineFile::new()
        .name("graph")
        .add(source("a.jsonl").name("a").set("route", r#"{ to = ["first", "second"], by = "round-robin" }"#))
        .add(step("add_column").name("first"))
        .add(step("add_column").name("second"))
        .add(step("count_texts").name("counts").from(&["first", "second"]).combine("rows"))
        .add(sink("output.jsonl"))
        .add(sink("second.jsonl").from(&["second"]).select(&["id"]));
    let folder = folder();
    folder.write_pipeline(pipeline);
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml"]).succeeded().text(), @r"
    graph
    a <- a.jsonl
    │ id: integer, text: text
    ├─ first (stillbox-test-programs 0.1.0) reads text: text, writes length: integer
    ├─ │ id: integer, text: text, length: integer
    ├─ second (stillbox-test-programs 0.1.0) reads text: text, writes length: integer
    ├─ │ id: integer, text: text, length: integer
    │  ├─ counts (stillbox-test-programs 0.1.0) reads text: text, writes text: text, count: integer, with the rows of first
    │  ├─ │ id: integer, text: text, length: integer, count: integer
    │  ├─ sink-1 -> output.jsonl
    │  ├─ sink-2 -> second.jsonl
    │  ├─ │ writes id: integer
    ");
}
