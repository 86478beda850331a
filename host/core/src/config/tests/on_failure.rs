//! Failure policies.

use std::time::Duration;

use insta::assert_snapshot;

use super::{VALID, broken, parse};
use crate::config::ConfigLocation;
use crate::policy::{OnFailure, Retry, Then};

const REJECTS: &str = "[rejects]\npath = \"rejects.jsonl\"\n[[sink]]";

fn read(on_failure: &str) -> OnFailure {
    let text = VALID.replace("[[sink]]", &format!("on-failure = {on_failure}\n{REJECTS}"));
    parse(&text).steps.remove(0).on_failure.value
}

fn wrong(on_failure: &str) -> String {
    broken("\n[[sink]]", &format!("on-failure = {on_failure}\n{REJECTS}"))
}

#[test]
fn every_policy_can_be_set() {
    assert_eq!(read("\"stop\""), OnFailure::Stop);
    assert_eq!(read("\"reject\""), OnFailure::Reject);
    let retry = |times, backoff, then| OnFailure::Retry(Retry { times, backoff: Duration::from_millis(backoff), then });
    assert_eq!(read("{ retry = 1 }"), retry(1, 200, Then::Stop));
    assert_eq!(read("{ retry = 100, backoff = \"1m\", then = \"stop\" }"), retry(100, 60_000, Then::Stop));
    assert_eq!(read("{ retry = 3, backoff = \"0ms\", then = \"reject\" }"), retry(3, 0, Then::Reject));
}

#[test]
fn the_default_policy_is_stop() {
    let step = parse(VALID).steps.remove(0);
    assert_eq!(step.on_failure.value, OnFailure::Stop);
    assert_eq!(step.on_failure.location, step.location);
    let config = parse(&VALID.replace("[[sink]]", "on-failure = \"stop\"\n[[sink]]"));
    let ConfigLocation::Span(span) = &config.steps[0].on_failure.location else { panic!("{config:?}") };
    assert_eq!(&config.text[span.clone()], "\"stop\"");
}

#[test]
fn unknown_policies_are_reported() {
    assert_snapshot!(wrong("\"retry\""), @r#"p.toml:10:14: `on-failure` in [[step]] is "retry", which does not set the number of retries (write a table, such as `{ retry = 3, backoff = "200ms", then = "reject" }`)"#);
    assert_snapshot!(wrong("\"Reject\""), @r#"p.toml:10:14: `on-failure` in [[step]] is "Reject", which is not a policy (did you mean "reject"? write "stop", "reject" or a table such as `{ retry = 3, then = "reject" }`)"#);
    assert_snapshot!(wrong("\"ignore\""), @r#"p.toml:10:14: `on-failure` in [[step]] is "ignore", which is not a policy (write "stop", "reject" or a table such as `{ retry = 3, then = "reject" }`)"#);
    assert_snapshot!(wrong("3"), @r#"p.toml:10:14: `on-failure` in [[step]] is an integer, not "stop", "reject" or a table such as `{ retry = 3, then = "reject" }`"#);
}

#[test]
fn invalid_retries_are_reported() {
    assert_snapshot!(wrong("{ then = \"reject\" }"), @r#"p.toml:10:14: on-failure has no `retry` (add the number of retries, such as `retry = 3`; to stop or reject without retries, write "stop" or "reject")"#);
    assert_snapshot!(wrong("{ retry = 0, backoff = 5, then = \"retry\", tries = 1 }"), @r#"
    p.toml:10:24: `retry` in on-failure is 0, which is out of range (give an integer from 1 to 100)
    p.toml:10:37: `backoff` in on-failure is 5, which has no unit (write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s")
    p.toml:10:47: `then` in on-failure is "retry", which is not a value (the values are stop and reject)
    p.toml:10:56: unknown key `tries` in on-failure (on-failure takes backoff, retry and then)
    "#);
    assert_snapshot!(wrong("{ retry = 101, backoff = \"2m\" }"), @r#"
    p.toml:10:24: `retry` in on-failure is 101, which is out of range (give an integer from 1 to 100)
    p.toml:10:39: `backoff` in on-failure is "2m", which is out of range (give a duration from 0ms to 1m)
    "#);
    assert_snapshot!(wrong("{ retries = 3 }"), @r#"
    p.toml:10:14: on-failure has no `retry` (add the number of retries, such as `retry = 3`; to stop or reject without retries, write "stop" or "reject")
    p.toml:10:16: unknown key `retries` in on-failure (on-failure takes backoff, retry and then)
    "#);
}
