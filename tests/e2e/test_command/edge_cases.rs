//! Rare cases of `stillbox test`: odd files, output that cannot be written, and signals.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use rustix::process::Signal;
use stillbox_test_guests::{BAD_LOOP, BAD_PANIC, KEEP_LONG};

use super::{THREE, case, redact_measures, test};
use crate::harness::{Events, end, outcome, pipeline, send, spawn};

const TWO: &str = "{\"id\":2,\"text\":\"bc\"}\n{\"id\":3,\"text\":\"def\"}\n";

#[test]
fn each_case_has_its_own_limits() {
    let folder =
        case(&[("input.jsonl", THREE), ("expected.jsonl", TWO), ("case.toml", "limits = { fuel = 100000000 }\n")]);
    // There are more cases than threads, so one of them is the first that needs an engine with fuel.
    for number in 0..8 {
        let little = format!("step/cases/little-{number}");
        folder.write(&format!("{little}/input.jsonl"), THREE);
        folder.write(&format!("{little}/case.toml"), "limits = { fuel = 1000 }\n");
        folder.write(&format!("{little}/expected-failure.toml"), "kind = \"fuel\"\n");
    }
    let output = test(&folder, KEEP_LONG, &[]).succeeded().stderr;
    assert!(output.contains("9 passed"), "{output}");
}

#[test]
fn test_reports_misspelt_file_names_of_a_case() {
    let _redacted = redact_measures();
    let folder = case(&[
        ("input.jsonl", THREE),
        ("expected.jsonl", TWO),
        ("expected-reject.jsonl", ""),
        ("settings.toml", ""),
        ("README.md", "notes"),
    ]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @"
          FAIL step/one

    FAIL step/one
      error: step/cases/one/expected-reject.jsonl: unknown file name; did you mean `expected-rejects.jsonl`?
      error: step/cases/one/settings.toml: unknown file name; the files of a case are input.jsonl, parameters.toml, expected.jsonl, expected-rejects.jsonl, expected-failure.toml, case.toml, answers.jsonl

       Summary 0 passed, 1 failed
    ");
}

#[test]
fn test_ignores_hidden_folders_and_reports_broken_links() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    folder.write("step/cases/.ipynb_checkpoints/input.jsonl", "");
    let output = test(&folder, KEEP_LONG, &[]).succeeded().stderr;
    assert!(output.contains("1 passed"), "{output}");
    symlink("nowhere", folder.join("step/cases/two")).unwrap();
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(2), @"
    error: step cannot be tested: cannot read the cases
      caused by: `step/cases/two`: No such file or directory (os error 2)
       Summary 0 passed, 1 step not tested
    ");
}

#[test]
fn an_expected_failure_accepts_only_kinds_that_a_step_can_cause() {
    let folder = case(&[("input.jsonl", THREE), ("expected-failure.toml", "kind = \"interrupted\"\n")]);
    let output = test(&folder, KEEP_LONG, &[]).failed(1);
    assert!(output.contains("expected-failure.toml:1:8") && output.contains("incompatible"), "{output}");
    assert_eq!(output.matches("interrupted").count(), 2, "in the message and in the line: {output}");
}

#[test]
fn a_component_error_is_not_reported_as_an_unmatched_filter() {
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    folder.write("step/cases/two/input.jsonl", THREE);
    folder.write("broken.wasm", "no component");
    let output = test(&folder, "broken.wasm", &["--filter", "one"]).failed(2);
    assert!(output.contains("1 step not tested") && !output.contains("--filter"), "{output}");
}

#[test]
fn a_case_folder_with_a_name_outside_utf_8_appears_in_json() {
    let folder = case(&[]);
    let odd = folder.path().join("step/cases").join(OsStr::from_bytes(b"od\xffd"));
    fs::create_dir_all(&odd).unwrap();
    fs::write(odd.join("input.jsonl"), THREE).unwrap();
    fs::write(odd.join("expected.jsonl"), TWO).unwrap();
    let outcome = test(&folder, KEEP_LONG, &["--message-format", "json"]).succeeded();
    assert!(outcome.text().contains("od\u{fffd}d"), "{}", outcome.text());
    let outcome = test(&folder, BAD_PANIC, &["--message-format", "json"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
}

#[test]
fn test_shows_failed_cases_when_the_report_cannot_be_written() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", THREE)]);
    // The error comes before anything is built or run.
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &["--junit", "nowhere/report.xml"]).failed(2), @"
    error: cannot write the report to nowhere/report.xml
      caused by: No such file or directory (os error 2)
    ");
    // A full disk is noticed only when the report is written.
    let output = test(&folder, KEEP_LONG, &["--junit", "/dev/full"]).failed(1);
    let (details, report) = output.split_once("Summary").expect("it comes before the report");
    assert!(details.contains("step/cases/one/expected.jsonl"), "{output}");
    assert!(report.contains("cannot write the report to /dev/full"), "{output}");
    folder.write("step/cases/one/expected.jsonl", TWO);
    test(&folder, KEEP_LONG, &["--junit", "/dev/full"]).failed(1);
}

