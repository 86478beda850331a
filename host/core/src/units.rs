//! Sizes, durations and counts: parsed from text, and displayed as text that parses again.
//!
//! A quantity is one or more whole numbers, each with a unit, the largest unit first: `256MiB`, `1m30s`. Spaces between
//! numbers and units are allowed, and so is `_` between digits. Units are case-sensitive. Nothing is rounded: what does
//! not fit is an error.

mod calendar;
pub(crate) mod seconds;

use std::fmt;
use std::time::Duration;

pub(crate) use calendar::civil;
pub use calendar::format_utc;

use crate::text::truncate;

/// Returns whether a count is left out of JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A unit, and its size in the smallest one.
struct Unit {
    name: &'static str,
    size: u64,
}

/// Units of time, in milliseconds, the largest first.
const TIME: [Unit; 4] = [
    Unit { name: "h", size: 3_600_000 },
    Unit { name: "m", size: 60_000 },
    Unit { name: "s", size: 1000 },
    Unit { name: "ms", size: 1 },
];

/// Units of size, in bytes, the largest first.
const BYTES: [Unit; 7] = [
    Unit { name: "GiB", size: 1 << 30 },
    Unit { name: "GB", size: 1_000_000_000 },
    Unit { name: "MiB", size: 1 << 20 },
    Unit { name: "MB", size: 1_000_000 },
    Unit { name: "KiB", size: 1 << 10 },
    Unit { name: "KB", size: 1000 },
    Unit { name: "B", size: 1 },
];

/// The most characters of an unknown unit that an error repeats.
const MAX_UNIT_CHARACTERS: usize = 60;

/// An error of [`parse_duration`]. `Display` prints the cause and the accepted forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it {0}; write a number and a unit, such as 500ms, 30s, 5m, 1h or 1m30s")]
pub struct DurationError(pub(crate) QuantityError);

/// An error of [`parse_size`]. `Display` prints the cause and the accepted forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it {0}; write a number and a unit, such as 64KiB, 256MiB or 5GB, or a plain number of bytes")]
pub struct SizeError(pub(crate) QuantityError);

/// The reason why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QuantityError {
    NoNumber,
    Fraction,
    NoUnit,
    UnknownUnit { written: String, suggestion: Option<&'static str> },
    Order,
    TooLarge,
}

/// Completes a sentence whose subject is the text, or "it".
impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("does not begin with a whole number"),
            Self::Fraction => f.write_str("has a fraction; use a smaller unit"),
            Self::NoUnit => f.write_str("has no unit"),
            Self::UnknownUnit { written, suggestion: None } => write!(f, "has an unknown unit `{written}`"),
            Self::UnknownUnit { written, suggestion: Some(unit) } => {
                write!(f, "has an unknown unit `{written}` (did you mean `{unit}`?)")
            }
            Self::Order => f.write_str("has units that are repeated or not in order, the largest first"),
            Self::TooLarge => f.write_str("is too large"),
        }
    }
}

/// Parses a duration as written in the pipeline file: whole numbers, each with one of the units `h`, `m`, `s` and `ms`,
/// the largest first, such as `500ms`, `30s`, `5m`, `1h` or `1m30s`.
///
/// ```
/// # use std::time::Duration;
/// assert_eq!(stillbox::units::parse_duration("1m30s")?, Duration::from_secs(90));
/// assert!(stillbox::units::parse_duration("30").is_err(), "the unit is missing");
/// # Ok::<(), stillbox::units::DurationError>(())
/// ```
///
/// # Errors
/// The text does not begin with a number, has a fraction, a unit is missing, unknown, repeated or out of order, or the
/// total exceeds `u64::MAX` milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    parse(text, &TIME).map(Duration::from_millis).map_err(DurationError)
}

/// Parses a size in bytes as written in the pipeline file: a whole number of bytes, or whole numbers with units, such as
/// `64KiB`, `256MiB` or `5GB`.
///
/// # Errors
/// The text does not begin with a number, has a fraction, a unit is unknown, repeated or out of order, or the total
/// exceeds `u64::MAX` bytes.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    match parse_whole_number(text.trim()) {
        Err(QuantityError::NoNumber) => parse(text, &BYTES),
        bytes => bytes,
    }
    .map_err(SizeError)
}

/// Parses a whole number in decimal digits, with `_` between them for readability.
pub(crate) fn parse_whole_number(text: &str) -> Result<u64, QuantityError> {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_well_formed = text.starts_with(is_digit) && text.ends_with(is_digit) && !text.contains("__");
    if !is_well_formed || !text.chars().all(|c| is_digit(c) || c == '_') {
        return Err(QuantityError::NoNumber);
    }
    text.replace('_', "").parse().map_err(|_| QuantityError::TooLarge)
}

