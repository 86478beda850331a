//! The file of failures and the events: every failure is in them, and nothing of the user's is overwritten.

use std::fs::File;
use std::process::Stdio;

use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_BIND, BAD_LOOP_IN_MANIFEST, BAD_PANIC, BAD_REFUSE_PARAMETERS};

use crate::harness::{CACHE, Folder, Outcome, outcome, pipeline};
use crate::resume::{killed, texts};
use crate::schemas::assert_is_record;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is in the file of failures, and the failures among the events.
fn records(folder: &Folder, pipeline: &str, code: i32) -> (Vec<Value>, Vec<Value>, String) {
    let outcome =
        folder.run_with(pipeline, ["--failures", "failures.jsonl", "--message-format", "json", "--progress", "none"]);
    let events = lines(outcome.text()).into_iter().filter(|event| event["event"] == "failure");
    let events = events.map(|mut event| event["failure"].take()).collect();
    let recorded = lines(&folder.text("failures.jsonl"));
    recorded.iter().for_each(assert_is_record);
    (recorded, events, outcome.failed(code))
}

#[test]
fn a_step_that_fails_before_the_first_row_is_recorded() {
    for (guest, name) in [(BAD_LOOP_IN_BIND, "bad_loop_in_bind"), (BAD_LOOP_IN_MANIFEST, "bad_loop_in_manifest")] {
        let folder = Folder::with(&[guest]);
        folder.write("input.jsonl", "{\"id\":1}\n");
        let text = pipeline("input.jsonl", &[name], "output.jsonl");
        let limited = text.replacen("\n\n", "\n\n[limits]\ntime = \"100ms\"\n\n", 1);
        let (recorded, told, said) = records(&folder, &limited, 2);
        assert_eq!(recorded, told, "{name}");
        assert_eq!(recorded.len(), 1, "{name}: {said}");
        assert_eq!((&recorded[0]["kind"], &recorded[0]["step"]), (&"timeout".into(), &name.into()), "{said}");
        assert_eq!(recorded[0]["limit"]["value"], "100ms", "{said}");
    }
}

#[test]
fn parameters_that_a_step_rejects_are_recorded() {
    let folder = Folder::with(&[BAD_REFUSE_PARAMETERS]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let text = pipeline("input.jsonl", &["bad_refuse_parameters"], "output.jsonl");
    let (recorded, _, said) = records(&folder, &text, 2);
    assert_eq!(recorded.len(), 1, "{said}");
    assert_eq!(recorded[0]["kind"], "parameters", "{said}");
    assert!(recorded[0]["component"].as_str().unwrap().starts_with("sha256:"), "{said}");
}

#[test]
fn a_step_with_missing_columns_is_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    let (recorded, told, said) = records(&folder, &pipeline("input.jsonl", &["add_column"], "output.jsonl"), 2);
    assert_eq!(recorded, told);
    assert_eq!(recorded.len(), 1, "{said}");
    let record = &recorded[0];
    assert_eq!((&record["kind"], &record["step"]), (&"incompatible".into(), &"add_column".into()), "{said}");
    assert!(["run", "component"].iter().all(|name| record[name].is_string()), "{record}");
    insta::assert_snapshot!(record["message"].as_str().unwrap(), @r#"step "add_column" reads the column "text", which the source does not have"#);
    insta::assert_snapshot!(record["hint"].as_str().unwrap(), @"the source has id: integer");
}

/// The pipeline file alone is at fault.
#[test]
fn errors_of_the_pipeline_file_are_not_recorded() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl")
        .replace("[[sink]]", "[[sink]]\nselect = [\"nothing\"]");
    let outcome = folder.run_with(&text, ["--failures", "failures.jsonl", "--message-format", "json"]);
    assert!(!outcome.text().contains("\"failure\""), "{}", outcome.text());
    let said = outcome.failed(2);
    assert!(said.contains("nothing"), "{said}");
    assert!(!folder.names().contains(&"failures.jsonl".to_owned()), "{said}");
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
        let (recorded, told, said) = records(&folder, &pipeline(input, &[step], "output.jsonl"), 2);
        assert_eq!(recorded, told, "{step}");
        let [record] = &recorded[..] else { panic!("{step}: {said}") };
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
    let (recorded, told, said) = records(&folder, &pipeline("input.jsonl", &["add_column"], "nowhere/output.jsonl"), 1);
    assert_eq!(recorded, told);
    assert_eq!(recorded.len(), 1, "{said}");
    assert_eq!(recorded[0]["kind"], "host");
}

