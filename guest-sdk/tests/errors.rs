//! Errors: their kinds, causes, hints and places.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::time::Duration;

use stillbox_sdk::contract::{ErrorKind, StepError};
use stillbox_sdk::testing::{batch, bind, column};
use stillbox_sdk::{Context, Error, Input, Result, bail, error, step};

#[derive(Input)]
struct Row<'a> {
    what: &'a str,
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outer error")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Fails in the way that the column requests.
#[step]
fn fail(row: Row<'_>) -> Result<()> {
    match row.what {
        "question mark" => {
            "x".parse::<i32>().map_err(Outer)?;
        }
        "context" => {
            "x".parse::<i32>().map_err(Outer).context("while testing")?;
        }
        "nothing" => {
            None.with_context(|| format!("no {}", row.what))?;
        }
        "bail" => bail!("{} it is", row.what),
        "transient" => return Err(Error::transient("busy").retry_after(Duration::from_millis(1500))),
        "delayed" => return Err(error!("busy").retry_after(Duration::MAX)),
        "internal" => return Err(Error::internal("my fault").hint("report it")),
        "parameters" => return Err(Error::parameters("your fault")),
        other => return Err(Error::input(other)),
    }
    Ok(())
}

fn step_error(what: &str) -> StepError {
    let mut output = bind::<fail>("{}").unwrap().process(&batch([column("what", [what])])).unwrap();
    output.rejections.remove(0).error
}

/// Returns the line in this file that starts with a text.
fn line_of(text: &str) -> u32 {
    let line = include_str!("errors.rs").lines().position(|line| line.trim_start().starts_with(text));
    line.unwrap() as u32 + 1
}

#[test]
fn an_error_of_any_type_has_its_causes_and_its_source_location() {
    let error = step_error("question mark");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Input, "the outer error"));
    assert_eq!(error.causes, ["invalid digit found in string"]);
    assert_eq!(error.location.unwrap().line, line_of("\"x\".parse::<i32>().map_err(Outer)?;"));
}

#[test]
fn context_replaces_the_message_and_the_old_message_becomes_a_cause() {
    let error = step_error("context");
    assert_eq!(error.message, "while testing");
    assert_eq!(error.causes, ["the outer error", "invalid digit found in string"]);
    assert_eq!(error.location.unwrap().line, line_of("\"x\".parse::<i32>().map_err(Outer).context"));
}

#[test]
fn context_on_none_creates_an_error() {
    let error = step_error("nothing");
    assert_eq!(error.message, "no nothing");
    assert_eq!(error.location.unwrap().line, line_of("None.with_context"));
}

#[test]
fn bail_formats_its_message() {
    let error = step_error("bail");
    assert_eq!(error.message, "bail it is");
    assert_eq!(error.location.unwrap().line, line_of("\"bail\" => bail!"));
}

#[test]
fn a_transient_error_carries_its_retry_delay() {
    let error = step_error("transient");
    assert_eq!((error.kind, error.retry_after_ms), (ErrorKind::Transient, Some(1500)));
    let error = step_error("delayed");
    assert_eq!((error.kind, error.retry_after_ms), (ErrorKind::Transient, Some(u64::MAX)));
}

#[test]
fn an_error_may_have_a_kind_and_a_hint() {
    let error = step_error("internal");
    assert_eq!((error.kind, error.hint.as_deref()), (ErrorKind::Internal, Some("report it")));
    assert_eq!(step_error("parameters").kind, ErrorKind::Parameters);
    assert_eq!(step_error("anything else").kind, ErrorKind::Input);
}

#[test]
fn the_alternate_format_of_an_error_includes_its_causes() {
    let error = Error::from(Outer("x".parse::<i32>().unwrap_err()));
    assert_eq!(format!("{error}"), "the outer error");
    assert_eq!(format!("{error:#}"), "the outer error: invalid digit found in string");
    assert!(format!("{error:?}").contains("errors.rs:"), "{error:?}");
}
