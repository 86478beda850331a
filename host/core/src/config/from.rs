//! `from`: where a step's or a sink's rows come from.

use toml::de::DeValue;

use super::check::Check;
use super::entry::wrong_type;
use super::place::{Place, Placed};
use super::projection::{self, ProjectionTable};
use super::table::Table;

/// A parent, and what becomes of its columns on the way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FromTable {
    /// The step or source.
    pub(crate) name: Placed<String>,
    /// What becomes of its columns, before the rows of several parents are combined.
    pub(crate) view: ProjectionTable,
}

const NAME_HELP: &str = "add the step or source that rows come from: `name = \"…\"`";

/// Reads `from`: a name, a table with `name` and `select`, `drop` or `rename`, or an array of them.
///
/// Left out, the rows come from the step before; for the first step, from the source. Whether the names exist is for
/// the plan to say, which knows them all.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<Vec<FromTable>> {
    const EXPECTED: &str = "a name or an array of names";
    let entry = table.take("from")?;
    match entry.value {
        DeValue::String(_) => {
            entry.string(check).map(|name| vec![FromTable { name, view: ProjectionTable::default() }])
        }
        DeValue::Table(entries) => one(Table::new("`from`", entry.span, entries), check).map(|from| vec![from]),
        DeValue::Array(names) if names.is_empty() => {
            let help = "name the steps or sources to read from, or leave it out to read from the step before";
            check.push(entry.diagnostic(format!("{} is empty", entry.name)).help(help));
            None
        }
        DeValue::Array(names) => {
            let mut from = Vec::with_capacity(names.len());
            for name in names {
                match name.get_ref() {
                    DeValue::String(written) => {
                        let name = Placed::at(written.to_string(), name.span());
                        from.push(FromTable { name, view: ProjectionTable::default() });
                    }
                    DeValue::Table(entries) => from.extend(one(Table::new("`from`", name.span(), entries), check)),
                    other => {
                        let element = format!("an element of {}", entry.name);
                        check.push(wrong_type(&element, other, Place::Span(name.span()), "a name"));
                    }
                }
            }
            Some(from)
        }
        _ => {
            entry.wrong_type(EXPECTED, check);
            None
        }
    }
}

fn one(mut table: Table<'_>, check: &mut Check<'_>) -> Option<FromTable> {
    let name = table.require("name", NAME_HELP).and_then(|entry| entry.string(check));
    let view = projection::read(&mut table, check);
    table.finish(check);
    Some(FromTable { name: name?, view })
}
