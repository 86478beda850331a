//! Sources and aggregates: steps with one instance for all their rows.

use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_FINISH, COUNT_FROM, COUNT_TEXTS, TURN_AROUND};

use crate::harness::{Folder, PipelineFile, step};

#[test]
fn a_source_step_replaces_an_input_file() {
    let folder = Folder::with(&[COUNT_FROM, ADD_COLUMN]);
    let numbers = step("numbers", "count_from", "parameters = { count = 5, at-once = 3 }\nrename = { number = \"n\" }");
    let steps = numbers + &step("length", "add_column", "");
    let pipeline = PipelineFile { batch_rows: Some(2), source: None, steps: &steps, ..PipelineFile::default() };
    let outcome = folder.run(&pipeline.to_string()).succeeded();
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
    let steps = step("numbers", "count_from", "parameters = { count = 5, at-once = 2, fails-at = 3 }");
    let pipeline = PipelineFile { source: None, steps: &steps, ..PipelineFile::default() }.to_string();
    insta::assert_snapshot!(folder.run(&pipeline).failed(1), @r"
    guest-error in step numbers: there is no number 3
      source: tests/guests/programs/examples/count_from.rs:49:13
    ");
    assert_eq!(folder.names(), ["count_from.wasm", "pipeline.toml"]);
}

fn turned(settings: &str) -> String {
    PipelineFile { steps: &step("around", "turn_around", settings), ..PipelineFile::default() }.to_string()
}

const WITH_AN_EMPTY_TEXT: &str = "{\"text\":\"a\"}\n{\"text\":\"\"}\n{\"text\":\"b\"}\n";

#[test]
fn a_row_rejected_by_an_aggregate_ends_the_run() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", WITH_AN_EMPTY_TEXT);
    insta::assert_snapshot!(folder.run(&turned("")).failed(1), @r#"
    guest-error in step around: the text is empty
      at: the input of step "around", row 2 (batch 0)
      source: tests/guests/programs/examples/turn_around.rs:54:39
    "#);
}

#[test]
fn a_row_rejected_by_an_aggregate_goes_to_the_reject_file() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", WITH_AN_EMPTY_TEXT);
    let settings = "on-failure = \"reject\"\nbatch-rows = 2\n\n[rejects]\npath = \"rejects.jsonl\"\n";
    let outcome = folder.run(&turned(settings)).succeeded();
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
    let settings =
        "on-failure = \"reject\"\nparameters = { panics-at = \"b\" }\n\n[rejects]\npath = \"rejects.jsonl\"\n";
    let said = folder.run(&turned(settings)).failed(1);
    assert!(said.contains("cannot bear \"b\""), "{said}");
    assert_eq!(folder.names(), ["input.jsonl", "pipeline.toml", "turn_around.wasm"]);
}

#[test]
fn an_endless_aggregate_is_stopped_by_its_time_limit() {
    let folder = Folder::with(&[BAD_LOOP_IN_FINISH]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let steps = step("loop", "bad_loop_in_finish", "limits = { time = \"100ms\" }");
    let said = folder.run(&PipelineFile { steps: &steps, ..PipelineFile::default() }.to_string()).failed(1);
    assert!(said.contains("did not finish within 100ms"), "{said}");
}

#[test]
fn an_aggregate_without_input_rows_is_finished() {
    let folder = Folder::with(&[COUNT_TEXTS, COUNT_FROM]);
    let steps = step("numbers", "count_from", "parameters = { count = 0 }") + &step("counts", "count_texts", "");
    let pipeline =
        PipelineFile { source: None, steps: &steps, sink: "path = \"output.csv\"", ..PipelineFile::default() };
    folder.run(&pipeline.to_string()).succeeded();
    assert_eq!(folder.text("output.csv"), "number,text,count\n");
}

#[test]
fn an_aggregate_without_input_rows_can_emit_rows() {
    let folder = Folder::with(&[COUNT_TEXTS]);
    // Its text under another name, so that the one that it reads is there besides.
    let steps = step("count", "count_texts", "parameters = { as-one = true }\noutputs = { text = \"of\" }");
    let sink = "path = \"output.jsonl\"\ndrop = [\"of\"]";
    let pipeline = PipelineFile { steps: &steps, sink, ..PipelineFile::default() }.to_string();
    folder.write("input.jsonl", "");
    assert_eq!(folder.output_of(&pipeline), "{\"text\":null,\"count\":0}\n");
    folder.write("input.jsonl", "{\"text\":\"a\",\"id\":1}\n{\"text\":\"b\",\"id\":2}\n");
    assert_eq!(folder.output_of(&pipeline), "{\"text\":null,\"id\":null,\"count\":2}\n");
    // To a file that knows which columns may be null.
    folder.write("input.jsonl", "");
    folder.run(&pipeline.replace("output.jsonl", "output.parquet")).succeeded();
}
