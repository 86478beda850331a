//! `until`: the number of accepted rows with which a run is complete.

use toml::de::DeValue;

use super::condition::Condition;
use super::diagnostic::Diagnostic;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};

/// Any number of rows that a run could make.
const MAX_ROWS: u64 = 1_000_000_000_000;

/// The table `until`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UntilTable {
    /// The location of the table.
    pub(crate) location: ConfigLocation,
    /// The number of rows that reach the sink.
    pub(crate) rows: u64,
    /// The rows that are accepted. `None` for all.
    pub(crate) accepted: Option<Located<Condition>>,
    /// The maximum number of rows from the source, at least `rows`.
    pub(crate) at_most: u64,
}

/// Reads `until`, by default none.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<UntilTable> {
    const FORM: &str = "a table such as `{ rows = 5000, where = \"score >= 4\", at-most = 20000 }`";
    let entry = table.take("until")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type(FORM, context);
        return None;
    };
    let location = ConfigLocation::Span(entry.span.clone());
    let mut table = Table::new("`until`", entry.span, entries);
    let mut number = |key, help| {
        let entry = table.require(key, help)?;
        entry.integer(1..=MAX_ROWS, context)
    };
    let rows = number("rows", "add `rows = 5000`: the number of rows for the sink");
    let at_most = number("at-most", "add `at-most = 20000`: the most rows that the source makes for them");
    // A condition that cannot be parsed has a diagnostic, and no run starts without it.
    let accepted = table.take("where").and_then(|entry| read_condition(&entry, context));
    table.finish(context);
    let (rows, at_most) = (rows?, at_most?);
    if at_most.value < rows.value {
        let message = format!("`at-most` is {}, and `rows` is {}", at_most.value, rows.value);
        let help = "each accepted row takes at least one row of the source; raise `at-most`";
        context.push(Diagnostic::new(at_most.location, message).label("less than `rows`").help(help));
    }
    Some(UntilTable { location, rows: rows.value, accepted, at_most: at_most.value })
}

fn read_condition(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Located<Condition>> {
    let written = entry.string(context)?;
    match Condition::parse(&written) {
        Ok(condition) => Some(Located::new(condition, written.location)),
        Err(error) => {
            let message = format!("`where` is \"{}\", and {}", shortened(&written), error.message);
            context.push(Diagnostic::new(written.location, message).label("not a condition").help(error.help));
            None
        }
    }
}