/// A pipeline that rejects both of its rows.
fn rejecting(folder: &Folder, more: &str) -> String {
    folder.write("input.jsonl", "{\"id\":3}\n".repeat(2));
    let text = pipeline("input.jsonl", &["bad_panic"], "output.jsonl");
    let text = text.replace("wasm\"\n", "wasm\"\non-failure = \"reject\"\n");
    format!("{text}\n[rejects]\npath = \"rejects.jsonl\"\n{more}")
}

#[test]
fn exceeding_max_rejects_is_recorded() {
    let folder = Folder::with(&[BAD_PANIC]);
    let text = rejecting(&folder, "max-rejects = 1\n");
    let (recorded, told, said) = records(&folder, &text, 1);
    assert_eq!(recorded.len(), 3, "{said}");
    assert_eq!(recorded[2..], told);
    assert_eq!(
        (&told[0]["kind"], &told[0]["message"]),
        (&"host".into(), &"2 rows were rejected, and `max-rejects` is 1".into())
    );
    assert_eq!(told[0]["limit"], serde_json::json!({ "name": "max-rejects", "value": "1" }));
    assert!(told[0]["run"].is_string(), "{said}");
    assert_eq!(told[0]["run"], recorded[0]["run"]);
}

#[test]
fn the_failures_file_cannot_be_another_file_of_the_pipeline() {
    let folder = Folder::with(&[BAD_PANIC]);
    let text = rejecting(&folder, "");
    folder.write("output.jsonl", "from before\n");
    folder.write("rejects.jsonl", "from before\n");
    std::fs::hard_link(folder.join("input.jsonl"), folder.join("other-name.jsonl")).unwrap();
    let names = ["input.jsonl", "other-name.jsonl", "output.jsonl", "rejects.jsonl", "pipeline.toml", "bad_panic.wasm"];
    folder.write("pipeline.toml", &text);
    for name in names {
        let before = folder.bytes(name);
        let said = folder.stillbox(["run", "pipeline.toml", "--failures", &format!("./{name}")]).failed(2);
        assert_eq!(folder.bytes(name), before, "{name} was overwritten");
        assert!(said.contains("is also"), "{said}");
        if name == "input.jsonl" {
            insta::assert_snapshot!(said, @"
            error: the file for failures, ./input.jsonl, is also an input
            --> --failures ./input.jsonl
             = help: use a separate file for failures
            ");
        }
    }
    // A link to an output that is not there yet leads to the same file.
    std::fs::remove_file(folder.join("output.jsonl")).unwrap();
    std::os::unix::fs::symlink("output.jsonl", folder.join("link.jsonl")).unwrap();
    std::os::unix::fs::symlink("link.jsonl", folder.join("link-to-link.jsonl")).unwrap();
    for (failures, output) in [("link-to-link.jsonl", "output.jsonl"), ("output.jsonl", "link-to-link.jsonl")] {
        folder.write("pipeline.toml", text.replace("output.jsonl", output));
        let said = folder.stillbox(["run", "pipeline.toml", "--failures", failures]).failed(2);
        assert!(said.contains(&format!("the file for failures, {failures}, is also the output of a sink")), "{said}");
        assert!(!folder.names().contains(&"output.jsonl".to_owned()), "{said}");
    }
    // Neither does a malformed input, which is found while the plan is made.
    folder.write("input.jsonl", "{\"id\"\n");
    folder.stillbox(["run", "pipeline.toml", "--failures", "input.jsonl"]).failed(2);
    assert_eq!(folder.text("input.jsonl"), "{\"id\"\n");
}

#[test]
fn a_failures_file_that_cannot_be_written_fails_the_run() {
    let folder = Folder::with(&[BAD_PANIC]);
    let text = rejecting(&folder, "");
    let said = folder.run_with(&text, ["--failures", "/dev/full"]).failed(1);
    assert_eq!(said.matches("cannot write to /dev/full").count(), 2, "{said}");
    assert!(said.contains("error: the failures are not recorded: cannot write to /dev/full"), "{said}");
    assert!(folder.names().contains(&"output.jsonl".to_owned()), "{said}");
}

/// What runs meanwhile, or could go on, may write to the same file.
#[test]
fn a_rejected_run_appends_to_the_failures_file_of_another_run() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(6000));
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    folder.write("pipeline.toml", text.replace("[[source]]", "batch-rows = 20\n\n[[source]]"));
    killed(&folder, &[]);
    folder.write("failures.jsonl", "from the other run\n");
    let arguments = ["run", "pipeline.toml", "--failures", "failures.jsonl", "--message-format", "json"];
    let outcome = folder.stillbox(arguments);
    let events = lines(outcome.text());
    outcome.failed(2);
    let text = folder.text("failures.jsonl");
    let record = text.strip_prefix("from the other run\n").unwrap_or_else(|| panic!("it is gone: {text}"));
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["kind"], "host");
    assert!(record["message"].as_str().unwrap().contains("Add `--resume` to go on"), "{record}");
    assert_eq!(events[0], serde_json::json!({ "event": "failure", "failure": record }));
    assert_eq!((&events[1]["event"], &events[1]["status"]), (&"finished".into(), &"failed".into()));
}

