//! `--failures`: the file has a record of every failure, as the events do, and overwrites no other file of the user.

use std::fs::File;

use serde_json::Value;
use stillbox_test_guests::{
    ADD_COLUMN, BAD_LOOP_IN_BIND, BAD_LOOP_IN_MANIFEST, BAD_PANIC, BAD_REFUSE_PARAMETERS, KEEP_LONG, REPEAT_SECRET,
};

use crate::harness::schemas::assert_is_record;
use crate::harness::{Folder, Outcome, PipelineFile, outcome, pipeline, rows, sink, step};
use crate::resume::{kill_after_checkpoint, texts};

/// The records of the failures file, the failures among the events, and standard error.
fn records(folder: &Folder, pipeline: &PipelineFile, code: i32) -> (Vec<Value>, Vec<Value>, String) {
    let outcome =
        folder.run_with(pipeline, ["--failures", "failures.jsonl", "--message-format", "json", "--progress", "none"]);
    let events = outcome.json_lines().into_iter().filter(|event| event["event"] == "failure");
    let events = events.map(|mut event| event["failure"].take()).collect();
    let recorded = folder.json_lines("failures.jsonl");
    recorded.iter().for_each(assert_is_record);
    (recorded, events, outcome.failed(code))
}

#[test]
fn a_step_that_fails_before_the_first_row_is_recorded() {
    for (guest, name) in [(BAD_LOOP_IN_BIND, "bad_loop_in_bind"), (BAD_LOOP_IN_MANIFEST, "bad_loop_in_manifest")] {
        let folder = Folder::with(&[guest]);
        folder.write("input.jsonl", "{\"id\":1}\n");
        // The limit is for all steps, because a step that loops in its manifest has no settings of its own yet.
        let limited = pipeline("input.jsonl", &[name], "output.jsonl").limits("time = \"100ms\"");
        let (recorded, emitted, stderr) = records(&folder, &limited, 2);
        assert_eq!(recorded, emitted, "{name}");
        assert_eq!(recorded.len(), 1, "{name}: {stderr}");
        assert_eq!((&recorded[0]["kind"], &recorded[0]["step"]), (&"timeout".into(), &name.into()), "{stderr}");
        assert_eq!(recorded[0]["limit"]["value"], "100ms", "{stderr}");
    }
}

#[test]
fn parameters_that_a_step_rejects_are_recorded() {
    let folder = Folder::with(&[BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let pipeline = pipeline("input.jsonl", &["bad_refuse_parameters"], "output.jsonl");
    let (recorded, _, stderr) = records(&folder, &pipeline, 2);
    assert_eq!(recorded.len(), 1, "{stderr}");
    assert_eq!(recorded[0]["kind"], "parameters", "{stderr}");
    assert!(recorded[0]["component"].as_str().unwrap().starts_with("sha256:"), "{stderr}");
}

#[test]
fn a_step_with_missing_columns_is_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let (recorded, emitted, stderr) = records(&folder, &pipeline("input.jsonl", &["add_column"], "output.jsonl"), 2);
    assert_eq!(recorded, emitted);
    assert_eq!(recorded.len(), 1, "{stderr}");
    let record = &recorded[0];
    assert_eq!((&record["kind"], &record["step"]), (&"incompatible".into(), &"add_column".into()), "{stderr}");
    assert!(["run", "component"].iter().all(|name| record[name].is_string()), "{record}");
    insta::assert_snapshot!(record["message"].as_str().unwrap(), @r#"step "add_column" reads the column "text", which the source does not have"#);
    insta::assert_snapshot!(record["hint"].as_str().unwrap(), @"the source gives id: integer");
}

#[test]
fn errors_of_the_pipeline_file_are_not_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let pipeline = PipelineFile::new().add(step("add_column")).add(sink("output.jsonl").select(&["nothing"]));
    let outcome = folder.run_with(pipeline, ["--failures", "failures.jsonl", "--message-format", "json"]);
    assert!(!outcome.text().contains("\"failure\""), "{}", outcome.text());
    let stderr = outcome.failed(2);
    assert!(stderr.contains("nothing"), "{stderr}");
    assert!(!folder.contains("failures.jsonl"), "{stderr}");
}

#[test]
fn missing_components_and_inputs_are_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    folder.write("text.wasm", "this is text");
    std::fs::create_dir(folder.join("folder.wasm")).unwrap();
    let cases = [
        ("input.jsonl", "missing", "incompatible", "missing.wasm: cannot be read"),
        ("input.jsonl", "text", "incompatible", "text.wasm: is not a WebAssembly component"),
        ("input.jsonl", "folder", "incompatible", "`folder.wasm` has no Cargo.toml"),
        ("missing.jsonl", "add_column", "host", "missing.jsonl: cannot open this input"),
    ];
    for (input, step, kind, message) in cases {
        let (recorded, emitted, stderr) = records(&folder, &pipeline(input, &[step], "output.jsonl"), 2);
        assert_eq!(recorded, emitted, "{step}");
        let [record] = &recorded[..] else { panic!("{step}: {stderr}") };
        assert_eq!(record["kind"], kind, "{record}");
        assert!(record["message"].as_str().unwrap().contains(message), "{record}");
        assert_eq!(record.get("step").and_then(Value::as_str), (kind == "incompatible").then_some(step), "{record}");
        assert!(record["run"].is_string(), "{record}");
    }
}

