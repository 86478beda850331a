//! Lists of names, and tables from one name to another: columns in `select`, `drop`, `rename`, `inputs` and `outputs`.

use toml::de::DeValue;

use super::check::{Check, shortened};
use super::entry::wrong_type;
use super::place::{Place, Placed};
use super::table::{Entry, Table};

/// From one name to another, in the order in which they were written.
pub(crate) type Names = Vec<(Placed<String>, Placed<String>)>;

/// Reads an array of names.
pub(super) fn read_list(entry: &Entry<'_>, check: &mut Check<'_>) -> Option<Vec<Placed<String>>> {
    let DeValue::Array(elements) = entry.value else {
        entry.wrong_type("an array of names", check);
        return None;
    };
    let mut names: Vec<Placed<String>> = Vec::with_capacity(elements.len());
    for element in elements {
        let DeValue::String(name) = element.get_ref() else {
            let what = format!("an element of {}", entry.name);
            check.push(wrong_type(&what, element.get_ref(), Place::Span(element.span()), "a name"));
            continue;
        };
        let name = Placed::at(name.to_string(), element.span());
        if names.iter().any(|other| other.value == name.value) {
            let message = format!("{} names \"{}\" twice", entry.name, shortened(&name));
            check.push(super::Diagnostic::new(name.place, message).help("name it once"));
            continue;
        }
        names.push(name);
    }
    Some(names)
}

/// Reads a table from names to names; by default an empty one.
pub(super) fn read_table(table: &mut Table<'_>, key: &'static str, check: &mut Check<'_>) -> Names {
    table.take(key).map_or_else(Names::new, |entry| read_entries(&entry, check))
}

/// The same of an entry that is there.
pub(super) fn read_entries(entry: &Entry<'_>, check: &mut Check<'_>) -> Names {
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table from names to names", check);
        return Names::new();
    };
    let mut written: Vec<_> = entries.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    let mut names = Names::with_capacity(written.len());
    for (name, value) in written {
        match value.get_ref() {
            DeValue::String(other) => {
                let other = Placed::at(other.to_string(), value.span());
                names.push((Placed::at(name.get_ref().to_string(), name.span()), other));
            }
            wrong => {
                let what = format!("\"{}\" in {}", shortened(name.get_ref()), entry.name);
                let diagnostic = wrong_type(&what, wrong, Place::Span(value.span()), "a name");
                check.push(diagnostic.help("put a name with a dot in quotes"));
            }
        }
    }
    names
}
