//! Sizes in the pipeline file: `256MiB`, `64KiB`, `1GB`, or a plain number of bytes.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::{integer, wrong_type};
use super::location::ConfigLocation;
use super::parse_context::shortened;
use crate::units::{QuantityError, SizeError, format_size, parse_size};

/// Reads a size within a range; `why` gives the reason for the bounds.
pub(super) fn read(
    name: &str,
    value: &DeValue<'_>,
    location: &ConfigLocation,
    range: &RangeInclusive<u64>,
    why: &str,
) -> Result<u64, Diagnostic> {
    const FORMS: &str = "write a number and a unit, such as \"64KiB\", \"256MiB\", \"1GiB\", \"10KB\", \"5MB\", \"2GB\" or \"100B\", or a plain number of bytes";
    let (written, size) = match value {
        DeValue::String(text) => (format!("\"{}\"", shortened(text)), parse_size(text)),
        DeValue::Integer(number) => {
            let size = integer(number).and_then(|number| u64::try_from(number).ok());
            (shortened(&number.to_string()), size.ok_or(SizeError(QuantityError::TooLarge)))
        }
        other => return Err(wrong_type(name, other, location.clone(), "a size in bytes").help(FORMS)),
    };
    match size {
        Ok(size) if range.contains(&size) => Ok(size),
        Ok(_) | Err(SizeError(QuantityError::TooLarge)) => {
            let bounds = format!("from {} to {}", format_size(*range.start()), format_size(*range.end()));
            Err(Diagnostic::new(location.clone(), format!("{name} is {written}, which is out of range"))
                .label(format!("expected a size {bounds}"))
                .help(format!("give a size {bounds}: {why}")))
        }
        Err(SizeError(error)) => Err(Diagnostic::new(location.clone(), format!("{name} is {written}, which {error}"))
            .label("expected a size in bytes")
            .help(FORMS)),
    }
}
