//! What an author could overlook, and what machines that read along must not miss.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use rustix::process::Signal;
use serde_json::Value;
use stillbox_test_guests::{BAD_LOOP, BAD_PANIC, KEEP_LONG};

use super::{THREE, case, test, write};
use crate::cancellation::{end, send};
use crate::harness::{outcome, spawn};

const TWO: &str = "{\"id\":2,\"text\":\"bc\"}\n{\"id\":3,\"text\":\"def\"}\n";

#[test]
fn each_case_has_its_own_limits() {
    let folder =
        case(&[("input.jsonl", THREE), ("expected.jsonl", TWO), ("case.toml", "limits = { fuel = 100000000 }\n")]);
    // More than there are threads, so that one of them is the first that needs an engine that counts.
    for number in 0..8 {
        let little = format!("step/cases/little-{number}");
        write(&folder, &format!("{little}/input.jsonl"), THREE);
        write(&folder, &format!("{little}/case.toml"), "limits = { fuel = 1000 }\n");
        write(&folder, &format!("{little}/expected-failure.toml"), "kind = \"fuel\"\n");
    }
    let told = test(&folder, KEEP_LONG, &[]).succeeded().stderr;
    assert!(told.contains("9 passed"), "{told}");
}

#[test]
fn test_reports_misspelt_file_names_of_a_case() {
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
      error: step/cases/one/expected-reject.jsonl: no file of a case has this name; did you mean `expected-rejects.jsonl`?
      error: step/cases/one/settings.toml: no file of a case has this name; there are input.jsonl, parameters.toml, expected.jsonl, expected-rejects.jsonl, expected-failure.toml, case.toml

       Summary 0 passed, 1 failed
    ");
}

#[test]
fn test_ignores_hidden_folders_and_reports_broken_links() {
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    write(&folder, "step/cases/.ipynb_checkpoints/input.jsonl", "");
    let told = test(&folder, KEEP_LONG, &[]).succeeded().stderr;
    assert!(told.contains("1 passed"), "{told}");
    symlink("nowhere", folder.join("step/cases/two")).unwrap();
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(2), @"
    error: step cannot be tested
    error: the cases cannot be read: `step/cases/two`: No such file or directory (os error 2)
       Summary 0 passed, 1 step not tested
    ");
}

#[test]
fn an_expected_failure_accepts_only_kinds_that_a_step_can_cause() {
    let folder = case(&[("input.jsonl", THREE), ("expected-failure.toml", "kind = \"interrupted\"\n")]);
    let told = test(&folder, KEEP_LONG, &[]).failed(1);
    assert!(told.contains("expected-failure.toml:1:8") && told.contains("incompatible"), "{told}");
    assert_eq!(told.matches("interrupted").count(), 2, "in the message and in the line: {told}");
}

#[test]
fn a_component_error_is_not_reported_as_an_unmatched_filter() {
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    write(&folder, "step/cases/two/input.jsonl", THREE);
    folder.write("broken.wasm", "no component");
    let told = test(&folder, "broken.wasm", &["--filter", "one"]).failed(2);
    assert!(told.contains("1 step not tested") && !told.contains("--filter"), "{told}");
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
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", THREE)]);
    // Told before anything is built or run.
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &["--junit", "nowhere/report.xml"]).failed(2), @"
    error: cannot write the report to nowhere/report.xml
      because: No such file or directory (os error 2)
    ");
    // That this one is full shows when it is written.
    let told = test(&folder, KEEP_LONG, &["--junit", "/dev/full"]).failed(1);
    let (details, report) = told.split_once("Summary").expect("it comes before the report");
    assert!(details.contains("step/cases/one/expected.jsonl"), "{told}");
    assert!(report.contains("cannot write the report to /dev/full"), "{told}");
    folder.write("step/cases/one/expected.jsonl", TWO);
    test(&folder, KEEP_LONG, &["--junit", "/dev/full"]).failed(1);
}

#[test]
fn json_messages_to_a_full_disk_fail_the_command() {
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", TWO)]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = folder.command();
    command.args(["test", "step", "--component", KEEP_LONG, "--message-format", "json"]).stdout(full());
    let told = outcome_of(&mut command);
    assert!(told.contains("the messages on standard output are not complete"), "{told}");

    symlink(KEEP_LONG, folder.join("keep_long.wasm")).unwrap();
    folder.write("input.jsonl", THREE);
    folder.write("pipeline.toml", crate::harness::pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]).stdout(full());
    let told = outcome_of(&mut command);
    assert!(told.contains("the messages on standard output are not complete"), "{told}");
}

/// What a command says that ends with 1, whose standard output is set already.
fn outcome_of(command: &mut std::process::Command) -> String {
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    told
}

#[test]
fn json_errors_of_test_include_their_causes() {
    let folder = case(&[("input.jsonl", THREE)]);
    // Read as a manifest, a folder is an error of the system with a cause.
    fs::create_dir(folder.join("step/Cargo.toml")).unwrap();
    let outcome = outcome(folder.command().args(["test", "step", "--message-format", "json", "--junit", "report.xml"]));
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    let last: Value = serde_json::from_str(outcome.text().lines().last().unwrap()).unwrap();
    let causes = last["untested"][0]["causes"].as_array().expect("there is a list");
    assert!(causes[0].as_str().is_some_and(|cause| cause.contains("Is a directory")), "{last}");
    assert!(folder.text("report.xml").contains("because: Is a directory"), "{}", folder.text("report.xml"));
}

#[test]
fn the_last_json_message_of_an_interrupted_test_names_the_signal() {
    let folder = case(&[("input.jsonl", "{\"id\":1}\n"), ("expected.jsonl", "{\"id\":1}\n")]);
    // The loop begins at the third row; the other case is done by then, or not at all.
    write(&folder, "step/cases/loops/input.jsonl", "{\"id\":3}\n");
    // Nothing but the signal ends it in time.
    write(&folder, "step/cases/loops/case.toml", "limits = { time = \"1h\" }\n");
    let arguments = ["test", "step", "--component", BAD_LOOP, "--message-format", "json"];
    let mut child = spawn(folder.command().args(arguments));
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
    assert!(line.contains("\"status\":\"passed\""), "{line}");
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut lines, &mut rest).unwrap();
    let last: Value = serde_json::from_str(rest.lines().last().expect("there is another record")).unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(last["status"], "interrupted");
    assert_eq!(last["signal"], "SIGINT");
    assert_eq!(last["passed"], 1);
}
