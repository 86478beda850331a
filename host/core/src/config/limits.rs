//! `limits`: the resources that one instance of a step may use.

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

/// From one page of WebAssembly memory to the whole 32-bit address space, in bytes.
const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
/// From the smallest unit to one year, which is practically no limit and still far from the overflow of clocks.
const TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(365 * 24);
const FUEL: RangeInclusive<u64> = 1..=u64::MAX;
/// The contract counts rows in 32-bit integers.
const OUTPUT_ROWS: RangeInclusive<u64> = 1..=u32::MAX as u64;
/// In bytes. An output is in the memory of its step, so it cannot be larger than the address space.
const OUTPUT_BYTES: RangeInclusive<u64> = 1..=4 << 30;
/// In bytes. Log entries of every batch in flight are in memory, which bounds them.
const LOG_BYTES: RangeInclusive<u64> = 0..=16 << 20;
/// In bytes. The compiler itself needs some, and no component needs more than the largest.
const COMPILE_MEMORY: RangeInclusive<u64> = 64 << 20..=1 << 40;

/// One of the limits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    Memory,
    Time,
    Fuel,
    OutputRows,
    OutputBytes,
    LogBytes,
    CompileTime,
    CompileMemory,
}

impl Limit {
    /// Every limit by its key.
    pub(super) const ALL: [(&'static str, Self); 8] = [
        ("memory", Self::Memory),
        ("time", Self::Time),
        ("fuel", Self::Fuel),
        ("output-rows", Self::OutputRows),
        ("output-bytes", Self::OutputBytes),
        ("log-bytes", Self::LogBytes),
        ("compile-time", Self::CompileTime),
        ("compile-memory", Self::CompileMemory),
    ];

    /// Sets this limit. `name` is its name in diagnostics.
    pub(super) fn set(
        self,
        settings: &mut LimitSettings,
        name: &str,
        value: &DeValue<'_>,
        location: &ConfigLocation,
    ) -> Result<(), Diagnostic> {
        match self {
            Self::Memory => {
                let why = "memory is allocated in pages of 64KiB, and a step's addresses have 32 bits";
                settings.memory = Some(size::read(name, value, location, &MEMORY, why)?);
            }
            Self::Time => settings.time = Some(duration::read(name, value, location, &TIME)?),
            Self::Fuel => settings.fuel = Some(whole(name, value, location, &FUEL)?),
            Self::OutputRows => settings.output_rows = Some(whole(name, value, location, &OUTPUT_ROWS)?),
            Self::OutputBytes => {
                let why = "an output is in the memory of its step, whose addresses have 32 bits";
                settings.output_bytes = Some(size::read(name, value, location, &OUTPUT_BYTES, why)?);
            }
            Self::LogBytes => {
                let why = "the logs of every batch in flight are in memory";
                settings.log_bytes = Some(size::read(name, value, location, &LOG_BYTES, why)?);
            }
            Self::CompileTime => settings.compile_time = Some(duration::read(name, value, location, &TIME)?),
            Self::CompileMemory => {
                let why = "the compiler needs some memory for any component";
                settings.compile_memory = Some(size::read(name, value, location, &COMPILE_MEMORY, why)?);
            }
        }
        Ok(())
    }
}

/// Reads `limits`, a table that messages call `title`. Limits without a value stay unset. `location` is the location of
/// the result if there is no such table.
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
