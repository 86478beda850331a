//! Numbers with units, as people write them: `256MiB`, `1m30s`.

use std::fmt;

/// A unit and its size in the smallest one.
pub(super) struct Unit {
    pub(super) name: &'static str,
    pub(super) size: u64,
}

/// Why a text is no number with a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Malformed {
    NoNumber,
    Fraction,
    NoUnit,
    UnknownUnit { written: String, meant: Option<&'static str> },
    Order,
    TooLarge,
}

/// Finishes a sentence that begins with the text, or with "it".
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("does not begin with a whole number"),
            Self::Fraction => f.write_str("has a fraction, where a smaller unit is needed"),
            Self::NoUnit => f.write_str("has no unit"),
            Self::UnknownUnit { written, meant: None } => write!(f, "has an unknown unit `{written}`"),
            Self::UnknownUnit { written, meant: Some(meant) } => {
                write!(f, "has an unknown unit `{written}`, perhaps for `{meant}`")
            }
            Self::Order => f.write_str("has a larger unit behind a smaller one, or one twice"),
            Self::TooLarge => f.write_str("is too large"),
        }
    }
}

/// The sum of one or more numbers with units, in the smallest unit. `units` begins with the largest, and so does the
/// text. Spaces between numbers and units are allowed, and so is `_` between digits.
pub(super) fn parse(text: &str, units: &[Unit]) -> Result<u64, Malformed> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut smaller = units;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let number = whole_number(number)?;
        let behind = behind.trim_start();
        let end = behind.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(behind.len());
        let (written, after) = behind.split_at(end);
        let unit = unit(written, units)?;
        let Some(at) = smaller.iter().position(|other| other.name == unit.name) else {
            return Err(Malformed::Order);
        };
        smaller = &smaller[at + 1..];
        total = number.checked_mul(unit.size).and_then(|part| total.checked_add(part)).ok_or(Malformed::TooLarge)?;
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

fn unit<'a>(written: &str, units: &'a [Unit]) -> Result<&'a Unit, Malformed> {
    if written.is_empty() {
        return Err(Malformed::NoUnit);
    }
    if written.starts_with(['.', ',']) {
        return Err(Malformed::Fraction);
    }
    units.iter().find(|unit| unit.name == written).ok_or_else(|| {
        let meant = units.iter().find(|unit| unit.name.eq_ignore_ascii_case(written)).map(|unit| unit.name);
        Malformed::UnknownUnit { written: super::check::shortened(written), meant }
    })
}

/// A whole number in decimal digits, with `_` between them where that helps the eye.
pub(super) fn whole_number(text: &str) -> Result<u64, Malformed> {
    let is_digit = |c: char| c.is_ascii_digit();
    let is_spelt = text.starts_with(is_digit) && text.ends_with(is_digit) && !text.contains("__");
    if !is_spelt || !text.chars().all(|c| is_digit(c) || c == '_') {
        return Err(Malformed::NoNumber);
    }
    text.replace('_', "").parse().map_err(|_| Malformed::TooLarge)
}

/// The number in the largest unit that leaves no rest.
pub(super) fn shown(number: u64, units: &[Unit]) -> String {
    let whole = units.iter().find(|unit| number >= unit.size && number.is_multiple_of(unit.size));
    // Only zero fits no unit; the smallest is 1.
    let unit = whole.unwrap_or(&units[units.len() - 1]);
    format!("{}{}", number / unit.size, unit.name)
}
