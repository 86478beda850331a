//! `on-failure`: what to do when a batch or a row does not pass a step.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::check::{Check, shortened};
use super::duration;
use super::place::{Place, Placed};
use super::table::{Entry, Table};
use crate::policy::{BACKOFF, MAX_BACKOFF, MAX_RETRIES, OnFailure, Retry, Then};

/// None at all is a wait, too.
const BACKOFFS: RangeInclusive<Duration> = Duration::ZERO..=MAX_BACKOFF;

const EXPECTED: &str = "\"stop\", \"reject\" or a table such as `{ retry = 3, then = \"reject\" }`";

/// Reads `on-failure`: `"stop"`, which is the default, `"reject"`, or a table with `retry`, and if need be `backoff` and
/// `then`.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Placed<OnFailure> {
    let place = table.place();
    let Some(entry) = table.take("on-failure") else {
        return Placed::new(OnFailure::default(), place);
    };
    let on_failure = match entry.value {
        DeValue::String(word) if word == "retry" => {
            let message = format!("{} is \"retry\", which does not say how often", entry.name);
            let help = "write a table, such as `{ retry = 3, backoff = \"200ms\", then = \"reject\" }`";
            check.push(entry.diagnostic(message).label("how often?").help(help));
            None
        }
        DeValue::String(word) => word_for(word, &entry, check),
        DeValue::Table(_) => retry(&entry, check).map(OnFailure::Retry),
        _ => {
            entry.wrong_type(EXPECTED, check);
            None
        }
    };
    Placed::new(on_failure.unwrap_or_default(), Place::Span(entry.span))
}

fn word_for(word: &str, entry: &Entry<'_>, check: &mut Check<'_>) -> Option<OnFailure> {
    let known = [("stop", OnFailure::Stop), ("reject", OnFailure::Reject)];
    if let Some((_, on_failure)) = known.iter().find(|(name, _)| *name == word) {
        return Some(on_failure.clone());
    }
    let message = format!("{} is \"{}\", which is none of its values", entry.name, shortened(word));
    let mut diagnostic = entry.diagnostic(message).label("not a policy");
    if let Some(meant) = super::nearest(word, ["stop", "reject"]) {
        diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
    }
    check.push(diagnostic.help(format!("write {EXPECTED}")));
    None
}

fn retry(entry: &Entry<'_>, check: &mut Check<'_>) -> Option<Retry> {
    let DeValue::Table(entries) = entry.value else { return None };
    let mut table = Table::new("on-failure", entry.span.clone(), entries);
    let help = "add how often to try again, such as `retry = 3`; without tries, write \"stop\" or \"reject\"";
    let times = table
        .require("retry", help)
        .and_then(|entry| entry.integer(1..=u64::from(MAX_RETRIES), check))
        .and_then(|times| u32::try_from(times.value).ok());
    let backoff = table.take("backoff").map(|entry| {
        let place = Place::Span(entry.span.clone());
        duration::read(&entry.name, entry.value, &place, &BACKOFFS).map_err(|diagnostic| check.push(diagnostic))
    });
    let then = table.take("then").map(|entry| {
        let choices = [("stop", Then::Stop), ("reject", Then::Reject)];
        entry.choice("value", &choices, check).ok_or(()).map(|then| then.value)
    });
    table.finish(check);
    Some(Retry {
        times: times?,
        backoff: backoff.unwrap_or(Ok(BACKOFF)).ok()?,
        then: then.unwrap_or(Ok(Then::default())).ok()?,
    })
}