#[test]
fn a_sink_that_cannot_be_opened_is_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let (recorded, emitted, stderr) =
        records(&folder, &pipeline("input.jsonl", &["add_column"], "nowhere/output.jsonl"), 1);
    assert_eq!(recorded, emitted);
    assert_eq!(recorded.len(), 1, "{stderr}");
    assert_eq!(recorded[0]["kind"], "host");
}

/// A pipeline that rejects both rows of its input.
fn rejecting(folder: &Folder) -> PipelineFile {
    folder.write("input.jsonl", rows::with_ids([3, 3]));
    PipelineFile::new().add(step("bad_panic").on_failure("reject"))
}

#[test]
fn exceeding_max_rejects_is_recorded() {
    let folder = Folder::with(&[BAD_PANIC]);
    let pipeline = rejecting(&folder).toml("[rejects]\npath = \"rejects.jsonl\"\nmax-rejects = 1");
    let (recorded, emitted, stderr) = records(&folder, &pipeline, 1);
    assert_eq!(recorded.len(), 3, "{stderr}");
    assert_eq!(recorded[2..], emitted);
    assert_eq!(
        (&emitted[0]["kind"], &emitted[0]["message"]),
        (&"host".into(), &"2 rows were rejected, and `max-rejects` is 1".into())
    );
    assert_eq!(emitted[0]["limit"], serde_json::json!({ "name": "max-rejects", "value": "1" }));
    assert!(emitted[0]["run"].is_string(), "{stderr}");
    assert_eq!(emitted[0]["run"], recorded[0]["run"]);
}

#[test]
fn the_failures_file_cannot_be_another_file_of_the_pipeline() {
    let folder = Folder::with(&[BAD_PANIC]);
    let pipeline = rejecting(&folder).rejects();
    folder.write("output.jsonl", "from before\n");
    folder.write("rejects.jsonl", "from before\n");
    std::fs::hard_link(folder.join("input.jsonl"), folder.join("other-name.jsonl")).unwrap();
    let names = ["input.jsonl", "other-name.jsonl", "output.jsonl", "rejects.jsonl", "pipeline.toml", "bad_panic.wasm"];
    folder.write_pipeline(&pipeline);
    for name in names {
        let before = folder.bytes(name);
        let stderr = folder.stillbox(["run", "pipeline.toml", "--failures", &format!("./{name}")]).failed(2);
        assert_eq!(folder.bytes(name), before, "{name} was overwritten");
        assert!(stderr.contains("is also"), "{stderr}");
        if name == "input.jsonl" {
            insta::assert_snapshot!(stderr, @"
            error: the file of `--failures`, ./input.jsonl, is also an input
            --> --failures ./input.jsonl
             = help: use a separate file
            ");
        }
    }
    // A link to an output that does not exist yet stands for the same file.
    std::fs::remove_file(folder.join("output.jsonl")).unwrap();
    std::os::unix::fs::symlink("output.jsonl", folder.join("link.jsonl")).unwrap();
    std::os::unix::fs::symlink("link.jsonl", folder.join("link-to-link.jsonl")).unwrap();
    for (failures, output) in [("link-to-link.jsonl", "output.jsonl"), ("output.jsonl", "link-to-link.jsonl")] {
        folder.write_pipeline(pipeline.clone().add(sink(output)));
        let stderr = folder.stillbox(["run", "pipeline.toml", "--failures", failures]).failed(2);
        assert!(
            stderr.contains(&format!("the file of `--failures`, {failures}, is also the output of a sink")),
            "{stderr}"
        );
        assert!(!folder.contains("output.jsonl"), "{stderr}");
    }
    // The same holds for a malformed input, which is found during planning.
    folder.write("input.jsonl", "{\"id\"\n");
    folder.stillbox(["run", "pipeline.toml", "--failures", "input.jsonl"]).failed(2);
    assert_eq!(folder.text("input.jsonl"), "{\"id\"\n");
}

#[test]
fn a_failures_file_that_cannot_be_written_fails_the_run() {
    let folder = Folder::with(&[BAD_PANIC]);
    let stderr = folder.run_with(rejecting(&folder).rejects(), ["--failures", "/dev/full"]).failed(1);
    assert_eq!(stderr.matches("cannot write to /dev/full").count(), 2, "{stderr}");
    assert!(stderr.contains("error: the failures are not recorded: cannot write to /dev/full"), "{stderr}");
    assert!(folder.contains("output.jsonl"), "{stderr}");
}

/// A run that is still running, or that can be resumed, may write to the same file.
#[test]
fn a_rejected_run_appends_to_the_failures_file_of_another_run() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(6000));
    folder.write_pipeline(PipelineFile::new().batch_rows(20).add(step("add_column")));
    kill_after_checkpoint(&folder, &[]);
    folder.write("failures.jsonl", "from the other run\n");
    let arguments = ["run", "pipeline.toml", "--failures", "failures.jsonl", "--message-format", "json"];
    let outcome = folder.stillbox(arguments);
    let events = outcome.json_lines();
    outcome.failed(2);
    let text = folder.text("failures.jsonl");
    let record = text.strip_prefix("from the other run\n").unwrap_or_else(|| panic!("it is gone: {text}"));
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["kind"], "host");
    assert!(record["message"].as_str().unwrap().contains("Add `--resume` to resume it"), "{record}");
    assert_eq!(events[0], serde_json::json!({ "event": "failure", "failure": record }));
    assert_eq!((&events[1]["event"], &events[1]["status"]), (&"finished".into(), &"failed".into()));
}

