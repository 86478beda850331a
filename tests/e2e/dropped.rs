//! `[dropped]`: a sample of the rows that steps drop, with the reasons of the steps.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, GIVE_REASONS, KEEP_LONG, TURN_AROUND};

use crate::harness::schemas::assert_is_event;
use crate::harness::{Folder, PipelineFile, ROOT, component_step, outcome, outcome_with_input, python, redact, step};
use crate::resume::kill_after_checkpoint;

/// Rows with these texts.
fn rows<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(|text| format!("{{\"text\":\"{text}\"}}\n")).collect()
}

/// A pipeline whose step gives reasons.
fn reasons(dropped: &str) -> PipelineFile {
    let give = step("give_reasons").on_failure("reject");
    PipelineFile::new().add(give).rejects().toml(&format!("[dropped]\npath = \"dropped.jsonl\"\n{dropped}"))
}

fn folder<'a>(texts: impl IntoIterator<Item = &'a str>) -> Folder {
    let folder = Folder::with(&[GIVE_REASONS]);
    folder.write("input.jsonl", rows(texts));
    folder
}

/// The lines of the file, without the id of the run.
fn dropped(folder: &Folder) -> Vec<Value> {
    let mut lines = folder.json_lines("dropped.jsonl");
    for line in &mut lines {
        assert!(line["dropped"]["run"].take().is_string(), "{line}");
    }
    lines
}

/// The report of a run of the pipeline.
fn report(folder: &Folder, pipeline: PipelineFile) -> Value {
    folder.write_pipeline(pipeline);
    let outcome = folder.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded();
    outcome.json_lines().iter().for_each(assert_is_event);
    outcome.report()
}

