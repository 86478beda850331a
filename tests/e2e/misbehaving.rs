//! Guests that misbehave: each ends in its own failure, within its limits, and harms nothing but its own row.
//!
//! Every guest reads six rows in batches of two, and misbehaves at the second row of the second batch.

mod c_steps;
mod escaping;
mod expectations;
mod handwritten;
mod host_memory;
mod many_failures;
mod size_limits;
mod terminal_text;

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use stillbox::{Engine, Failure, FailureKind, Pipeline, RunError, RunOptions, escape_controls};

use crate::cancellation::end;
use crate::harness::{CACHE, Folder, spawn};
use crate::schemas::{assert_is_record, assert_makes_a_record};
use expectations::{CONTRACT, DENIED, LIMITS, PLANNING, TRAPS, WORDS};

/// A guest, and what comes of it.
struct Case {
    /// The file in `tests/guests/programs/examples`, without `bad_`.
    guest: &'static str,
    /// The step's `limits`.
    limits: &'static str,
    ends: Ends,
}

enum Ends {
    /// In a failure with this kind and message.
    Fails(FailureKind, &'static str, Row),
    /// In a complaint before anything runs, whose record is of this kind.
    Refused(FailureKind, &'static str),
    /// An aggregate ends the run whatever its policy, since what its instance knew is lost.
    Lost(FailureKind, &'static str),
    /// Well: what it does harms nobody.
    Well,
}

/// Whether a failure names its row. A trap doesn't; it is pinned down where rows are rejected.
#[derive(PartialEq, Eq)]
enum Row {
    Named,
    Unnamed,
}

/// Far more than any guest here may take, and far less than for ever.
const PROMPTLY: Duration = Duration::from_secs(20);
/// How long after its time limit a call may end, on a machine that is busy with other tests.
const LATE: Duration = Duration::from_secs(2);
const GUILTY: u64 = 3;

#[test]
fn guests_that_report_an_error_are_quoted() {
    WORDS.iter().for_each(check);
}

#[test]
fn traps_are_reported_by_their_trap_code() {
    TRAPS.iter().for_each(check);
}

#[test]
fn exceeded_limits_end_a_guest() {
    LIMITS.iter().for_each(check);
}

#[test]
fn violations_of_the_contract_are_bad_output() {
    CONTRACT.iter().for_each(check);
}

#[test]
fn guests_that_try_to_reach_the_host_are_denied() {
    DENIED.iter().for_each(check);
}

#[test]
fn failures_before_the_first_row_are_configuration_errors() {
    PLANNING.iter().for_each(check);
}

#[test]
fn an_error_of_a_guest_has_its_causes_and_hint() {
    let failure = failure(&folder("error"), &pipeline("error", "", ""));
    assert_eq!(failure.causes, ["the number is unreadable", "invalid digit found in string"]);
    assert_eq!(failure.hint.as_deref(), Some("write digits"));
}

/// The command's own standard input has something in it, and does not end.
#[test]
fn a_guest_cannot_read_the_standard_input_of_the_command() {
    let folder = folder("stdin");
    folder.write("pipeline.toml", pipeline("stdin", "time = \"10s\"", ""));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"secret").expect("a pipe has room for it");
    let mut said = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
    assert!(said.contains("guest-error in step guest: standard input gave 0 bytes"), "{said}");
    assert_eq!(end(child), Some(1));
    drop(stdin);
}

#[test]
fn every_misbehaving_guest_has_an_expectation() {
    let groups = [WORDS, TRAPS, LIMITS, CONTRACT, DENIED, PLANNING];
    let mut cases: Vec<String> = groups.into_iter().flatten().map(|case| format!("bad_{}", case.guest)).collect();
    let mut guests: Vec<&str> = stillbox_test_guests::ALL.iter().map(|(name, _)| *name).collect();
    guests.retain(|name| name.starts_with("bad_"));
    cases.sort();
    guests.sort_unstable();
    assert_eq!(cases, guests);
}

fn check(case: &Case) {
    let Case { guest, limits, ends } = case;
    let folder = folder(guest);
    let started = Instant::now();
    match ends {
        Ends::Fails(kind, message, row) => {
            let failure = failure(&folder, &pipeline(guest, limits, ""));
            assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{guest}: {failure:#?}");
            check_place(guest, &failure, row);
            check_time(guest, limits, &failure);
            let rejected = rejected(&folder, guest, limits);
            assert_eq!(rejected.kind, *kind, "{guest}: {rejected:#?}");
            let stderr = folder.run(&pipeline(guest, limits, "")).failed(1);
            let wanted = format!("{kind} in step guest: {}", escape_controls(message));
            assert!(stderr.lines().any(|line| line == wanted), "{guest}: {wanted:?} is not in {stderr}");
        }
        Ends::Lost(kind, message) => {
            for policy in ["", "on-failure = \"reject\"\n"] {
                let failure = failure(&folder, &pipeline(guest, limits, policy));
                assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{guest}: {failure:#?}");
                assert_eq!(failure.step.as_deref(), Some("guest"), "{guest}");
                check_time(guest, limits, &failure);
                assert!(!folder.join("output.jsonl").exists(), "{guest}");
            }
        }
        Ends::Refused(kind, message) => {
            let failure = refused(&folder, &pipeline(guest, limits, ""));
            assert_eq!((failure.kind, failure.step.as_deref()), (*kind, Some("guest")), "{guest}: {failure:#?}");
            check_time(guest, limits, &failure);
            let stderr = folder.run(&pipeline(guest, limits, "")).failed(2);
            assert!(stderr.contains(message), "{guest}: {message:?} is not in {stderr}");
            assert!(!folder.join("output.jsonl").exists(), "{guest}");
        }
        Ends::Well => {
            folder.run(&pipeline(guest, limits, "")).succeeded();
            assert_eq!(ids(&folder), [0, 1, 2, 3, 4, 5], "{guest}");
        }
    }
    assert!(started.elapsed() < PROMPTLY, "{guest} took {:?}", started.elapsed());
}

fn check_place(guest: &str, failure: &Failure, row: &Row) {
    assert_eq!(failure.step.as_deref(), Some("guest"), "{guest}");
    assert_eq!(failure.batch, Some(1), "{guest}");
    assert!(failure.component.as_deref().is_some_and(|digest| digest.starts_with("sha256:")), "{guest}");
    let first = failure.first_row.as_ref().expect("a batch has a first row");
    assert_eq!((first.index, first.line), (0, Some(3)), "{guest}");
    let found = failure.row.as_ref().map(|row| (row.index, row.line));
    assert_eq!(found, (*row == Row::Named).then_some((1, Some(4))), "{guest}");
}

/// Checks that the step's time limit, where it has one, ended it no later than it should.
fn check_time(guest: &str, limits: &str, failure: &Failure) {
    if failure.kind == FailureKind::Timeout {
        let elapsed = Duration::from_secs_f64(failure.elapsed_ms.expect("a call takes time") / 1e3);
        let (_, limit) = limits.split_once("time = \"").expect("only a limit ends in a timeout");
        let limit = limit.split_once("ms").expect("the cases have milliseconds").0;
        let limit = Duration::from_millis(limit.parse().expect("the cases have whole numbers"));
        assert!(limit <= elapsed && elapsed < limit + LATE, "{guest} took {elapsed:?}");
    }
}

/// The failure of the guilty row where failures reject rows. All other rows pass, in order.
fn rejected(folder: &Folder, guest: &str, limits: &str) -> Failure {
    folder.write("rejecting.toml", pipeline(guest, limits, "on-failure = \"reject\"\n"));
    let report = run(folder, "rejecting.toml").unwrap_or_else(|error| panic!("{guest}: {error}"));
    assert_eq!((report.rows_in, report.rejected(), report.sinks[0].rows), (6, 1, 5), "{guest}");
    assert_eq!(ids(folder), [0, 1, 2, 4, 5], "{guest}");
    let rejects = folder.text("rejects.jsonl");
    let [line] = rejects.lines().collect::<Vec<_>>()[..] else { panic!("{guest}: {rejects}") };
    let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    assert_eq!(line["row"]["id"], GUILTY, "{guest}");
    assert_is_record(&line["failure"]);
    let failure: Failure = serde_json::from_value(line["failure"].clone()).expect("a failure is a record");
    assert_eq!(failure.row.as_ref().map(|row| row.line), Some(Some(4)), "{guest}");
    failure
}

fn ids(folder: &Folder) -> Vec<u64> {
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON")["id"].as_u64();
    folder.text("output.jsonl").lines().filter_map(id).collect()
}

/// The failure that ends a run.
fn failure(folder: &Folder, pipeline: &str) -> Failure {
    folder.write("failing.toml", pipeline);
    match run(folder, "failing.toml") {
        Err(RunError::Failed(failed)) => {
            failed.failures.iter().for_each(assert_makes_a_record);
            failed.failures.into_iter().next().expect("there is at least one")
        }
        Err(error) => panic!("it was not the run that failed: {error}"),
        Ok(_) => panic!("the run did not fail"),
    }
}

/// The failure of a step that no row comes to.
fn refused(folder: &Folder, pipeline: &str) -> Failure {
    folder.write("failing.toml", pipeline);
    match run(folder, "failing.toml") {
        Err(error @ RunError::Config(_)) => {
            let failure = error.failures().into_iter().next().expect("the step is at fault");
            assert_makes_a_record(&failure);
            failure
        }
        Err(error) => panic!("it is not the pipeline that is wrong: {error}"),
        Ok(_) => panic!("the step is not refused"),
    }
}

fn run(folder: &Folder, pipeline: &str) -> Result<stillbox::Report, RunError> {
    let engine = Engine::builder().threads(2).compile_cache(CACHE).build();
    Pipeline::from_file(folder.join(pipeline)).expect("the pipeline file is valid").run(&engine, &RunOptions::new())
}

/// A folder with the input, and with a guest under the name `guest.wasm`.
fn folder(guest: &str) -> Folder {
    let folder = Folder::new();
    let name = format!("bad_{guest}");
    let (_, wasm) = stillbox_test_guests::ALL.iter().find(|(found, _)| *found == name).expect("the guest is built");
    fs::copy(wasm, folder.join("guest.wasm")).expect("the folder is new");
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\":4}\n{\"id\":5}\n");
    folder
}

pub(crate) fn pipeline(guest: &str, limits: &str, more: &str) -> String {
    let rejects = if more.is_empty() { "" } else { "[rejects]\npath = \"rejects.jsonl\"\n" };
    // They hold for all steps, and for what a step does before it is known which one it is.
    format!(
        "limits = {{ {limits} }}\n\n[pipeline]\nname = \"{guest}\"\nbatch-rows = 2\n\n[[source]]\npath = \"input.jsonl\"\n\n\
         [[step]]\nname = \"guest\"\ncomponent = \"guest.wasm\"\n{more}\n\
         [[sink]]\npath = \"output.jsonl\"\n{rejects}"
    )
}
