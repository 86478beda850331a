//! Rows in are rows out, rejected and dropped, whatever shape the pipeline has and whatever the policy is.

use std::collections::BTreeSet;

use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, BAD_PANIC, EXPAND_WORDS, KEEP_LONG, REFUSE, TURN_AROUND};

use super::{assert_nothing_is_lost, ids, lines, report};
use crate::harness::Folder;

const ROWS: u64 = 40;
/// Texts that steps may refuse or drop; the guilty row of `bad_panic` has the number 3.
const TEXTS: [&str; 4] = ["some words", "", "a", "more"];

const REJECTING: [&str; 3] = [
    "\"reject\"",
    "{ retry = 2, backoff = \"1ms\", then = \"reject\" }",
    "{ retry = 1, backoff = \"1ms\", then = \"reject\" }",
];
const STOPPING: [&str; 2] = ["\"stop\"", "{ retry = 1, backoff = \"1ms\" }"];

fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, BAD_PANIC, EXPAND_WORDS, KEEP_LONG, REFUSE, TURN_AROUND]);
    let row = |id: u64| format!("{{\"id\":{id},\"text\":\"{}\"}}\n", TEXTS[id as usize % TEXTS.len()]);
    folder.write("input.jsonl", (0..ROWS).map(row).collect::<String>());
    folder
}

fn step(name: &str, guest: &str, more: &str) -> String {
    format!("[[step]]\nname = \"{name}\"\ncomponent = \"{guest}.wasm\"\n{more}\n\n")
}

fn whole(source: &str, steps: &str, sink: &str) -> String {
    format!(
        "[pipeline]\nname = \"accounts\"\nbatch-rows = 7\n\n[[source]]\nname = \"rows\"\npath = \"input.jsonl\"\n{source}\n\n\
         {steps}[[sink]]\npath = \"output.jsonl\"\nselect = [\"id\"]\n{sink}\n\n[rejects]\npath = \"rejects.jsonl\"\n"
    )
}

/// Half of the rows to each of two steps, and together again.
fn routed(policy: &str) -> String {
    let steps = step("panics", "bad_panic", &format!("on-failure = {policy}"))
        + &step("keeps", "keep_long", &format!("on-failure = {policy}\nparameters = {{ min-bytes = 5 }}"));
    let source = "route = { to = [\"keeps\", \"panics\"], by = \"round-robin\" }";
    whole(source, &steps, "from = [\"panics\", \"keeps\"]\ncombine = \"rows\"")
}

/// All rows through each of two steps, and side by side again.
fn joined(policy: &str) -> String {
    let steps = step("panics", "bad_panic", &format!("from = \"rows\"\non-failure = {policy}"))
        + &step("refuses", "refuse", &format!("from = \"rows\"\non-failure = {policy}\nparameters = {{ id = 9 }}"));
    whole("", &steps, "from = [\"panics\", \"refuses\"]\ncombine = \"columns\"")
}

/// Through an aggregate that refuses rows, between steps that reject and drop some.
fn gathered(policy: &str, of_aggregate: &str) -> String {
    let steps = step("panics", "bad_panic", &format!("on-failure = {policy}"))
        + &step("around", "turn_around", &format!("on-failure = \"{of_aggregate}\""))
        + &step("keeps", "keep_long", "parameters = { min-bytes = 3 }");
    whole("", &steps, "")
}

/// Runs a pipeline that has to succeed, and returns what is in its report.
fn account(pipeline: &str) -> Account {
    let folder = folder();
    let report = report(&folder.run_with(pipeline, ["--message-format", "json"]).succeeded());
    assert_nothing_is_lost(&without_aggregates(&report));
    let sum = |name: &str| steps_of(&report).iter().map(|step| number(step, name)).sum::<u64>();
    let account = Account {
        rows_in: number(&report, "rows_in"),
        written: number(&report["sinks"][0], "rows"),
        rejected: sum("rejected"),
        dropped: sum("dropped"),
    };
    assert_eq!(lines(&folder.text("output.jsonl")).len() as u64, account.written);
    assert_eq!(lines(&folder.text("rejects.jsonl")).len() as u64, account.rejected);
    account
}

/// The numbers of a run, over all its steps.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    rows_in: u64,
    written: u64,
    rejected: u64,
    dropped: u64,
}

fn steps_of(report: &Value) -> Vec<Value> {
    report["steps"].as_array().expect("there are steps").clone()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().expect("it is a number")
}

/// An aggregate makes what it likes of its rows.
fn without_aggregates(report: &Value) -> Value {
    let steps: Vec<Value> = steps_of(report).into_iter().filter(|step| step["name"] != "around").collect();
    serde_json::json!({ "steps": steps })
}

#[test]
fn row_counts_add_up_for_a_route() {
    for policy in REJECTING {
        let account = account(&routed(policy));
        // Rows 0, 2, 4, … come to the step that keeps what has five bytes, which is every second of them.
        assert_eq!(account, Account { rows_in: 40, written: 29, rejected: 1, dropped: 10 }, "{policy}");
        assert_eq!(account.rows_in, account.written + account.rejected + account.dropped, "{policy}");
    }
}

#[test]
fn row_counts_add_up_for_combined_columns() {
    for policy in REJECTING {
        let account = account(&joined(policy));
        assert_eq!(account, Account { rows_in: 40, written: 38, rejected: 2, dropped: 0 }, "{policy}");
    }
}

#[test]
fn row_counts_add_up_around_an_aggregate() {
    for policy in REJECTING {
        let account = account(&gathered(policy, "reject"));
        // Of the rows behind the guilty one the aggregate refuses those without text, and the last step drops the short.
        assert_eq!(account, Account { rows_in: 40, written: 19, rejected: 11, dropped: 10 }, "{policy}");
        assert_eq!(account.rows_in, account.written + account.rejected + account.dropped, "{policy}");
    }
}

#[test]
fn row_counts_add_up_for_a_failed_run() {
    for policy in STOPPING {
        for pipeline in [routed(policy), joined(policy), gathered(policy, "stop"), gathered("\"reject\"", "stop")] {
            let folder = folder();
            folder.write("output.jsonl", "from before\n");
            let outcome = folder.run_with(&pipeline, ["--message-format", "json"]);
            assert_eq!(outcome.code, Some(1), "{policy}: {}", outcome.stderr);
            assert_nothing_is_lost(&without_aggregates(&report(&outcome)));
            assert_eq!(folder.text("output.jsonl"), "from before\n");
        }
    }
}

/// A step that makes several rows of one: what counts is that of each row something came out.
#[test]
fn row_counts_add_up_for_a_step_that_expands() {
    for policy in REJECTING {
        let steps =
            step("expands", "expand_words", "") + &step("panics", "bad_panic", &format!("on-failure = {policy}"));
        let folder = folder();
        let outcome = folder.run_with(&whole("", &steps, ""), ["--message-format", "json"]).succeeded();
        let report = report(&outcome);
        let [expands, panics] = &steps_of(&report)[..] else { panic!("{report}") };
        // Of four rows one has two words and one has none.
        assert_eq!((number(expands, "rows_in"), number(expands, "rows_out")), (40, 40), "{policy}");
        assert_eq!(number(expands, "dropped"), 10, "{policy}");
        let written: BTreeSet<u64> = ids(&folder.text("output.jsonl")).into_iter().collect();
        let accounted = written.len() as u64 + number(panics, "rejected") + number(expands, "dropped");
        assert_eq!(number(&report, "rows_in"), accounted, "{policy}");
    }
}
