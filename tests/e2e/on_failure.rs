//! What becomes of rows that do not pass: `on-failure`, the reject file, `max-rejects`, and the records.

mod retry;
mod row_counts;

use serde_json::Value;
use stillbox_test_guests::{BAD_LOOP, BAD_PANIC, BAD_UNREACHABLE, REFUSE};

use crate::harness::{Folder, Outcome, in_batches, pipeline};
use crate::schemas::assert_is_record;

const ROWS: u64 = 40;
/// The row that the guests misbehave at.
const GUILTY: u64 = 3;

fn folder(guests: &[&str]) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", (0..ROWS).map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>());
    folder
}

/// A pipeline of one guest with this policy.
fn with_policy(guest: &str, policy: &str) -> String {
    in_batches(16, &pipeline("input.jsonl", &[guest], "output.jsonl"))
        .replace(".wasm\"", &format!(".wasm\"\n{policy}\nlimits = {{ time = \"200ms\" }}"))
        + "\n[rejects]\npath = \"rejects.jsonl\"\n"
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

/// The report at the end of a run.
fn report(outcome: &Outcome) -> Value {
    let events = lines(outcome.text());
    let last = events.last().expect("there are events");
    assert_eq!(last["event"], "finished");
    last["report"].clone()
}

/// Every row that went into a step came out, was dropped, or was rejected.
fn assert_nothing_is_lost(report: &Value) {
    for step in report["steps"].as_array().expect("there are steps") {
        let number = |name: &str| step[name].as_u64().expect("it is a number");
        let accounted = number("rows_out") + number("dropped") + number("rejected");
        assert_eq!(number("rows_in"), accounted, "{step}");
    }
}

fn ids(text: &str) -> Vec<u64> {
    lines(text).iter().map(|row| row["id"].as_u64().expect("it is a number")).collect()
}

#[test]
fn only_the_failing_row_is_rejected_and_the_order_is_kept() {
    for (name, guest, kind) in [
        ("bad_panic", BAD_PANIC, "panic"),
        ("bad_unreachable", BAD_UNREACHABLE, "trap"),
        ("bad_loop", BAD_LOOP, "timeout"),
    ] {
        let folder = folder(&[guest]);
        let outcome =
            folder.run_with(&with_policy(name, "on-failure = \"reject\""), ["--message-format", "json"]).succeeded();
        let expected: Vec<u64> = (0..ROWS).filter(|id| *id != GUILTY).collect();
        assert_eq!(ids(&folder.text("output.jsonl")), expected, "{name}");
        let rejects = lines(&folder.text("rejects.jsonl"));
        assert_eq!(rejects.len(), 1, "{name}");
        assert_eq!(rejects[0]["row"], serde_json::json!({ "id": GUILTY }));
        let failure = &rejects[0]["failure"];
        assert_eq!(failure["kind"], kind);
        assert_eq!(failure["step"], name);
        assert_eq!(failure["row"]["line"], GUILTY + 1);
        let report = report(&outcome);
        assert_eq!(report["steps"][0]["rejected"], 1);
        assert_nothing_is_lost(&report);
    }
}

#[test]
fn row_counts_add_up_under_every_policy() {
    for policy in [
        "on-failure = \"reject\"",
        "on-failure = { retry = 2, backoff = \"1ms\", then = \"reject\" }",
        "on-failure = { retry = 1, backoff = \"1ms\", then = \"reject\" }",
    ] {
        let folder = folder(&[BAD_PANIC]);
        let outcome = folder.run_with(&with_policy("bad_panic", policy), ["--message-format", "json"]).succeeded();
        assert_nothing_is_lost(&report(&outcome));
    }
    for policy in ["on-failure = \"stop\"", "on-failure = { retry = 1, backoff = \"1ms\" }"] {
        let folder = folder(&[BAD_PANIC]);
        folder.write("output.jsonl", "from before\n");
        let outcome = folder.run_with(&with_policy("bad_panic", policy), ["--message-format", "json"]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert_nothing_is_lost(&report(&outcome));
        assert_eq!(folder.text("output.jsonl"), "from before\n");
        assert!(!folder.names().contains(&"rejects.jsonl".to_owned()));
    }
}

#[test]
fn a_run_stops_within_a_batch_when_max_rejects_is_exceeded() {
    let folder = folder(&[BAD_PANIC]);
    folder.write("input.jsonl", format!("{{\"id\":{GUILTY}}}\n").repeat(40));
    let pipeline = with_policy("bad_panic", "on-failure = \"reject\"").replace("batch-rows = 16", "batch-rows = 40");
    let message = folder.run_with(&pipeline, ["--max-rejects", "2"]).failed(1);
    assert!(message.contains("3 rows were rejected, and `max-rejects` is 2"), "{message}");
    assert_eq!(lines(&folder.text("rejects.jsonl")).len(), 3);
}

#[test]
fn exceeding_max_rejects_fails_the_run_and_keeps_the_reject_file() {
    for most in ["0", "1%"] {
        let folder = folder(&[BAD_PANIC]);
        folder.write("output.jsonl", "from before\n");
        let pipeline = with_policy("bad_panic", "on-failure = \"reject\"");
        let message = folder.run_with(&pipeline, ["--max-rejects", most]).failed(1);
        assert!(message.contains(&format!("1 rows were rejected, and `max-rejects` is {most}")), "{message}");
        assert_eq!(folder.text("output.jsonl"), "from before\n");
        assert_eq!(lines(&folder.text("rejects.jsonl")).len(), 1);
    }
    for most in ["1", "10%"] {
        let folder = folder(&[BAD_PANIC]);
        let pipeline = with_policy("bad_panic", "on-failure = \"reject\"");
        folder.run_with(&pipeline, ["--max-rejects", most]).succeeded();
    }
}

#[test]
fn failure_records_name_their_run_and_component() {
    for (name, guest) in
        [("bad_panic", BAD_PANIC), ("bad_unreachable", BAD_UNREACHABLE), ("bad_loop", BAD_LOOP), ("refuse", REFUSE)]
    {
        for policy in ["stop", "reject"] {
            let folder = folder(&[guest]);
            let parameters = if name == "refuse" { "\nparameters = { id = 3 }" } else { "" };
            let pipeline = with_policy(name, &format!("on-failure = \"{policy}\"{parameters}"));
            folder.write("pipeline.toml", pipeline);
            folder.stillbox(["run", "pipeline.toml", "--failures", "failures.jsonl"]);
            let failures = lines(&folder.text("failures.jsonl"));
            assert!(!failures.is_empty(), "{name} under {policy} left no record");
            for failure in &failures {
                assert_is_record(failure);
                assert!(failure["run"].is_string() && failure["component"].is_string(), "{failure}");
            }
        }
    }
}
