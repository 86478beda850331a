//! `csv`: the dialect of CSV files.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::encoding;
use super::location::Located;
use super::names;
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};
use crate::format::CsvSettings;

/// Enough for any preamble. More are more likely a mistake.
const MAX_SKIPPED_LINES: u64 = 1_000_000;

/// Reads `csv`, a table of settings. By default files follow RFC 4180.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<CsvSettings>> {
    let entry = table.take("csv")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ delimiter = \";\" }`", context);
        return None;
    };
    let mut settings = CsvSettings::default();
    let mut table = Table::new("`csv`", entry.span.clone(), entries);
    let mut taken = Vec::new();
    settings.delimiter = character(&mut table, "delimiter", None, &mut taken, context);
    settings.quote = character(&mut table, "quote", settings.quote, &mut taken, context);
    settings.escape = character(&mut table, "escape", None, &mut taken, context);
    settings.comment = character(&mut table, "comment", None, &mut taken, context);
    settings.header = table.take("header").and_then(|entry| entry.boolean(context)).map(|header| header.value);
    if let Some(entry) = table.take("names") {
        settings.names = read_names(&entry, context);
    }
    if !settings.names.is_empty() && settings.header.is_none() {
        let message = "`names` in `csv` needs `header`, to know whether the first record is a row";
        context.push(Diagnostic::new(table.location(), message).label("`header` is missing").help(
            "add `header = false` if the files have no header, or `header = true` if the names replace those in the header",
        ));
    }
    if let Some(entry) = table.take("skip-lines") {
        settings.skip_lines = entry.integer(0..=MAX_SKIPPED_LINES, context).map_or(0, |lines| lines.value);
    }
    if let Some(entry) = table.take("nulls") {
        settings.nulls = names::read_strings(&entry, context);
    }
    settings.encoding = encoding::read(&mut table, context);
    table.finish(context);
    Some(Located::at(settings, entry.key))
}

/// Reads a setting that is one character, or an empty string for none. The characters of all settings have to differ,
/// except that the escape character may be the quotation mark, which then is written twice as by default.
fn character(
    table: &mut Table<'_>,
    key: &'static str,
    default: Option<u8>,
    taken: &mut Vec<(&'static str, u8)>,
    context: &mut ParseContext<'_>,
) -> Option<u8> {
    let Some(entry) = table.take(key) else {
        taken.extend(default.map(|byte| (key, byte)));
        return default;
    };
    let written = entry.string(context)?;
    let byte = match written.as_bytes() {
        [] if key != "delimiter" => return None,
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => *byte,
        _ => {
            let message = format!("{} is {}, which is not one ASCII character", entry.name, quoted(&written));
            let help = match key {
                "delimiter" => "give one character, such as \",\", \";\", \"|\" or \"\\t\"".to_owned(),
                _ => format!("give one character, or an empty string if the files have no {key} character"),
            };
            context.push(entry.diagnostic(message).label("expected one character").help(help));
            return None;
        }
    };
    match taken.iter().find(|(_, other)| *other == byte) {
        Some(("quote", _)) if key == "escape" => None,
        Some((other, _)) => {
            let message = format!("{} is also the {other} character", entry.name);
            context.push(entry.diagnostic(message).help("give a different character to each of them"));
            None
        }
        None => {
            taken.push((key, byte));
            Some(byte)
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text).escape_debug())
}

fn read_names(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Vec<String> {
    let names = names::read_list(entry, context).unwrap_or_default();
    if names.is_empty() {
        context.push(
            entry
                .diagnostic(format!("{} is empty", entry.name))
                .help("name every column in the order of the fields, or remove the key"),
        );
    }
    for name in names.iter().filter(|name| name.is_empty()) {
        let diagnostic = Diagnostic::new(name.location.clone(), format!("a name in {} is empty", entry.name));
        context.push(diagnostic.help("give every column a name; `drop` leaves out columns"));
    }
    names.into_iter().map(|name| name.value).collect()
}
