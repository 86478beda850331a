//! `time`: the time limit of a whole run.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::duration;
use super::location::{ConfigLocation, Located};
use super::parse_context::ParseContext;
use super::table::Table;

/// From the smallest unit to one year, which is practically no limit and still far from the overflow of clocks.
const RANGE: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(365 * 24);

/// Reads `time`: 1 ms to one year, by default no limit.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Duration>> {
    let entry = table.take("time")?;
    let location = ConfigLocation::Span(entry.span.clone());
    match duration::read(&entry.name, entry.value, &location, &RANGE) {
        Ok(time) => Some(Located::new(time, location)),
        Err(diagnostic) => {
            context.push(diagnostic);
            None
        }
    }
}

/// Reads the time limit of the command line.
///
/// # Errors
/// It is not a duration, or is out of range.
pub(super) fn from_argument(written: &str) -> Result<Located<Duration>, Diagnostic> {
    let location = ConfigLocation::Argument(format!("--time {written}").into());
    let time = duration::read("the time", &DeValue::String(written.into()), &location, &RANGE)?;
    Ok(Located::new(time, location))
}
