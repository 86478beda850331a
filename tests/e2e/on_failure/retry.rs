//! `retry`: which failures are retried, how often, and after which delay.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use stillbox_test_guests::{BAD_LOOP, REFUSE};

use super::{GUILTY, ROWS, assert_counts_add_up, folder, pipeline, run};
use crate::harness::{PipelineFile, rows, step};

/// A policy that retries and then rejects.
const RETRY: &str = r#"retry = 2, backoff = "1ms", then = "reject""#;
/// The calls for the batches that are not retried.
const OTHER_BATCHES: u64 = 2;
/// How long the guest rejects its row: longer than the run takes to reach the guest.
const REFUSES_FOR_MS: u128 = 5000;

#[test]
fn only_transient_errors_are_retried() {
    for (transient, attempts) in [(true, 3), (false, 1)] {
        let parameters = format!("id = {GUILTY}, transient = {transient}");
        let refuse = |policy: &str| pipeline(step("refuse").on_failure(policy).parameters(&parameters));
        let folder = folder(&[REFUSE]);
        let outcome = run(&folder, &refuse(RETRY)).succeeded();
        let [reject] = &folder.json_lines("rejects.jsonl")[..] else { panic!("there is one reject") };
        assert_eq!((&reject["failure"]["attempt"], &reject["row"]["id"]), (&json!(attempts), &json!(GUILTY)));
        assert_eq!(reject["failure"].get("transient"), transient.then_some(&json!(true)));
        assert_eq!(rows::ids(&folder.text("output.jsonl")), (0..ROWS).filter(|id| *id != GUILTY).collect::<Vec<_>>());
        let report = outcome.report();
        assert_counts_add_up(&report);
        assert_eq!(report["steps"][0]["instances"], OTHER_BATCHES + attempts);

        folder.run_with(refuse(&RETRY.replace("reject", "stop")), ["--failures", "failures.jsonl"]).failed(1);
        assert_eq!(folder.json_lines("failures.jsonl")[0]["attempt"], attempts);
    }
}

#[test]
fn a_timeout_is_retried_before_the_row_is_rejected() {
    let folder = folder(&[BAD_LOOP]);
    let outcome = run(&folder, &pipeline(step("bad_loop").on_failure(RETRY))).succeeded();
    let [reject] = &folder.json_lines("rejects.jsonl")[..] else { panic!("there is one reject") };
    assert_eq!((&reject["failure"]["attempt"], &reject["row"]["id"]), (&json!(3), &json!(GUILTY)));
    assert_counts_add_up(&outcome.report());
}

/// The step requests a delay that is longer than the backoff.
#[test]
fn a_retry_after_the_requested_delay_succeeds() {
    let folder = folder(&[REFUSE]);
    let refuse_until = |until: u128| -> PipelineFile {
        pipeline(step("refuse").on_failure(RETRY).parameters(format_args!("id = {GUILTY}, until = {until}")))
    };
    // The component is compiled first, so the first attempt is early enough.
    folder.write_pipeline(refuse_until(0));
    folder.stillbox(["check", "pipeline.toml"]).succeeded();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
    let outcome = run(&folder, &refuse_until(now + REFUSES_FOR_MS)).succeeded();
    assert_eq!(rows::ids(&folder.text("output.jsonl")), (0..ROWS).collect::<Vec<_>>());
    assert!(folder.bytes("rejects.jsonl").is_empty());
    assert_eq!(outcome.report()["steps"][0]["instances"], OTHER_BATCHES + 2);
}
