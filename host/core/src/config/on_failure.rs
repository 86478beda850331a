//! `on-failure`: the failure policy of a step.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::duration;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};
use crate::policy::{DEFAULT_BACKOFF, MAX_BACKOFF, MAX_RETRIES, OnFailure, Retry, Then};

/// No wait at all is allowed.
const BACKOFFS: RangeInclusive<Duration> = Duration::ZERO..=MAX_BACKOFF;

const EXPECTED: &str = "\"stop\", \"reject\" or a table such as `{ retry = 3, then = \"reject\" }`";

/// Reads `on-failure`: `"stop"` (the default), `"reject"`, or a table with `retry` and optionally `backoff` and `then`.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Located<OnFailure> {
    let location = table.location();
    let Some(entry) = table.take("on-failure") else {
        return Located::new(OnFailure::default(), location);
    };
    let on_failure = match entry.value {
        DeValue::String(word) if word == "retry" => {
            let message = format!("{} is \"retry\", which does not set the number of retries", entry.name);
            let help = "write a table, such as `{ retry = 3, backoff = \"200ms\", then = \"reject\" }`";
            context.push(entry.diagnostic(message).label("the number of retries is missing").help(help));
            None
        }
        DeValue::String(word) => word_for(word, &entry, context),
        DeValue::Table(_) => retry(&entry, context).map(OnFailure::Retry),
        _ => {
            entry.wrong_type(EXPECTED, context);
            None
        }
    };
    Located::new(on_failure.unwrap_or_default(), ConfigLocation::Span(entry.span))
}

fn word_for(word: &str, entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<OnFailure> {
    let known = [("stop", OnFailure::Stop), ("reject", OnFailure::Reject)];
    if let Some((_, on_failure)) = known.iter().find(|(name, _)| *name == word) {
        return Some(on_failure.clone());
    }
    let message = format!("{} is \"{}\", which is not a policy", entry.name, shortened(word));
    let mut diagnostic = entry.diagnostic(message).label("not a policy");
    if let Some(meant) = super::nearest(word, ["stop", "reject"]) {
        diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
    }
    context.push(diagnostic.help(format!("write {EXPECTED}")));
    None
}

fn retry(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Retry> {
    let DeValue::Table(entries) = entry.value else { return None };
    let mut table = Table::new("on-failure", entry.span.clone(), entries);
    let help = "add the number of retries, such as `retry = 3`; to stop or reject without retries, write \"stop\" or \"reject\"";
    let times = table
        .require("retry", help)
        .and_then(|entry| entry.integer(1..=u64::from(MAX_RETRIES), context))
        .and_then(|times| u32::try_from(times.value).ok());
    let backoff = table.take("backoff").map(|entry| {
        let location = ConfigLocation::Span(entry.span.clone());
        duration::read(&entry.name, entry.value, &location, &BACKOFFS).map_err(|diagnostic| context.push(diagnostic))
    });
    let then = table.take("then").map(|entry| {
        let choices = [("stop", Then::Stop), ("reject", Then::Reject)];
        entry.choice("value", &choices, context).ok_or(()).map(|then| then.value)
    });
    table.finish(context);
    Some(Retry {
        times: times?,
        backoff: backoff.unwrap_or(Ok(DEFAULT_BACKOFF)).ok()?,
        then: then.unwrap_or(Ok(Then::default())).ok()?,
    })
}