/// Formats a duration so that [`parse_duration`] returns it again, rounded down to milliseconds.
pub fn format_duration(duration: Duration) -> String {
    format(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &TIME)
}

/// Formats a size so that [`parse_size`] returns it again.
pub fn format_size(bytes: u64) -> String {
    format(bytes, &BYTES)
}

/// Formats a size in the unit of another size, so that a reader can compare them: `256.2MiB` beside `256MiB`. It is rounded up to hundredths.
pub(crate) fn format_size_beside(bytes: u64, other: u64) -> String {
    let unit = largest_unit(other, &BYTES);
    let hundredths = (u128::from(bytes) * 100).div_ceil(u128::from(unit.size));
    let digits = format!("{:02}", hundredths % 100);
    let fraction = digits.trim_end_matches('0');
    format!("{}{}{fraction}{}", hundredths / 100, if fraction.is_empty() { "" } else { "." }, unit.name)
}

/// Formats a number with its digits in groups of three: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number with the word for what it counts: `1 row`, `2,000 rows`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Returns the sum of the numbers in the smallest unit.
fn parse(text: &str, units: &[Unit]) -> Result<u64, QuantityError> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut smaller = units;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
        let (number, after_number) = rest.split_at(digits);
        let number = parse_whole_number(number)?;
        let after_number = after_number.trim_start();
        let end = after_number.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(after_number.len());
        let (written, after_unit) = after_number.split_at(end);
        let unit = find_unit(written, units)?;
        let Some(at) = smaller.iter().position(|other| other.name == unit.name) else {
            return Err(QuantityError::Order);
        };
        smaller = &smaller[at + 1..];
        let part = number.checked_mul(unit.size);
        total = part.and_then(|part| total.checked_add(part)).ok_or(QuantityError::TooLarge)?;
        rest = after_unit.trim_start();
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

fn find_unit<'a>(written: &str, units: &'a [Unit]) -> Result<&'a Unit, QuantityError> {
    if written.is_empty() {
        return Err(QuantityError::NoUnit);
    }
    if written.starts_with(['.', ',']) {
        return Err(QuantityError::Fraction);
    }
    units.iter().find(|unit| unit.name == written).ok_or_else(|| {
        let suggestion = units.iter().find(|unit| unit.name.eq_ignore_ascii_case(written)).map(|unit| unit.name);
        QuantityError::UnknownUnit { written: truncate(written, MAX_UNIT_CHARACTERS).into_owned(), suggestion }
    })
}

/// Formats a number in the largest unit that divides it.
fn format(number: u64, units: &[Unit]) -> String {
    let unit = largest_unit(number, units);
    format!("{}{}", number / unit.size, unit.name)
}

/// Returns the largest unit that divides a number.
fn largest_unit(number: u64, units: &[Unit]) -> &Unit {
    let whole = units.iter().find(|unit| number >= unit.size && number.is_multiple_of(unit.size));
    // Only zero has no such unit, since the smallest is 1.
    whole.unwrap_or(&units[units.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_formatted_duration_parses_to_itself(milliseconds: u64, unit in 0..TIME.len()) {
            let milliseconds = milliseconds - milliseconds % TIME[unit].size;
            let duration = Duration::from_millis(milliseconds);
            proptest::prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn a_formatted_size_parses_to_itself(size: u64, unit in 0..BYTES.len()) {
            let size = size - size % BYTES[unit].size;
            proptest::prop_assert_eq!(parse_size(&format_size(size)), Ok(size));
        }
    }

    #[test]
    fn a_size_beside_another_has_its_unit() {
        let mib = 1 << 20;
        assert_eq!(format_size_beside(262_336 << 10, 256 * mib), "256.19MiB");
        assert_eq!(format_size_beside((1 << 30) + 1, 1 << 30), "1.01GiB");
        assert_eq!(format_size_beside(512 * mib, 1 << 30), "0.5GiB");
        assert_eq!(format_size_beside(128 << 10, 64 << 10), "128KiB");
        assert_eq!(format_size_beside(u64::MAX, 0), "18446744073709551615B");
    }

    #[test]
    fn errors_name_the_accepted_forms() {
        const FORMS: &str = "write a number and a unit, such as 500ms, 30s, 5m, 1h or 1m30s";
        let message = |text| parse_duration(text).expect_err("it is not a duration").to_string();
        assert_eq!(message("30"), format!("it has no unit; {FORMS}"));
        assert_eq!(message(""), format!("it does not begin with a whole number; {FORMS}"));
        assert_eq!(message("10S"), format!("it has an unknown unit `S` (did you mean `s`?); {FORMS}"));
        assert_eq!(message("18446744073709551615s"), format!("it is too large; {FORMS}"));
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
