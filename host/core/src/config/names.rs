//! Lists of column names (`select`, `drop`), and tables from name to name (`rename`, `inputs`, `outputs`).

use toml::de::DeValue;

use super::entry::wrong_type;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};

/// A table from name to name, in the order of the file.
pub(crate) type NameMap = Vec<(Located<String>, Located<String>)>;

/// Reads an array of names.
pub(super) fn read_list(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Vec<Located<String>>> {
    let DeValue::Array(elements) = entry.value else {
        entry.wrong_type("an array of names", context);
        return None;
    };
    let mut names: Vec<Located<String>> = Vec::with_capacity(elements.len());
    for element in elements {
        let DeValue::String(name) = element.get_ref() else {
            let what = format!("an element of {}", entry.name);
            context.push(wrong_type(&what, element.get_ref(), ConfigLocation::Span(element.span()), "a name"));
            continue;
        };
        let name = Located::at(name.to_string(), element.span());
        if names.iter().any(|other| other.value == name.value) {
            let message = format!("{} names \"{}\" twice", entry.name, shortened(&name));
            context.push(super::Diagnostic::new(name.location, message).help("name it once"));
            continue;
        }
        names.push(name);
    }
    Some(names)
}

/// Reads an array of strings, or one string that stands for an array of one.
pub(super) fn read_strings(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Vec<String> {
    if let DeValue::String(text) = entry.value {
        return vec![text.to_string()];
    }
    read_list(entry, context).unwrap_or_default().into_iter().map(|text| text.value).collect()
}

/// Reads a table from names to names. Empty by default.
pub(super) fn read_table(table: &mut Table<'_>, key: &'static str, context: &mut ParseContext<'_>) -> NameMap {
    table.take(key).map_or_else(NameMap::new, |entry| read_entries(&entry, context))
}

/// Reads an entry whose value is a table from names to names.
pub(super) fn read_entries(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> NameMap {
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table from names to names", context);
        return NameMap::new();
    };
    let mut written: Vec<_> = entries.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    let mut names = NameMap::with_capacity(written.len());
    for (name, value) in written {
        match value.get_ref() {
            DeValue::String(other) => {
                let other = Located::at(other.to_string(), value.span());
                names.push((Located::at(name.get_ref().to_string(), name.span()), other));
            }
            wrong => {
                let what = format!("\"{}\" in {}", shortened(name.get_ref()), entry.name);
                let diagnostic = wrong_type(&what, wrong, ConfigLocation::Span(value.span()), "a name");
                context.push(diagnostic.help("put a name in quotes if it contains a dot"));
            }
        }
    }
    names
}
