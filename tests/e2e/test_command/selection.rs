//! Which cases run, and how often: `--shard`, `--fail-fast` and `--retries`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use stillbox_test_guests::{ADD_COLUMN, FETCH};

use super::test;
use crate::harness::{Folder, Server, ok, response};

/// A folder with this many cases, of which those with these numbers fail.
fn cases(count: usize, failing: &[usize]) -> Folder {
    let folder = Folder::new();
    for number in 0..count {
        let length = if failing.contains(&number) { 7 } else { 1 };
        folder.write(&format!("step/cases/case-{number}/input.jsonl"), "{\"text\":\"a\"}\n");
        let expected = format!("{{\"text\":\"a\",\"length\":{length}}}\n");
        folder.write(&format!("step/cases/case-{number}/expected.jsonl"), expected);
    }
    folder
}

#[test]
fn the_parts_of_a_test_run_have_every_case_once() {
    let folder = cases(5, &[]);
    let mut all = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let outcome = test(&folder, ADD_COLUMN, &["--shard", part, "--message-format", "json"]).succeeded();
        let events = outcome.json_lines();
        let ran: Vec<_> = events.iter().filter_map(|event| event["case"].as_str().map(str::to_owned)).collect();
        assert_eq!(events.last().expect("it has an end")["left_out"], 5 - ran.len());
        assert!(ran.len() <= 2, "{ran:?}");
        all.extend(ran);
    }
    assert_eq!((all.len(), BTreeSet::from_iter(all).len()), (5, 5));
    // A part without cases is not an error, or the number of parts would depend on that of the cases.
    let empty = test(&folder, ADD_COLUMN, &["--shard", "6/6"]).succeeded();
    assert!(empty.stderr.contains("0 passed, 5 skipped"), "{}", empty.stderr);
    let message = test(&folder, ADD_COLUMN, &["--shard", "4/3"]).failed(2);
    assert!(message.contains("there is no part 4 of 3; the parts are counted from 1"), "{message}");
}

#[test]
fn fail_fast_starts_no_case_after_a_failure() {
    let count = 400;
    let folder = cases(count, &(0..count).collect::<Vec<_>>());
    let outcome = test(&folder, ADD_COLUMN, &["--fail-fast", "--message-format", "json"]);
    assert_eq!(outcome.code, Some(1));
    let events = outcome.json_lines();
    let end = events.last().expect("it has an end");
    let (failed, not_run) = (end["failed"].as_u64().unwrap(), end["not_run"].as_u64().unwrap());
    // Those that ran at the same time as the first one have ended.
    assert_eq!(failed + not_run, count as u64);
    assert!(failed >= 1 && not_run >= count as u64 / 2, "{end}");
}

#[test]
fn a_case_that_passes_in_a_later_attempt_is_flaky() {
    let requests = AtomicUsize::new(0);
    let server = Server::new(move |_| match requests.fetch_add(1, Ordering::SeqCst) {
        0 => response("503 Busy", "", "busy"),
        _ => ok("fine"),
    });
    let folder = Folder::new();
    let url = server.url("/a");
    folder.write("step/cases/one/input.jsonl", format!("{{\"url\":\"{url}\"}}\n"));
    let expected =
        format!("{{\"url\":\"{url}\",\"status\":200,\"answer\":\"fine\",\"headers\":\"content-length: 4\"}}\n");
    folder.write("step/cases/one/expected.jsonl", expected);
    let grant = format!("[[allow.http]]\nurl = \"{}\"\naddresses = [\"{}\"]\n", server.url("/"), server.address);
    folder.write("step/cases/one/case.toml", grant);
    let flaky = test(&folder, FETCH, &["--retries", "2", "--junit", "report.xml"]).succeeded();
    for part in [
        "FLAKY step/one  1 -> 1 rows",
        "column \"status\"\n    - 200\n    + 503\n",
        "Summary 1 passed, 1 of them flaky",
    ] {
        assert!(flaky.stderr.contains(part), "{part}: {}", flaky.stderr);
    }
    assert!(folder.text("report.xml").contains("<flakyFailure"), "{}", folder.text("report.xml"));
    let again = test(&folder, FETCH, &["--retries", "2", "--message-format", "json"]).succeeded();
    assert_eq!(again.json_lines()[0]["attempts"], 1);
}

#[test]
fn a_case_that_fails_in_every_attempt_fails() {
    let folder = cases(1, &[0]);
    let outcome = test(&folder, ADD_COLUMN, &["--retries", "2", "--message-format", "json", "--junit", "report.xml"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.json_lines()[0]["attempts"], 3);
    assert!(folder.text("report.xml").contains("<rerunFailure"), "{}", folder.text("report.xml"));
    let conflict = test(&folder, ADD_COLUMN, &["--retries", "1", "--update"]).failed(2);
    assert!(conflict.contains("cannot be used with"), "{conflict}");
}