/// Runs the command with standard output redirected to the end of a file, whose text is the returned standard output.
fn redirected(folder: &Folder, arguments: &[&str]) -> Outcome {
    folder.write("redirected", "from before\n");
    let file = File::options().append(true).open(folder.join("redirected")).unwrap();
    let outcome = outcome(folder.command().args(["run", "pipeline.toml"]).args(arguments).stdout(file));
    Outcome { stdout: folder.bytes("redirected"), ..outcome }
}

#[test]
fn failures_on_standard_output_do_not_overwrite_a_redirected_file() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_panic"], "output.jsonl"));
    for path in ["/dev/stdout", "redirected"] {
        let outcome = redirected(&folder, &["--failures", path]);
        let record = outcome.text().strip_prefix("from before\n").unwrap_or_else(|| panic!("{path}: {outcome:?}"));
        assert_eq!(rows::json_lines(record)[0]["kind"], "panic", "{path}");
        outcome.failed(1);
    }
    // The next command of the shell appends to the same file.
    let script = "{ \"$STILLBOX\" run pipeline.toml --failures /dev/stdout; echo after; } > shared";
    outcome(&mut folder.shell(script)).succeeded();
    let shared = folder.text("shared");
    let record = shared.strip_suffix("after\n").unwrap_or_else(|| panic!("{shared}"));
    assert_eq!(rows::json_lines(record).len(), 1, "{shared}");
}

#[test]
fn failures_are_not_mixed_with_rows_or_messages_on_standard_output() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write_pipeline(PipelineFile::new().add(step("bad_panic")).add(sink("-").format("jsonl")));
    for path in ["/dev/stdout", "redirected"] {
        let outcome = redirected(&folder, &["--failures", path]);
        assert_eq!(outcome.text(), "from before\n");
        let stderr = outcome.failed(2);
        if path == "redirected" {
            insta::assert_snapshot!(stderr, @"error: `--failures redirected` leads to standard output, where the rows go; use a separate file for failures");
        }
    }
    folder.write_pipeline(pipeline("input.jsonl", &["bad_panic"], "output.jsonl"));
    let outcome = redirected(&folder, &["--failures", "/dev/stdout", "--message-format", "json"]);
    let events = rows::json_lines(outcome.text().strip_prefix("from before\n").unwrap());
    assert_eq!(events[0]["event"], "error");
    assert!(events[0]["message"].as_str().unwrap().contains("where the events go"), "{events:?}");
    outcome.failed(2);
}

#[test]
fn secrets_that_come_in_by_the_input_are_covered_in_records_of_steps_without_grants() {
    const SECRET: &str = "Fz7q2LrW9x";
    let reversed: String = SECRET.chars().rev().collect();
    let folder = Folder::with(&[REPEAT_SECRET, KEEP_LONG]);
    folder.write("key", SECRET);
    folder.write("input.jsonl", format!("{{\"place\":\"message\",\"reversed\":{reversed:?},\"text\":\"ab\"}}\n"));
    let header = "secret = { header = \"authorization\", value = \"Bearer {key}\" }";
    let granted = step("keep_long").allow_http("http://127.0.0.1:1/", header);
    let secrets = "[secrets]\nkey = { file = \"key\" }";
    for policy in ["reject", "stop"] {
        let repeat = step("repeat_secret").on_failure(policy);
        let pipeline = PipelineFile::new().add(granted.clone()).add(repeat).rejects().toml(secrets);
        let arguments = ["--failures", "failures.jsonl", "--report", "report.html"];
        let outcome = folder.run_with(pipeline, arguments);
        let rejects = if policy == "reject" { folder.text("rejects.jsonl") } else { String::new() };
        for text in [&outcome.stderr, &folder.text("failures.jsonl"), &folder.text("report.html"), &rejects] {
            assert!(!text.contains(SECRET), "{policy}: {text}");
        }
        assert!(folder.text("failures.jsonl").contains("the message [redacted]"), "{policy}");
    }
}