/// What the shell was told to write to a file, and may have written there before.
fn redirected(folder: &Folder, arguments: &[&str]) -> Outcome {
    folder.write("redirected", "from before\n");
    let file = File::options().append(true).open(folder.join("redirected")).unwrap();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml"]).args(arguments).stdout(file).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Outcome { code: output.status.code(), stdout: folder.bytes("redirected"), stderr, compiled: Vec::new() }
}

#[test]
fn failures_on_standard_output_do_not_overwrite_a_redirected_file() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_panic"], "output.jsonl"));
    for path in ["/dev/stdout", "redirected"] {
        let outcome = redirected(&folder, &["--failures", path]);
        let record = outcome.text().strip_prefix("from before\n").unwrap_or_else(|| panic!("{path}: {outcome:?}"));
        assert_eq!(lines(record)[0]["kind"], "panic", "{path}");
        outcome.failed(1);
    }
    // The shell's own place in a file goes on behind them.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "{ \"$0\" run pipeline.toml --failures /dev/stdout; echo after; } > shared"]);
    shell.arg(env!("CARGO_BIN_EXE_stillbox")).current_dir(folder.path()).env("STILLBOX_CACHE", CACHE);
    outcome(shell.env("STILLBOX_STATE", folder.state())).succeeded();
    let shared = folder.text("shared");
    let record = shared.strip_suffix("after\n").unwrap_or_else(|| panic!("{shared}"));
    assert_eq!(lines(record).len(), 1, "{shared}");
}

#[test]
fn failures_are_not_mixed_with_rows_or_messages_on_standard_output() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    let text = pipeline("input.jsonl", &["bad_panic"], "-") + "format = \"jsonl\"\n";
    folder.write("pipeline.toml", &text);
    for path in ["/dev/stdout", "redirected"] {
        let outcome = redirected(&folder, &["--failures", path]);
        assert_eq!(outcome.text(), "from before\n");
        let said = outcome.failed(2);
        if path == "redirected" {
            insta::assert_snapshot!(said, @"error: `--failures redirected` leads to the standard output, where the rows go; use a separate file for failures");
        }
    }
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_panic"], "output.jsonl"));
    let outcome = redirected(&folder, &["--failures", "/dev/stdout", "--message-format", "json"]);
    let events = lines(outcome.text().strip_prefix("from before\n").unwrap());
    assert_eq!(events[0]["event"], "error");
    assert!(events[0]["message"].as_str().unwrap().contains("where the messages go"), "{events:?}");
    outcome.failed(2);
}
