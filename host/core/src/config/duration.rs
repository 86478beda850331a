//! Durations: `500ms`, `30s`, `5m`, `1h`, `1m30s`.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::check::shortened;
use super::diagnostic::Diagnostic;
use super::entry::wrong_type;
use super::place::Place;
use super::quantity::{self, Malformed, Unit};

/// In milliseconds.
const UNITS: [Unit; 4] = [
    Unit { name: "h", size: 3_600_000 },
    Unit { name: "m", size: 60_000 },
    Unit { name: "s", size: 1000 },
    Unit { name: "ms", size: 1 },
];

/// Why a text is no duration. `Display` says what is wrong with it and how to write one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it {0}; write a number and a unit, such as 500ms, 30s, 5m, 1h or 1m30s")]
pub struct DurationError(Malformed);

/// Reads a duration as the pipeline file has them: whole numbers, each with one of the units `h`, `m`, `s` and `ms`,
/// the largest first, such as `500ms`, `30s`, `5m`, `1h` or `1m30s`.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(stillbox::parse_duration("1m30s")?, Duration::from_secs(90));
/// assert!(stillbox::parse_duration("30").is_err(), "it has no unit");
/// # Ok::<(), stillbox::DurationError>(())
/// ```
///
/// # Errors
/// The text begins with no number, has a fraction, a unit is missing, unknown or out of order, or the whole is more
/// milliseconds than 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    quantity::parse(text, &UNITS).map(Duration::from_millis).map_err(DurationError)
}

/// Reads a duration, written as a string, within a range.
pub(super) fn read(
    name: &str,
    value: &DeValue<'_>,
    place: &Place,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, Diagnostic> {
    const FORMS: &str = "write a number and a unit, such as \"500ms\", \"30s\", \"5m\", \"1h\" or \"1m30s\"";
    let text = match value {
        DeValue::String(text) => text,
        DeValue::Integer(number) => {
            let message = format!("{name} is {}, which has no unit", shortened(&number.to_string()));
            return Err(Diagnostic::new(place.clone(), message).label("a unit is missing").help(FORMS));
        }
        other => return Err(wrong_type(name, other, place.clone(), "a duration").help(FORMS)),
    };
    let quoted = format!("\"{}\"", shortened(text));
    match quantity::parse(text, &UNITS).map(Duration::from_millis) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) | Err(Malformed::TooLarge) => {
            let bounds = format!("from {} to {}", shown(*range.start()), shown(*range.end()));
            Err(Diagnostic::new(place.clone(), format!("{name} is {quoted}, which is out of range"))
                .label(format!("expected a duration {bounds}"))
                .help(format!("give a duration {bounds}")))
        }
        Err(malformed) => Err(Diagnostic::new(place.clone(), format!("{name} is {quoted}, which {malformed}"))
            .label("expected a duration")
            .help(FORMS)),
    }
}

/// The duration as [`parse_duration`] reads it; what is less than a millisecond is left out.
pub(crate) fn shown(duration: Duration) -> String {
    quantity::shown(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &UNITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_again(milliseconds: u64, unit in 0..UNITS.len()) {
            let milliseconds = milliseconds - milliseconds % UNITS[unit].size;
            let duration = Duration::from_millis(milliseconds);
            proptest::prop_assert_eq!(parse_duration(&shown(duration)), Ok(duration));
        }
    }

    #[test]
    fn errors_say_how_to_write_one() {
        const FORMS: &str = "write a number and a unit, such as 500ms, 30s, 5m, 1h or 1m30s";
        let told = |text| parse_duration(text).expect_err("it is none").to_string();
        assert_eq!(told("30"), format!("it has no unit; {FORMS}"));
        assert_eq!(told(""), format!("it does not begin with a whole number; {FORMS}"));
        assert_eq!(told("10S"), format!("it has an unknown unit `S`, perhaps for `s`; {FORMS}"));
        assert_eq!(told("18446744073709551615s"), format!("it is too large; {FORMS}"));
    }
}
