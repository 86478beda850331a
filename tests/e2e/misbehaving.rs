//! Guests that misbehave: each ends in its own failure, within its limits, and affects only its own row.
//!
//! Every guest reads six rows in batches of two, and misbehaves at the second row of the second batch, which has the id 3.

mod c_steps;
mod escaping;
mod expectations;
mod handwritten;
mod host_calls;
mod host_memory;
mod many_failures;
mod size_limits;
mod terminal_text;

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use stillbox::text::mark_lines;
use stillbox::{Failure, FailureKind, RunError};

use crate::harness::schemas::{assert_is_record, assert_makes_a_record};
use crate::harness::{Folder, PipelineFile, Table, end, rows, spawn, step};
use expectations::{CONTRACT, DENIED, LIMITS, PLANNING, TRAPS, WORDS};

/// A guest, and the expected end of a run with it.
struct Case {
    /// The file in `tests/guests/programs/examples`, without `bad_`.
    guest: &'static str,
    /// The step's `limits`.
    limits: &'static str,
    ends: Ends,
}

enum Ends {
    /// In a failure of this kind, with this message.
    Fails(FailureKind, &'static str),
    /// In a configuration error before anything runs. Its record has this kind.
    Rejected(FailureKind, &'static str),
    /// In a failure that ends the run under any policy, because the state of an aggregate is lost.
    Lost(FailureKind, &'static str),
    /// With success: the misbehaviour has no effect.
    Succeeds,
}

/// The longest time that a case may take.
const MAX_CASE_TIME: Duration = Duration::from_secs(20);
/// How long after its time limit a call may end on a busy machine.
const MAX_DELAY: Duration = Duration::from_secs(2);
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
    let failure = failure(&folder("error"), &pipeline(""));
    assert_eq!(failure.causes, ["the number is unreadable", "invalid digit found in string"]);
    assert_eq!(failure.hint.as_deref(), Some("write digits"));
}

/// The standard input of the command has data, and does not end.
#[test]
fn a_guest_cannot_read_the_standard_input_of_the_command() {
    let folder = folder("stdin");
    folder.write_pipeline(pipeline("time = \"10s\""));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"secret").expect("a pipe has room for it");
    let mut stderr = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut stderr).expect("it is text");
    assert!(stderr.contains("guest-error in step guest: standard input gave 0 bytes"), "{stderr}");
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
        Ends::Fails(kind, message) => {
            let failure = failure(&folder, &pipeline(limits));
            assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{guest}: {failure:#?}");
            check_place(guest, &failure);
            check_time(guest, limits, &failure);
            let rejected = rejected(&folder, guest, limits);
            assert_eq!(rejected.kind, *kind, "{guest}: {rejected:#?}");
            let stderr = folder.run(pipeline(limits)).failed(1);
            let wanted = format!("{kind} in step guest: {}\n", mark_lines(message));
            assert!(stderr.contains(&wanted), "{guest}: {wanted:?} is not in {stderr}");
        }
        Ends::Lost(kind, message) => {
            for pipeline in [pipeline(limits), rejecting(limits)] {
                let failure = failure(&folder, &pipeline);
                assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{guest}: {failure:#?}");
                assert_eq!(failure.step.as_deref(), Some("guest"), "{guest}");
                check_time(guest, limits, &failure);
                assert!(!folder.contains("output.jsonl"), "{guest}");
            }
        }
        Ends::Rejected(kind, message) => {
            let failure = rejected_step(&folder, &pipeline(limits));
            assert_eq!((failure.kind, failure.step.as_deref()), (*kind, Some("guest")), "{guest}: {failure:#?}");
            check_time(guest, limits, &failure);
            let stderr = folder.run(pipeline(limits)).failed(2);
            assert!(stderr.contains(message), "{guest}: {message:?} is not in {stderr}");
            assert!(!folder.contains("output.jsonl"), "{guest}");
        }
        Ends::Succeeds => {
            folder.run(pipeline(limits)).succeeded();
            assert_eq!(ids(&folder), [0, 1, 2, 3, 4, 5], "{guest}");
        }
    }
    assert!(started.elapsed() < MAX_CASE_TIME, "{guest} took {:?}", started.elapsed());
}

/// Checks that a failure names the guilty row, in its batch and in the input.
fn check_place(guest: &str, failure: &Failure) {
    assert_eq!(failure.step.as_deref(), Some("guest"), "{guest}");
    assert_eq!(failure.batch, Some(1), "{guest}");
    assert!(failure.component.as_deref().is_some_and(|digest| digest.starts_with("sha256:")), "{guest}");
    let first = failure.first_row.as_ref().expect("a batch has a first row");
    assert_eq!((first.index, first.line), (0, Some(3)), "{guest}");
    let found = failure.row.as_ref().map(|row| (row.index, row.line));
    assert_eq!(found, Some((1, Some(4))), "{guest}");
}

/// Checks that a time limit ended the call in time.
fn check_time(guest: &str, limits: &str, failure: &Failure) {
    if failure.kind == FailureKind::Timeout {
        let elapsed = Duration::from_secs_f64(failure.elapsed_ms.expect("a call takes time") / 1e3);
        let (_, limit) = limits.split_once("time = \"").expect("only a limit ends in a timeout");
        let limit = limit.split_once("ms").expect("the cases have milliseconds").0;
        let limit = Duration::from_millis(limit.parse().expect("the cases have whole numbers"));
        assert!(limit <= elapsed && elapsed < limit + MAX_DELAY, "{guest} took {elapsed:?}");
        // Where the guest computed or waited.
        let place = failure.location.as_ref().map(|location| &*location.file);
        assert!(place.is_some_and(|file| file.ends_with(&format!("bad_{guest}.rs"))), "{guest}: {place:?}");
    }
}

/// The failure of the guilty row if failures reject rows. All other rows pass, in order.
fn rejected(folder: &Folder, guest: &str, limits: &str) -> Failure {
    let report = folder.run_in_library(rejecting(limits)).unwrap_or_else(|error| panic!("{guest}: {error}"));
    assert_eq!((report.rows_in, report.rejected(), report.sinks[0].rows), (6, 1, 5), "{guest}");
    assert_eq!(ids(folder), [0, 1, 2, 4, 5], "{guest}");
    let [line] = &folder.json_lines("rejects.jsonl")[..] else { panic!("{guest}: not one row is rejected") };
    assert_eq!(line["row"]["id"], GUILTY, "{guest}");
    assert_is_record(&line["failure"]);
    let failure: Failure = serde_json::from_value(line["failure"].clone()).expect("a failure is a record");
    assert_eq!(failure.row.as_ref().map(|row| row.line), Some(Some(4)), "{guest}");
    failure
}

fn ids(folder: &Folder) -> Vec<u64> {
    rows::ids(&folder.text("output.jsonl"))
}

/// The failure that ends a run.
fn failure(folder: &Folder, pipeline: &PipelineFile) -> Failure {
    match folder.run_in_library(pipeline) {
        Err(RunError::Failed(failed)) => {
            failed.failures.iter().for_each(assert_makes_a_record);
            failed.failures.into_iter().next().expect("there is at least one")
        }
        Err(error) => panic!("the run did not start: {error}"),
        Ok(_) => panic!("the run did not fail"),
    }
}

/// The failure of a step before its first row.
fn rejected_step(folder: &Folder, pipeline: &PipelineFile) -> Failure {
    match folder.run_in_library(pipeline) {
        Err(error @ RunError::Config(_)) => {
            let failure = error.failures().into_iter().next().expect("the step has a failure");
            assert_makes_a_record(&failure);
            failure
        }
        Err(error) => panic!("it is not a configuration error: {error}"),
        Ok(_) => panic!("the step is not rejected"),
    }
}

/// A folder with the input, and with a guest under the name `guest.wasm`.
fn folder(guest: &str) -> Folder {
    let folder = Folder::new();
    let name = format!("bad_{guest}");
    let (_, wasm) = stillbox_test_guests::ALL.iter().find(|(found, _)| *found == name).expect("the guest is built");
    fs::copy(wasm, folder.join("guest.wasm")).expect("the folder is new");
    folder.write("input.jsonl", rows::with_ids(0..6));
    folder
}

/// A pipeline with the guest in batches of two rows. The limits are for all steps, so they also hold before it is known which
/// step the component is.
fn pipeline(limits: &str) -> PipelineFile {
    pipeline_with(limits, step("guest"))
}

/// The same pipeline, in which failures reject rows.
fn rejecting(limits: &str) -> PipelineFile {
    pipeline_with(limits, step("guest").on_failure("reject")).rejects()
}

fn pipeline_with(limits: &str, guest: Table) -> PipelineFile {
    PipelineFile::new().batch_rows(2).limits(limits).add(guest)
}
