//! Sizes in bytes: `256MiB`, `64KiB`, `1GB`, or a plain number of bytes.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::check::shortened;
use super::diagnostic::Diagnostic;
use super::entry::{integer, wrong_type};
use super::place::Place;
use super::quantity::{self, Malformed, Unit};

const UNITS: [Unit; 7] = [
    Unit { name: "GiB", size: 1 << 30 },
    Unit { name: "GB", size: 1_000_000_000 },
    Unit { name: "MiB", size: 1 << 20 },
    Unit { name: "MB", size: 1_000_000 },
    Unit { name: "KiB", size: 1 << 10 },
    Unit { name: "KB", size: 1000 },
    Unit { name: "B", size: 1 },
];

/// Why a text is no size. `Display` says what is wrong with it and how to write one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it {0}; write a number and a unit, such as 64KiB, 256MiB or 5GB, or a plain number of bytes")]
pub struct SizeError(Malformed);

/// Reads a size as the pipeline file has them: a whole number of bytes, or one with a unit, such as `64KiB`, `256MiB` or
/// `5GB`.
///
/// # Errors
/// The text has no number, a fraction, an unknown unit, or is more bytes than 64 bits hold.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    parse(text).map_err(SizeError)
}

/// Reads a size within a range; `why` says where the bounds come from.
pub(super) fn read(
    name: &str,
    value: &DeValue<'_>,
    place: &Place,
    range: &RangeInclusive<u64>,
    why: &str,
) -> Result<u64, Diagnostic> {
    const FORMS: &str = "write a number and a unit, such as \"64KiB\", \"256MiB\", \"1GiB\", \"10KB\", \"5MB\", \"2GB\" or \"100B\", or a plain number of bytes";
    let (written, size) = match value {
        DeValue::String(text) => (format!("\"{}\"", shortened(text)), parse(text)),
        DeValue::Integer(number) => {
            let size = integer(number).and_then(|number| u64::try_from(number).ok());
            (shortened(&number.to_string()), size.ok_or(Malformed::TooLarge))
        }
        other => return Err(wrong_type(name, other, place.clone(), "a size in bytes").help(FORMS)),
    };
    match size {
        Ok(size) if range.contains(&size) => Ok(size),
        Ok(_) | Err(Malformed::TooLarge) => {
            let bounds = format!("from {} to {}", shown(*range.start()), shown(*range.end()));
            Err(Diagnostic::new(place.clone(), format!("{name} is {written}, which is out of range"))
                .label(format!("expected a size {bounds}"))
                .help(format!("give a size {bounds}: {why}")))
        }
        Err(malformed) => Err(Diagnostic::new(place.clone(), format!("{name} is {written}, which {malformed}"))
            .label("expected a size in bytes")
            .help(FORMS)),
    }
}

/// The size as a pipeline file has it.
pub(crate) fn shown(size: u64) -> String {
    quantity::shown(size, &UNITS)
}

fn parse(text: &str) -> Result<u64, Malformed> {
    match quantity::whole_number(text.trim()) {
        Err(Malformed::NoNumber) => quantity::parse(text, &UNITS),
        bytes => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_again(size: u64, unit in 0..UNITS.len()) {
            let size = size - size % UNITS[unit].size;
            proptest::prop_assert_eq!(parse(&shown(size)), Ok(size));
        }
    }
}
