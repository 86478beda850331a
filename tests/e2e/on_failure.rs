//! `on-failure`, the reject file, `max-rejects`, and failure records.

mod retry;
mod row_counts;

use serde_json::Value;
use stillbox_test_guests::{BAD_LOOP, BAD_PANIC, BAD_UNREACHABLE, REFUSE};

use crate::harness::rows::{self, number};
use crate::harness::schemas::assert_is_record;
use crate::harness::{Folder, Outcome, PipelineFile, Table, step};

const ROWS: u64 = 40;
/// The row at which the guests misbehave.
const GUILTY: u64 = 3;

fn folder(guests: &[&str]) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", rows::with_ids(0..ROWS));
    folder
}

/// A pipeline of one step, which has a short time limit.
fn pipeline(step: Table) -> PipelineFile {
    PipelineFile::new().batch_rows(16).add(step.limits("time = \"200ms\"")).rejects()
}

/// Runs a pipeline and returns its events as the standard output.
fn run(folder: &Folder, pipeline: &PipelineFile) -> Outcome {
    folder.run_with(pipeline, ["--message-format", "json"])
}

/// Fails the test unless every input row of a step was passed on, dropped or rejected.
#[track_caller]
fn assert_counts_add_up(report: &Value) {
    for step in report["steps"].as_array().expect("there are steps") {
        let accounted = number(step, "rows_out") + number(step, "dropped") + number(step, "rejected");
        assert_eq!(number(step, "rows_in"), accounted, "{step}");
    }
}

#[test]
fn only_the_failing_row_is_rejected_and_the_order_is_kept() {
    for (name, guest, kind) in [
        ("bad_panic", BAD_PANIC, "panic"),
        ("bad_unreachable", BAD_UNREACHABLE, "trap"),
        ("bad_loop", BAD_LOOP, "timeout"),
    ] {
        let folder = folder(&[guest]);
        let outcome = run(&folder, &pipeline(step(name).on_failure("reject"))).succeeded();
        let expected: Vec<u64> = (0..ROWS).filter(|id| *id != GUILTY).collect();
        assert_eq!(rows::ids(&folder.text("output.jsonl")), expected, "{name}");
        let rejects = folder.json_lines("rejects.jsonl");
        assert_eq!(rejects.len(), 1, "{name}");
        assert_eq!(rejects[0]["row"], serde_json::json!({ "id": GUILTY }));
        let failure = &rejects[0]["failure"];
        assert_eq!(failure["kind"], kind);
        assert_eq!(failure["step"], name);
        assert_eq!(failure["row"]["line"], GUILTY + 1);
        let report = outcome.report();
        assert_eq!(report["steps"][0]["rejected"], 1);
        assert_counts_add_up(&report);
    }
}

#[test]
fn row_counts_add_up_under_every_policy() {
    for policy in
        ["reject", r#"retry = 2, backoff = "1ms", then = "reject""#, r#"retry = 1, backoff = "1ms", then = "reject""#]
    {
        let folder = folder(&[BAD_PANIC]);
        assert_counts_add_up(&run(&folder, &pipeline(step("bad_panic").on_failure(policy))).succeeded().report());
    }
    for policy in ["stop", r#"retry = 1, backoff = "1ms""#] {
        let folder = folder(&[BAD_PANIC]);
        folder.write("output.jsonl", "from before\n");
        let outcome = run(&folder, &pipeline(step("bad_panic").on_failure(policy)));
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert_counts_add_up(&outcome.report());
        assert_eq!(folder.text("output.jsonl"), "from before\n");
        assert!(!folder.contains("rejects.jsonl"));
    }
}

#[test]
fn a_run_stops_within_a_batch_when_max_rejects_is_exceeded() {
    let folder = folder(&[BAD_PANIC]);
    folder.write("input.jsonl", rows::with_ids([GUILTY; 40]));
    let pipeline = pipeline(step("bad_panic").on_failure("reject")).batch_rows(40);
    let message = folder.run_with(pipeline, ["--max-rejects", "2"]).failed(1);
    assert!(message.contains("3 rows were rejected, and `max-rejects` is 2"), "{message}");
    assert_eq!(folder.json_lines("rejects.jsonl").len(), 3);
}

#[test]
fn exceeding_max_rejects_fails_the_run_and_keeps_the_reject_file() {
    for most in ["0", "1%"] {
        let folder = folder(&[BAD_PANIC]);
        folder.write("output.jsonl", "from before\n");
        let pipeline = pipeline(step("bad_panic").on_failure("reject"));
        let message = folder.run_with(pipeline, ["--max-rejects", most]).failed(1);
        assert!(message.contains(&format!("1 row was rejected, and `max-rejects` is {most}")), "{message}");
        assert_eq!(folder.text("output.jsonl"), "from before\n");
        assert_eq!(folder.json_lines("rejects.jsonl").len(), 1);
    }
    for most in ["1", "10%"] {
        let folder = folder(&[BAD_PANIC]);
        let pipeline = pipeline(step("bad_panic").on_failure("reject"));
        folder.run_with(pipeline, ["--max-rejects", most]).succeeded();
    }
}

#[test]
fn failure_records_name_their_run_and_component() {
    for (name, guest) in
        [("bad_panic", BAD_PANIC), ("bad_unreachable", BAD_UNREACHABLE), ("bad_loop", BAD_LOOP), ("refuse", REFUSE)]
    {
        for policy in ["stop", "reject"] {
            let folder = folder(&[guest]);
            let guest = step(name).on_failure(policy);
            let guest = if name == "refuse" { guest.parameters("id = 3") } else { guest };
            folder.run_with(pipeline(guest), ["--failures", "failures.jsonl"]);
            let failures = folder.json_lines("failures.jsonl");
            assert!(!failures.is_empty(), "{name} under {policy} left no record");
            for failure in &failures {
                assert_is_record(failure);
                assert!(failure["run"].is_string() && failure["component"].is_string(), "{failure}");
            }
        }
    }
}
