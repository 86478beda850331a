//! `from`: the parents of a step or a sink.

use toml::de::DeValue;

use super::entry::wrong_type;
use super::location::{ConfigLocation, Located};
use super::parse_context::ParseContext;
use super::projection::{self, ProjectionTable};
use super::table::Table;

/// A parent, and the projection of its columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FromTable {
    /// The name of the step or source.
    pub(crate) name: Located<String>,
    /// Applied to its columns before the rows of several parents are combined.
    pub(crate) projection: ProjectionTable,
}

const NAME_HELP: &str = "add the step or source that rows come from: `name = \"…\"`";

/// Reads `from`: a name, a table with `name` and `select`, `drop` or `rename`, or an array of them.
///
/// By default the rows come from the previous step; for the first step, from the source. The plan checks whether the
/// names exist.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Vec<FromTable>> {
    const EXPECTED: &str = "a name or an array of names";
    let entry = table.take("from")?;
    match entry.value {
        DeValue::String(_) => {
            entry.string(context).map(|name| vec![FromTable { name, projection: ProjectionTable::default() }])
        }
        DeValue::Table(entries) => one(Table::new("`from`", entry.span, entries), context).map(|from| vec![from]),
        DeValue::Array(names) if names.is_empty() => {
            let help = "name the steps or sources to read from, or remove the key to read from the previous step";
            context.push(entry.diagnostic(format!("{} is empty", entry.name)).help(help));
            None
        }
        DeValue::Array(names) => {
            let mut from = Vec::with_capacity(names.len());
            for name in names {
                match name.get_ref() {
                    DeValue::String(written) => {
                        let name = Located::at(written.to_string(), name.span());
                        from.push(FromTable { name, projection: ProjectionTable::default() });
                    }
                    DeValue::Table(entries) => from.extend(one(Table::new("`from`", name.span(), entries), context)),
                    other => {
                        let element = format!("an element of {}", entry.name);
                        context.push(wrong_type(&element, other, ConfigLocation::Span(name.span()), "a name"));
                    }
                }
            }
            Some(from)
        }
        _ => {
            entry.wrong_type(EXPECTED, context);
            None
        }
    }
}

fn one(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<FromTable> {
    let name = table.require("name", NAME_HELP).and_then(|entry| entry.string(context));
    let projection = projection::read(&mut table, context);
    table.finish(context);
    Some(FromTable { name: name?, projection })
}
