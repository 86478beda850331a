//! `from`: where a step's or a sink's rows come from.

use toml::de::DeValue;

use super::check::Check;
use super::entry::wrong_type;
use super::place::{Place, Placed};
use super::table::Table;

/// Reads `from`: one name, or an array of them.
///
/// Left out, the rows come from the step before; for the first step, from the source. Whether the names exist is for
/// the plan to say, which knows them all.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<Vec<Placed<String>>> {
    const EXPECTED: &str = "a name or an array of names";
    let entry = table.take("from")?;
    match entry.value {
        DeValue::String(_) => entry.string(check).map(|name| vec![name]),
        DeValue::Array(names) if names.is_empty() => {
            let help = "name the steps or sources to read from, or leave it out to read from the step before";
            check.push(entry.complaint(format!("{} is empty", entry.name)).help(help));
            None
        }
        DeValue::Array(names) => {
            let mut from = Vec::with_capacity(names.len());
            for name in names {
                match name.get_ref() {
                    DeValue::String(written) => from.push(Placed::at(written.to_string(), name.span())),
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
