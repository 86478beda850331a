//! Row counts: rows in are rows out plus rejected and dropped rows, for every shape of a pipeline and every policy.

use std::collections::BTreeSet;

use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, BAD_PANIC, EXPAND_WORDS, KEEP_LONG, REFUSE, TURN_AROUND};

use super::{assert_counts_add_up, run};
use crate::harness::rows::{self, number};
use crate::harness::{Folder, PipelineFile, Table, sink, source, step};

const ROWS: u64 = 40;
/// Texts, some of which are rejected or dropped by steps. `bad_panic` panics at the row with the id 3.
const TEXTS: [&str; 4] = ["some words", "", "a", "more"];

const REJECTING: [&str; 3] =
    ["reject", r#"retry = 2, backoff = "1ms", then = "reject""#, r#"retry = 1, backoff = "1ms", then = "reject""#];
const STOPPING: [&str; 2] = ["stop", r#"retry = 1, backoff = "1ms""#];

fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, BAD_PANIC, EXPAND_WORDS, KEEP_LONG, REFUSE, TURN_AROUND]);
    let row = |id: u64| format!("{{\"id\":{id},\"text\":\"{}\"}}\n", TEXTS[id as usize % TEXTS.len()]);
    folder.write("input.jsonl", (0..ROWS).map(row).collect::<String>());
    folder
}

fn pipeline(steps: impl IntoIterator<Item = Table>) -> PipelineFile {
    let pipeline = PipelineFile::new().batch_rows(7).add(input());
    steps.into_iter().fold(pipeline, PipelineFile::add).rejects()
}

fn input() -> Table {
    source("input.jsonl").name("rows")
}

fn output() -> Table {
    sink("output.jsonl").select(&["id"])
}

/// Half of the rows to each of two steps, whose rows are combined.
fn routed(policy: &str) -> PipelineFile {
    PipelineFile::new()
        .batch_rows(7)
        .add(input().set("route", r#"{ to = ["keeps", "panics"], by = "round-robin" }"#))
        .add(step("bad_panic").name("panics").on_failure(policy))
        .add(step("keep_long").name("keeps").on_failure(policy).parameters("min-bytes = 5"))
        .add(output().from(&["panics", "keeps"]).combine("rows"))
        .rejects()
}

/// All rows through each of two steps, whose columns are combined.
fn joined(policy: &str) -> PipelineFile {
    let panics = step("bad_panic").name("panics").from(&["rows"]).on_failure(policy);
    let refuses = step("refuse").name("refuses").from(&["rows"]).on_failure(policy).parameters("id = 9");
    pipeline([panics, refuses]).add(output().from(&["panics", "refuses"]).combine("columns"))
}

/// All rows through an aggregate that rejects some, between steps that reject and drop some.
fn gathered(policy: &str, policy_of_aggregate: &str) -> PipelineFile {
    let panics = step("bad_panic").on_failure(policy);
    let around = step("turn_around").name("around").on_failure(policy_of_aggregate);
    pipeline([panics, around, step("keep_long").parameters("min-bytes = 3")]).add(output())
}

/// Runs a pipeline, which has to succeed, and returns the counts of its report.
fn account(pipeline: &PipelineFile) -> Account {
    let folder = folder();
    let report = run(&folder, pipeline).succeeded().report();
    assert_counts_add_up(&without_aggregates(&report));
    let sum = |name: &str| steps_of(&report).iter().map(|step| number(step, name)).sum::<u64>();
    let account = Account {
        rows_in: number(&report, "rows_in"),
        written: number(&report["sinks"][0], "rows"),
        rejected: sum("rejected"),
        dropped: sum("dropped"),
    };
    assert_eq!(folder.json_lines("output.jsonl").len() as u64, account.written);
    assert_eq!(folder.json_lines("rejects.jsonl").len() as u64, account.rejected);
    account
}

/// The row counts of a run, summed over its steps.
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

/// The report without the aggregate, which may emit any number of rows.
fn without_aggregates(report: &Value) -> Value {
    let steps: Vec<Value> = steps_of(report).into_iter().filter(|step| step["name"] != "around").collect();
    serde_json::json!({ "steps": steps })
}

#[test]
fn row_counts_add_up_for_a_route() {
    for policy in REJECTING {
        let account = account(&routed(policy));
        // The rows 0, 2, 4, … go to the step that keeps texts of at least five bytes, which are half of them.
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
        // The aggregate rejects rows without text, and the last step drops short texts.
        assert_eq!(account, Account { rows_in: 40, written: 19, rejected: 11, dropped: 10 }, "{policy}");
        assert_eq!(account.rows_in, account.written + account.rejected + account.dropped, "{policy}");
    }
}

#[test]
fn row_counts_add_up_for_a_failed_run() {
    for policy in STOPPING {
        for pipeline in [routed(policy), joined(policy), gathered(policy, "stop"), gathered("reject", "stop")] {
            let folder = folder();
            folder.write("output.jsonl", "from before\n");
            let outcome = run(&folder, &pipeline);
            assert_eq!(outcome.code, Some(1), "{policy}: {}", outcome.stderr);
            assert_counts_add_up(&without_aggregates(&outcome.report()));
            assert_eq!(folder.text("output.jsonl"), "from before\n");
        }
    }
}

/// A step that expands emits several rows for one. An input row counts as written if at least one of its rows is.
#[test]
fn row_counts_add_up_for_a_step_that_expands() {
    for policy in REJECTING {
        let expands = pipeline([step("expand_words"), step("bad_panic").on_failure(policy)]).add(output());
        let folder = folder();
        let outcome = run(&folder, &expands).succeeded();
        let report = outcome.report();
        let [expands, panics] = &steps_of(&report)[..] else { panic!("{report}") };
        // Of each four rows, one has two words and one has none.
        assert_eq!((number(expands, "rows_in"), number(expands, "rows_out")), (40, 40), "{policy}");
        assert_eq!(number(expands, "dropped"), 10, "{policy}");
        let written: BTreeSet<u64> = rows::ids(&folder.text("output.jsonl")).into_iter().collect();
        let accounted = written.len() as u64 + number(panics, "rejected") + number(expands, "dropped");
        assert_eq!(number(&report, "rows_in"), accounted, "{policy}");
    }
}