#[test]
fn the_first_rows_of_a_step_are_written_with_their_reasons() {
    let folder = folder(["short", "kept", "silent", "short 2", "twice"]);
    folder.run(reasons("").batch_rows(2)).succeeded();
    let _redacted = redact([("\"run\":\"[^\"]*\"", "\"run\":\"[RUN]\"")]);
    insta::assert_snapshot!(folder.text("dropped.jsonl"), @r#"
    {"row":{"text":"short"},"dropped":{"run":"[RUN]","step":"give_reasons","batch":0,"row":{"index":0,"file":"input.jsonl","line":1},"reason":"too short: 5 bytes"}}
    {"row":{"text":"silent"},"dropped":{"run":"[RUN]","step":"give_reasons","batch":1,"row":{"index":0,"file":"input.jsonl","line":3}}}
    {"row":{"text":"short 2"},"dropped":{"run":"[RUN]","step":"give_reasons","batch":1,"row":{"index":1,"file":"input.jsonl","line":4},"reason":"too short: 7 bytes"}}
    {"row":{"text":"twice"},"dropped":{"run":"[RUN]","step":"give_reasons","batch":2,"row":{"index":0,"file":"input.jsonl","line":5},"reason":"the first reason"}}
    "#);
    assert_eq!(folder.text("output.jsonl"), rows(["kept"]));
}

#[test]
fn reports_count_the_rows_of_each_reason() {
    let folder = folder(["short", "short 2", "silent", "twice", "short 3", "short 4"]);
    let report = report(&folder, reasons("sample = 1"));
    let counted = serde_json::to_string_pretty(&report["steps"][0]["drop_reasons"]).unwrap();
    insta::assert_snapshot!(counted, @r#"
    [
      {
        "reason": "too short: # bytes",
        "rows": 4,
        "examples": [
          {
            "reason": "too short: 5 bytes",
            "row": {
              "index": 0,
              "file": "input.jsonl",
              "line": 1
            }
          },
          {
            "reason": "too short: 7 bytes",
            "row": {
              "index": 1,
              "file": "input.jsonl",
              "line": 2
            }
          },
          {
            "reason": "too short: 7 bytes",
            "row": {
              "index": 4,
              "file": "input.jsonl",
              "line": 5
            }
          }
        ]
      },
      {
        "reason": "the first reason",
        "rows": 1,
        "examples": [
          {
            "reason": "the first reason",
            "row": {
              "index": 3,
              "file": "input.jsonl",
              "line": 4
            }
          }
        ]
      }
    ]
    "#);
    assert_eq!(dropped(&folder).len(), 1);
    folder.stillbox(["run", "pipeline.toml", "--report", "report.html"]).succeeded();
    let page = folder.text("report.html");
    for part in [
        "<h2>Dropped rows</h2>\n<p class=\"soft\">Whole rows are in ",
        "<td>give_reasons</td><td>4</td><td class=\"text\">too short: # bytes</td>",
        "input.jsonl:1: too short: 5 bytes<br>input.jsonl:2: too short: 7 bytes<br>",
        "<td></td><td>1</td><td class=\"text\">no reason given</td>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_sample_by_reason_has_rows_of_each() {
    let texts: Vec<String> =
        (0..50).map(|row| if row == 40 { "twice".into() } else { format!("short {row}") }).collect();
    let folder = folder(texts.iter().map(String::as_str));
    let run = |by: &str| {
        folder.run(reasons(&format!("sample = 2\nby = \"{by}\"")).batch_rows(10)).succeeded();
        let lines = dropped(&folder);
        lines.iter().map(|line| line["dropped"]["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run("step"), ["too short: 7 bytes", "too short: 7 bytes"]);
    assert_eq!(run("reason"), ["too short: 7 bytes", "too short: 7 bytes", "the first reason"]);
}

#[test]
fn a_hostile_step_cannot_forge_enlarge_or_misplace_reasons() {
    let texts = ["outside", "escapes", "long", "reject", "kept", "silent"];
    let folder = folder(texts);
    let report = report(&folder, reasons(""));
    assert_eq!(folder.text("output.jsonl"), rows(["kept"]));
    assert_eq!((&report["steps"][0]["dropped"], &report["steps"][0]["rejected"]), (&4.into(), &1.into()));
    let lines = dropped(&folder);
    let reasons: Vec<_> = lines.iter().map(|line| line["dropped"]["reason"].as_str().map(str::len)).collect();
    assert!(matches!(reasons[..], [None, Some(47), Some(256..300), None]), "{reasons:?}");
    // Neither the row that is returned nor the one that is rejected counts.
    let names: Vec<_> =
        report["steps"][0]["drop_reasons"].as_array().unwrap().iter().map(|it| it["rows"].clone()).collect();
    assert_eq!(names, [1, 1]);
    assert!(!folder.text("dropped.jsonl").contains('\u{1b}'));
    let outcome = folder.stillbox(["run", "pipeline.toml", "--report", "report.html"]).succeeded();
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
    let page = folder.text("report.html");
    assert!(page.contains("&lt;script&gt;alert(#)&lt;/script&gt;") && !page.contains("<script"), "{page}");
}

#[test]
fn reasons_take_bounded_memory_and_are_counted_together_if_there_are_many() {
    let unique: Vec<String> = (0..300).map(|row| format!("unique {}", "y".repeat(row % 200 + 1))).collect();
    let folder = folder(["flood"].into_iter().chain(unique.iter().map(String::as_str)));
    let report = report(&folder, reasons("sample = 3\nby = \"reason\"").batch_rows(1));
    let reasons = report["steps"][0]["drop_reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 65);
    assert_eq!(reasons[64]["reason"], "other reasons");
    assert_eq!(reasons.iter().map(|it| it["rows"].as_u64().unwrap()).sum::<u64>(), 301);
    let lines = dropped(&folder);
    assert!(lines.len() <= 65 * 3, "{}", lines.len());
}

#[test]
fn nothing_is_recorded_without_dropped() {
    let folder = folder(["short", "kept"]);
    let report = report(&folder, PipelineFile::new().add(step("give_reasons")));
    assert_eq!(report["steps"][0]["drop_reasons"], Value::Null);
    assert!(!folder.contains("dropped.jsonl"));
}

#[test]
fn the_sample_does_not_depend_on_threads_the_cache_or_resuming() {
    let folder = || {
        let folder = Folder::with(&[ADD_COLUMN, GIVE_REASONS, KEEP_LONG]);
        let words = ["short", "kept", "twice", "silent"];
        let text = |row: usize| format!("{} {}", words[row % 4], "z".repeat(row % 97));
        let lines: String = (0..6000).map(|row| format!("{{\"id\":{row},\"text\":\"{}\"}}\n", text(row))).collect();
        folder.write("input.jsonl", lines);
        let keep = step("keep_long").parameters("min-bytes = 20");
        let give = step("give_reasons").cached();
        let pipeline = PipelineFile::new().batch_rows(20).add(step("add_column")).add(keep).add(give);
        let dropped = "[dropped]\npath = \"dropped.jsonl\"\nsample = 700\nby = \"reason\"";
        folder.write_pipeline(pipeline.toml(dropped));
        folder
    };
    let reference = folder();
    reference.stillbox(["run", "pipeline.toml", "--threads", "1"]).succeeded();
    let expected = dropped(&reference);
    assert!(expected.len() > 1400, "{}", expected.len());
    // From the cache.
    reference.stillbox(["run", "pipeline.toml", "--threads", "2"]).succeeded();
    assert_eq!(dropped(&reference), expected);
    let killed = folder();
    kill_after_checkpoint(&killed, &[]);
    assert!(!killed.contains("dropped.jsonl"));
    killed.stillbox(["run", "pipeline.toml", "--resume", "--threads", "2"]).succeeded();
    assert_eq!(dropped(&killed), expected);
    let steps: BTreeSet<_> = expected.iter().map(|line| line["dropped"]["step"].to_string()).collect();
    assert_eq!(steps.len(), 2);
}

#[test]
fn a_compressed_file_has_the_same_lines() {
    let folder = folder(["short", "kept", "short 2"]);
    let pipeline = reasons("").to_string().replace("dropped.jsonl", "dropped.jsonl.gz");
    folder.run(pipeline).succeeded();
    let lines =
        outcome_with_input(folder.shell("gunzip").env("PATH", "/usr/bin:/bin"), &folder.bytes("dropped.jsonl.gz"));
    assert_eq!(lines.text().lines().count(), 2, "{}", lines.text());
}

#[test]
fn check_lists_the_steps_whose_dropped_rows_are_recorded() {
    let folder = Folder::with(&[KEEP_LONG, TURN_AROUND]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let around = step("turn_around").parameters("at-once = 10");
    let dropped = "[dropped]\npath = \"dropped.jsonl\"\nby = \"reason\"";
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(around).toml(dropped));
    let check = folder.stillbox(["check", "pipeline.toml"]).succeeded();
    let text = check.text();
    assert!(
        text.ends_with("dropped rows of keep_long: the first 100 rows of each reason of each step in dropped.jsonl\n"),
        "{text}"
    );
    let json = folder.stillbox(["check", "pipeline.toml", "--json"]).succeeded().json();
    assert_eq!(json["dropped"]["steps"], serde_json::json!(["keep_long"]));
}

#[test]
fn dropped_in_a_pipeline_without_a_step_that_drops_rows_is_an_error() {
    let folder = Folder::with(&[COUNT_FROM]);
    let count = step("count_from").parameters("count = 3, at-once = 1");
    let pipeline = PipelineFile::new().without_source().add(count).toml("[dropped]\npath = \"dropped.jsonl\"");
    let error = folder.run(pipeline).failed(2);
    assert!(error.contains("[dropped] has no effect, because the pipeline has no step of kind transform"), "{error}");
}

#[test]
fn the_file_of_dropped_rows_is_a_file_of_its_own() {
    let folder = folder(["short"]);
    let pipeline = |path: &str| reasons("").to_string().replace("dropped.jsonl", path);
    let same = folder.run(pipeline("output.jsonl")).failed(2);
    assert!(same.contains("the file for dropped rows output.jsonl is also another output"), "{same}");
    let input = folder.run(pipeline("input.jsonl")).failed(2);
    assert!(input.contains("the file for dropped rows input.jsonl is also the input"), "{input}");
    let failures = folder.run_with(reasons(""), ["--failures", "dropped.jsonl"]).failed(2);
    assert!(failures.contains("is also the file for dropped rows"), "{failures}");
}

#[test]
fn a_step_in_python_drops_rows_with_reasons() {
    let component = python::component(&Path::new(ROOT).join("tests/python/drop-short"));
    let folder = Folder::new();
    folder.write("input.jsonl", rows(["ab", "abc", ""]));
    let pipeline = || PipelineFile::new().add(component_step("short", &component));
    folder.write_pipeline(pipeline().toml("[dropped]\npath = \"dropped.jsonl\""));
    outcome(folder.command().args(["run", "pipeline.toml"])).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"abc\",\"n\":3}\n");
    let reasons: Vec<_> = dropped(&folder).iter().map(|line| line["dropped"]["reason"].clone()).collect();
    assert_eq!(reasons, ["too short: 2 characters", "too short: 0 characters"]);
    assert_eq!(folder.output_of(pipeline()), "{\"text\":\"abc\",\"n\":3}\n");
}
