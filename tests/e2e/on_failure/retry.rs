//! What is tried again, how often, and that it may help.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use stillbox_test_guests::{BAD_LOOP, REFUSE};

use super::{GUILTY, ROWS, assert_nothing_is_lost, folder, ids, lines, report, with_policy};

const RETRYING: &str = "on-failure = { retry = 2, backoff = \"1ms\", then = \"reject\" }";
/// Calls besides those of the batch that is tried again.
const OTHER_BATCHES: u64 = 2;
/// How long the guest wants to be left alone: longer than it takes to come to it.
const REFUSES_FOR_MS: u128 = 5000;

#[test]
fn only_transient_errors_are_retried() {
    for (transient, attempts) in [(true, 3), (false, 1)] {
        let parameters = format!("parameters = {{ id = {GUILTY}, transient = {transient} }}");
        let folder = folder(&[REFUSE]);
        let pipeline = with_policy("refuse", &format!("{RETRYING}\n{parameters}"));
        let outcome = folder.run_with(&pipeline, ["--message-format", "json"]).succeeded();
        let [reject] = &lines(&folder.text("rejects.jsonl"))[..] else { panic!("there is one reject") };
        assert_eq!((&reject["failure"]["attempt"], &reject["row"]["id"]), (&json!(attempts), &json!(GUILTY)));
        assert_eq!(reject["failure"].get("transient"), transient.then_some(&json!(true)));
        assert_eq!(ids(&folder.text("output.jsonl")), (0..ROWS).filter(|id| *id != GUILTY).collect::<Vec<_>>());
        let report = report(&outcome);
        assert_nothing_is_lost(&report);
        assert_eq!(report["steps"][0]["instances"], OTHER_BATCHES + attempts);

        let stopping = RETRYING.replace("reject", "stop");
        let pipeline = with_policy("refuse", &format!("{stopping}\n{parameters}"));
        folder.run_with(&pipeline, ["--failures", "failures.jsonl"]).failed(1);
        assert_eq!(lines(&folder.text("failures.jsonl"))[0]["attempt"], attempts);
    }
}

#[test]
fn a_timeout_is_retried_before_the_row_is_rejected() {
    let folder = folder(&[BAD_LOOP]);
    let outcome = folder.run_with(&with_policy("bad_loop", RETRYING), ["--message-format", "json"]).succeeded();
    let [reject] = &lines(&folder.text("rejects.jsonl"))[..] else { panic!("there is one reject") };
    assert_eq!((&reject["failure"]["attempt"], &reject["row"]["id"]), (&json!(3), &json!(GUILTY)));
    assert_nothing_is_lost(&report(&outcome));
}

/// The step says how long to wait, which is longer than the backoff.
#[test]
fn a_retry_after_the_requested_delay_succeeds() {
    let folder = folder(&[REFUSE]);
    let with = |until: u128| {
        let parameters = format!("parameters = {{ id = {GUILTY}, until = {until} }}");
        with_policy("refuse", &format!("{RETRYING}\n{parameters}"))
    };
    // Compiled before, so that the first try comes in time.
    folder.write("pipeline.toml", with(0));
    folder.stillbox(["check", "pipeline.toml"]).succeeded();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
    let outcome = folder.run_with(&with(now + REFUSES_FOR_MS), ["--message-format", "json"]).succeeded();
    assert_eq!(ids(&folder.text("output.jsonl")), (0..ROWS).collect::<Vec<_>>());
    assert!(folder.bytes("rejects.jsonl").is_empty());
    assert_eq!(report(&outcome)["steps"][0]["instances"], OTHER_BATCHES + 2);
}
