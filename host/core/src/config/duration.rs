//! Durations in the pipeline file: `500ms`, `30s`, `5m`, `1h`, `1m30s`.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::wrong_type;
use super::location::ConfigLocation;
use super::parse_context::shortened;
use crate::units::{DurationError, QuantityError, format_duration, parse_duration};

/// Reads a duration, written as a string, within a range.
pub(super) fn read(
    name: &str,
    value: &DeValue<'_>,
    location: &ConfigLocation,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, Diagnostic> {
    const FORMS: &str = "write a number and a unit, such as \"500ms\", \"30s\", \"5m\", \"1h\" or \"1m30s\"";
    let text = match value {
        DeValue::String(text) => text,
        DeValue::Integer(number) => {
            let message = format!("{name} is {}, which has no unit", shortened(&number.to_string()));
            return Err(Diagnostic::new(location.clone(), message).label("a unit is missing").help(FORMS));
        }
        other => return Err(wrong_type(name, other, location.clone(), "a duration").help(FORMS)),
    };
    let quoted = format!("\"{}\"", shortened(text));
    match parse_duration(text) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) | Err(DurationError(QuantityError::TooLarge)) => {
            let bounds = format!("from {} to {}", format_duration(*range.start()), format_duration(*range.end()));
            Err(Diagnostic::new(location.clone(), format!("{name} is {quoted}, which is out of range"))
                .label(format!("expected a duration {bounds}"))
                .help(format!("give a duration {bounds}")))
        }
        Err(DurationError(error)) => {
            Err(Diagnostic::new(location.clone(), format!("{name} is {quoted}, which {error}"))
                .label("expected a duration")
                .help(FORMS))
        }
    }
}
