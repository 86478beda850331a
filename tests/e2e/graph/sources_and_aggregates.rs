//! Source steps and aggregates, which have one instance for all their rows.

use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_FINISH, COUNT_FROM, COUNT_TEXTS, TURN_AROUND};

use crate::harness::{Folder, PipelineFile, Table, sink, step};

#[test]
fn a_source_step_replaces_an_input_file() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    let numbers =
        step("count_from").name("numbers").parameters("count = 5, at-once = 3").set("rename", r#"{ number = "n" }"#);
    let pipeline =
        PipelineFile::new().batch_rows(2).without_source().add(numbers).add(step("add_column").name("length"));
    let outcome = folder.run(pipeline).succeeded();
    insta::assert_snapshot!(folder.text("output.jsonl"), @r#"
    {"n":0,"text":"number 0","length":8}
    {"n":1,"text":"number 1","length":8}
    {"n":2,"text":"number 2","length":8}
    {"n":3,"text":"number 3","length":8}
    {"n":4,"text":"number 4","length":8}
    "#);
    assert!(outcome.stderr.contains("test: 5 rows in, 5 rows to sink in "), "{}", outcome.stderr);
}

#[test]
fn an_error_of_a_source_step_ends_the_run() {
    let folder = Folder::with(&[COUNT_FROM]);
    let numbers = step("count_from").name("numbers").parameters("count = 5, at-once = 2, fails-at = 3");
    let pipeline = PipelineFile::new().without_source().add(numbers);
    insta::assert_snapshot!(folder.run(pipeline).failed(1), @r"
    guest-error in step numbers: there is no number 3
      source: tests/guests/programs/examples/count_from.rs:49:13
    ");
    assert_eq!(folder.names(), ["count_from.wasm", "pipeline.toml"]);
}

/// The step `around`, which turns its rows around and rejects empty texts.
fn turn_around() -> Table {
    step("turn_around").name("around")
}

const WITH_AN_EMPTY_TEXT: &str = "{\"text\":\"a\"}\n{\"text\":\"\"}\n{\"text\":\"b\"}\n";

#[test]
fn a_row_rejected_by_an_aggregate_ends_the_run() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", WITH_AN_EMPTY_TEXT);
    insta::assert_snapshot!(folder.run(PipelineFile::new().add(turn_around())).failed(1), @r#"
    guest-error in step around: the text is empty
      at: the input of step "around", row 2 (batch 0)
      source: tests/guests/programs/examples/turn_around.rs:54:39
    "#);
}

#[test]
fn a_row_rejected_by_an_aggregate_goes_to_the_reject_file() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", WITH_AN_EMPTY_TEXT);
    let pipeline = PipelineFile::new().add(turn_around().on_failure("reject").set("batch-rows", 2)).rejects();
    let outcome = folder.run(pipeline).succeeded();
    insta::assert_snapshot!(folder.text("output.jsonl"), @r#"
    {"text":"b","place":0}
    {"text":"a","place":1}
    "#);
    let rejects = folder.text("rejects.jsonl");
    assert!(rejects.starts_with("{\"row\":{\"text\":\"\"},\"failure\":"), "{rejects}");
    assert!(rejects.contains("\"message\":\"the text is empty\""), "{rejects}");
    assert_eq!(rejects.lines().count(), 1);
    assert!(outcome.stderr.contains("around        3         2        0         1"), "{}", outcome.stderr);
}

#[test]
fn a_panic_of_an_aggregate_ends_the_run_under_any_policy() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", WITH_AN_EMPTY_TEXT);
    let around = turn_around().on_failure("reject").parameters("panics-at = \"b\"");
    let message = folder.run(PipelineFile::new().add(around).rejects()).failed(1);
    assert!(message.contains("cannot bear \"b\""), "{message}");
    assert_eq!(folder.names(), ["input.jsonl", "pipeline.toml", "turn_around.wasm"]);
}

#[test]
fn an_endless_aggregate_is_stopped_by_its_time_limit() {
    let folder = Folder::with(&[BAD_LOOP_IN_FINISH]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let endless = step("bad_loop_in_finish").limits("time = \"100ms\"");
    let message = folder.run(PipelineFile::new().add(endless)).failed(1);
    assert!(message.contains("did not finish within 100ms"), "{message}");
}

#[test]
fn an_aggregate_without_input_rows_is_finished() {
    let folder = Folder::with(&[COUNT_TEXTS, COUNT_FROM]);
    let numbers = step("count_from").parameters("count = 0");
    folder
        .run(PipelineFile::new().without_source().add(numbers).add(step("count_texts")).add(sink("output.csv")))
        .succeeded();
    assert_eq!(folder.text("output.csv"), "number,text,count\n");
}

#[test]
fn an_aggregate_without_input_rows_can_emit_rows() {
    let folder = Folder::with(&[COUNT_TEXTS]);
    // The text that the step writes has another name, so the text that it reads stays a column.
    let counts = step("count_texts").parameters("as-one = true").set("outputs", r#"{ text = "of" }"#);
    let pipeline = |output| PipelineFile::new().add(counts.clone()).add(sink(output).set("drop", r#"["of"]"#));
    folder.write("input.jsonl", "");
    assert_eq!(folder.output_of(pipeline("output.jsonl")), "{\"text\":null,\"count\":0}\n");
    folder.write("input.jsonl", "{\"text\":\"a\",\"id\":1}\n{\"text\":\"b\",\"id\":2}\n");
    assert_eq!(folder.output_of(pipeline("output.jsonl")), "{\"text\":null,\"id\":null,\"count\":2}\n");
    // A Parquet file states which columns may be null.
    folder.write("input.jsonl", "");
    folder.run(pipeline("output.parquet")).succeeded();
}
