//! `on-bad-row`: rows that cannot be read go to the reject file.

use stillbox_test_guests::{ADD_COLUMN, TURN_AROUND};

use crate::harness::{Folder, PipelineFile, source, step};
use crate::resume::kill_after_checkpoint;

fn rejecting(path: &str) -> PipelineFile {
    PipelineFile::new().add(source(path).set("on-bad-row", "\"reject\"")).rejects()
}

/// The lines of the reject file without the run.
fn rejects(folder: &Folder) -> String {
    let without_run = |mut line: serde_json::Value| {
        line["failure"]["run"].take();
        line.to_string() + "\n"
    };
    folder.json_lines("rejects.jsonl").into_iter().map(without_run).collect()
}

#[test]
fn a_malformed_line_is_rejected_with_its_place_reason_and_text() {
    let folder = Folder::new();
    folder.write("input.jsonl", b"{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"\n{\"id\":3,\"text\":\"\xff\"}\n{\"id\":4,\"text\":\"c\"}\n");
    let outcome = folder.run(rejecting("input.jsonl")).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"id\":1,\"text\":\"a\"}\n{\"id\":4,\"text\":\"c\"}\n");
    insta::assert_snapshot!(rejects(&folder), @r#"
{"raw":"{\"id\":2,\"text\":\"b\"","failure":{"version":1,"run":null,"batch":0,"row":{"index":0,"file":"input.jsonl","line":2},"attempt":1,"kind":"host","message":"input.jsonl:2:18: this is not valid JSON: the object does not end on this line; if objects are on several lines, set `format = \"json\"` in the source"}}
{"raw":"{\"id\":3,\"text\":\"�\"}","failure":{"version":1,"run":null,"batch":0,"row":{"index":0,"file":"input.jsonl","line":3},"attempt":1,"kind":"host","message":"input.jsonl:3:17: byte 17 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line"}}
"#);
    assert!(
        outcome.stderr.contains("4 rows in, 2 of them rejected as unreadable, 2 rows to sink"),
        "{}",
        outcome.stderr
    );
    let events = folder.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded().json_lines();
    assert_eq!(events.iter().filter(|event| event["event"] == "rejected").count(), 2);
    assert_eq!(events.last().expect("there are events")["report"]["bad_rows"], 2);
}

#[test]
fn a_ragged_record_is_rejected_and_others_pass() {
    let folder = Folder::new();
    folder.write("input.csv", "id,text\n1,a\n2\n3,c\n");
    assert_eq!(folder.output_of(rejecting("input.csv")), "{\"id\":1,\"text\":\"a\"}\n{\"id\":3,\"text\":\"c\"}\n");
    insta::assert_snapshot!(rejects(&folder), @r#"{"raw":"2","failure":{"version":1,"run":null,"batch":0,"row":{"index":0,"file":"input.csv","line":3},"attempt":1,"kind":"host","message":"input.csv:3: this row has 1 field, and the header has 2 fields"}}"#);
}

#[test]
fn bad_rows_count_for_max_rejects() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\nx\ny\n");
    let limited = |max: &str| {
        let table = source("input.jsonl").set("on-bad-row", "\"reject\"");
        let rejects = format!("[rejects]\npath = \"rejects.jsonl\"\nmax-rejects = {max}");
        folder.run(PipelineFile::new().add(table).toml(&rejects))
    };
    limited("2").succeeded();
    limited("\"67%\"").succeeded();
    assert!(limited("1").failed(1).contains("rejected"));
    assert!(limited("\"66%\"").failed(1).contains("rejected"));
    assert_eq!(folder.json_lines("rejects.jsonl").len(), 2);
}

#[test]
fn a_source_that_rejects_needs_a_reject_file() {
    let folder = Folder::new();
    folder.write("input.jsonl", "");
    let table = source("input.jsonl").set("on-bad-row", "\"reject\"");
    insta::assert_snapshot!(folder.run(PipelineFile::new().add(table)).failed(2), @r#"
error: a source rejects rows, but the pipeline has no [rejects]
 --> pipeline.toml:6:14
  |
6 | on-bad-row = "reject"
  |              ^^^^^^^^ rejects rows
  |
  = help: add a line [rejects] and a line such as `path = "rejects.jsonl"`
"#);
}

/// Rows of which every seventh cannot be read.
fn some_bad(count: usize) -> String {
    let line = |row: usize| match row % 7 {
        3 => format!("{{\"id\":{row},\"text\":\n"),
        _ => format!("{{\"id\":{row},\"text\":\"text {row}\"}}\n"),
    };
    (0..count).map(line).collect()
}

/// A pipeline through an aggregate, so that bad rows are in a stage before it.
fn through_an_aggregate(rows: usize) -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, TURN_AROUND]);
    folder.write("input.jsonl", some_bad(rows));
    let around = step("turn_around").parameters("at-once = 500");
    folder.write_pipeline(rejecting("input.jsonl").batch_rows(50).add(around).add(step("add_column")));
    folder
}

#[test]
fn bad_rows_do_not_depend_on_threads() {
    let outputs = ["1", "4"].map(|threads| {
        let folder = through_an_aggregate(3000);
        folder.stillbox(["run", "pipeline.toml", "--threads", threads]).succeeded();
        (folder.text("output.jsonl"), rejects(&folder))
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0].1.lines().count(), (0..3000).filter(|row| row % 7 == 3).count());
}

#[test]
fn a_resumed_run_rejects_each_bad_row_once() {
    let reference = through_an_aggregate(60_000);
    reference.stillbox(["run", "pipeline.toml"]).succeeded();
    let folder = through_an_aggregate(60_000);
    kill_after_checkpoint(&folder, &[]);
    folder.stillbox(["run", "pipeline.toml", "--resume"]).succeeded();
    assert_eq!(folder.text("output.jsonl"), reference.text("output.jsonl"));
    assert_eq!(rejects(&folder), rejects(&reference));
}
