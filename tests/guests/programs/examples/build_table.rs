//! Builds a table when it is bound, which takes a while, and looks its rows up there.

use std::collections::HashMap;
use std::time::Instant;

use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::{Input, Output, Parameters, Result, log, step};
use stillbox_test_programs::GUILTY;

/// The parameters.
#[derive(Parameters)]
#[parameters(check = Self::check)]
struct Parameters {
    /// The number of entries.
    entries: Table,
    /// What else `bind` does: `nothing`, or a call of the host: `random`, `clock`, `print`, `variables`.
    #[parameter(default = "nothing".to_owned())]
    also: String,
}

/// A table whose entries take about a microsecond each.
struct Table {
    source: String,
    entries: HashMap<u64, u64>,
}

impl TextParameter for Table {
    fn parse(text: &str) -> Result<Self, String> {
        let count: u64 = text.parse().map_err(|_| "is no number".to_owned())?;
        log::info!("a table of {count} entries");
        let entries = (0..count).map(|key| (key, (0..500).fold(key, |value, _| value.rotate_left(7) ^ 0x9e37_79b9)));
        Ok(Self { source: text.to_owned(), entries: entries.collect() })
    }

    fn source(&self) -> &str {
        &self.source
    }
}

stillbox_sdk::text_parameter!(Table);

impl Parameters {
    #[expect(clippy::unnecessary_wraps, reason = "the form of a check")]
    fn check(&self) -> Result<()> {
        match &*self.also {
            "random" => log::info!("{}", wasip2::random::random::get_random_u64() % 2),
            "clock" => log::info!("{}", Instant::now().elapsed().is_zero()),
            "print" => println!("printed"),
            "variables" => log::info!("{}", std::env::vars_os().count()),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Input)]
struct Row {
    id: i64,
}

#[derive(Output)]
struct Found {
    /// The entry of the row.
    value: i64,
    /// The first key in the order of the table.
    first: i64,
    /// A random number of the instance.
    random: i64,
}

/// Looks a row up.
#[step]
fn build_table(parameters: &Parameters, row: Row) -> Result<Found> {
    assert!(row.id != GUILTY, "no entry for the id {}", row.id);
    let entries = &parameters.entries.entries;
    let value = entries.get(&(row.id as u64 % entries.len().max(1) as u64)).copied().unwrap_or_default();
    let first = entries.keys().next().copied().unwrap_or_default();
    Ok(Found { value: value as i64, first: first as i64, random: wasip2::random::random::get_random_u64() as i64 })
}
