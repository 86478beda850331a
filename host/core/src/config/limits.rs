//! `limits`: how much of the host one instance of a step may use.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::whole;
use super::location::{ConfigLocation, Located};
use super::parse_context::ParseContext;
use super::table::Table;
use super::{duration, size};
use crate::limits::LimitSettings;

/// From one page of WebAssembly memory to all that its addresses reach.
const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
/// From the smallest unit to a year, which is as good as none and still far from where clocks overflow.
const TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(365 * 24);
const FUEL: RangeInclusive<u64> = 1..=u64::MAX;
/// The contract counts rows in 32 bits.
const OUTPUT_ROWS: RangeInclusive<u64> = 1..=u32::MAX as u64;
/// An output lies in the memory of its step.
const OUTPUT_BYTES: RangeInclusive<u64> = 1..=4 << 30;
/// What is kept is held for every batch in flight; nobody reads more of it.
const LOG_BYTES: RangeInclusive<u64> = 0..=16 << 20;

/// One of the limits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    Memory,
    Time,
    Fuel,
    OutputRows,
    OutputBytes,
    LogBytes,
}

impl Limit {
    /// Every limit by its key.
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("memory", Self::Memory),
        ("time", Self::Time),
        ("fuel", Self::Fuel),
        ("output-rows", Self::OutputRows),
        ("output-bytes", Self::OutputBytes),
        ("log-bytes", Self::LogBytes),
    ];

    /// Sets this limit; complaints call it `name`.
    pub(super) fn set(
        self,
        settings: &mut LimitSettings,
        name: &str,
        value: &DeValue<'_>,
        location: &ConfigLocation,
    ) -> Result<(), Diagnostic> {
        match self {
            Self::Memory => {
                let why = "memory comes in pages of 64KiB, and a step's addresses have 32 bits";
                settings.memory = Some(size::read(name, value, location, &MEMORY, why)?);
            }
            Self::Time => settings.time = Some(duration::read(name, value, location, &TIME)?),
            Self::Fuel => settings.fuel = Some(whole(name, value, location, &FUEL)?),
            Self::OutputRows => settings.output_rows = Some(whole(name, value, location, &OUTPUT_ROWS)?),
            Self::OutputBytes => {
                let why = "an output lies in the memory of its step, whose addresses have 32 bits";
                settings.output_bytes = Some(size::read(name, value, location, &OUTPUT_BYTES, why)?);
            }
            Self::LogBytes => {
                let why = "logs are kept in memory for every batch in flight";
                settings.log_bytes = Some(size::read(name, value, location, &LOG_BYTES, why)?);
            }
        }
        Ok(())
    }
}

/// Reads `limits`, a table that messages call `title`. What it leaves out stays as it is; `location` stands in for a
/// table that is not there.
pub(super) fn read(
    table: &mut Table<'_>,
    title: &'static str,
    location: ConfigLocation,
    context: &mut ParseContext<'_>,
) -> Located<LimitSettings> {
    let mut settings = LimitSettings::default();
    let Some(entry) = table.take("limits") else {
        return Located::new(settings, location);
    };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ memory = \"256MiB\", time = \"30s\" }`", context);
        return Located::new(settings, location);
    };
    let mut limits = Table::new(title, entry.span, entries);
    for (key, limit) in Limit::ALL {
        let Some(entry) = limits.take(key) else { continue };
        let set = limit.set(&mut settings, &entry.name, entry.value, &ConfigLocation::Span(entry.span.clone()));
        if let Err(diagnostic) = set {
            context.push(diagnostic);
        }
    }
    limits.finish(context);
    Located::at(settings, entry.key)
}