#[test]
fn json_messages_to_a_full_disk_fail_the_command() {
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = folder.command();
    command.args(["test", "step", "--component", KEEP_LONG, "--message-format", "json"]).stdout(full());
    let output = outcome(&mut command).failed(1);
    assert!(output.contains("the messages on standard output are not complete"), "{output}");

    symlink(KEEP_LONG, folder.join("keep_long.wasm")).unwrap();
    folder.write("input.jsonl", THREE);
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]).stdout(full());
    let output = outcome(&mut command).failed(1);
    assert!(output.contains("the messages on standard output are not complete"), "{output}");
}

#[test]
fn json_errors_of_test_include_their_causes() {
    let folder = case(&[("input.jsonl", THREE)]);
    // Reading a folder as a manifest is an error of the system with a cause.
    fs::create_dir(folder.join("step/Cargo.toml")).unwrap();
    let outcome = outcome(folder.command().args(["test", "step", "--message-format", "json", "--junit", "report.xml"]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    let events = outcome.json_lines();
    let last = events.last().unwrap();
    let causes = last["untested"][0]["causes"].as_array().expect("there is a list");
    assert!(causes[0].as_str().is_some_and(|cause| cause.contains("Is a directory")), "{last}");
    assert!(folder.text("report.xml").contains("caused by: Is a directory"), "{}", folder.text("report.xml"));
}

#[test]
fn the_last_json_message_of_an_interrupted_test_names_the_signal() {
    let folder = case(&[("input.jsonl", "{\"id\":1}\n"), ("expected.jsonl", "{\"id\":1}\n")]);
    // The case `one` has passed when its record comes; the other one loops at its row.
    folder.write("step/cases/loops/input.jsonl", "{\"id\":3}\n");
    // Only the signal ends it in time.
    folder.write("step/cases/loops/case.toml", "limits = { time = \"1h\" }\n");
    let arguments = ["test", "step", "--component", BAD_LOOP, "--message-format", "json"];
    let mut child = spawn(folder.command().args(arguments));
    let mut events = Events::new(&mut child);
    let case = events.next().expect("there is a record of a case");
    assert_eq!(case["status"], "passed", "{case}");
    send(&child, Signal::USR1);
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("SIGUSR1") {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("it can be read") > 0, "the command ended");
    }
    assert!(line.contains("no run to show"), "{line}");
    send(&child, Signal::INT);
    let last = events.last().expect("there is another record");
    assert_eq!(end(child), Some(130));
    assert_eq!(last["event"], "finished");
    assert_eq!(last["status"], "interrupted");
    assert_eq!(last["signal"], "SIGINT");
    assert_eq!(last["passed"], 1);
}

#[test]
fn a_step_in_the_current_folder_has_the_name_of_the_folder() {
    let folder = case(&[("input.jsonl", THREE)]);
    for step in [&[][..], &["."], &["./"], &["cases/.."]] {
        let mut command = folder.command();
        command.current_dir(folder.join("step")).arg("test").args(step);
        command.args(["--component", KEEP_LONG, "--junit", "../report.xml"]);
        let stderr = outcome(&mut command).failed(1);
        assert!(
            stderr.contains("FAIL ") && stderr.contains("step/one  3 -> 2 rows") && stderr.contains(" MiB\n"),
            "{stderr}"
        );
        assert!(!stderr.contains(" ./one"), "{stderr}");
        let path = if step == ["cases/.."] { "cases/.." } else { "." };
        assert!(stderr.contains(&format!("`stillbox test --update {path}`")), "{stderr}");
        let report = folder.text("report.xml");
        assert!(report.contains("step\" tests=\"1\"") && !report.contains("name=\".\""), "{report}");
    }
    folder.write("step/package.json", "{\"name\":\"my-step\",\"main\":\"none.js\"}");
    let mut build = folder.command();
    let stderr = outcome(build.current_dir(folder.join("step")).args(["build", "."])).failed(2);
    assert!(stderr.contains("  Building step\n") && stderr.contains("cannot build the step in `step`"), "{stderr}");
}
