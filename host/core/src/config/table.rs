//! One table of the file, read key by key.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::location::ConfigLocation;
use super::parse_context::{ParseContext, shortened};
use super::suggestion::nearest;

/// A table that is being read. The keys that the parser asks for are the known keys, so the list in a diagnostic is never
/// out of date.
pub(super) struct Table<'t> {
    /// The name in messages, such as `[pipeline]` or `[[step]]`.
    title: &'static str,
    /// The header, or the whole of an inline table.
    header: Range<usize>,
    entries: &'t DeTable<'t>,
    known: Vec<&'static str>,
    /// Required keys that are missing.
    missing: Vec<(&'static str, Diagnostic)>,
}

/// A key of a table with its value.
pub(super) struct TableEntry<'t> {
    /// The name in messages: the key and its table.
    pub(super) name: String,
    pub(super) key: Range<usize>,
    pub(super) value: &'t DeValue<'t>,
    pub(super) span: Range<usize>,
}

impl<'t> Table<'t> {
    pub(super) fn new(title: &'static str, header: Range<usize>, entries: &'t DeTable<'t>) -> Self {
        Self { title, header, entries, known: Vec::new(), missing: Vec::new() }
    }

    /// The location of the table.
    pub(super) fn location(&self) -> ConfigLocation {
        ConfigLocation::Span(self.header.clone())
    }

    /// Whether the table contains a key, with any value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Returns the value of an optional key, and registers the key as known.
    pub(super) fn take(&mut self, key: &'static str) -> Option<TableEntry<'t>> {
        self.known.push(key);
        let (name, value) = self.entries.get_key_value(key)?;
        Some(TableEntry {
            name: if self.title.is_empty() { format!("`{key}`") } else { format!("`{key}` in {}", self.title) },
            key: name.span(),
            value: value.get_ref(),
            span: value.span(),
        })
    }

    /// Returns the value of a required key. `help` is the advice if it is missing.
    pub(super) fn require(&mut self, key: &'static str, help: &str) -> Option<TableEntry<'t>> {
        let diagnostic = Diagnostic::new(self.location(), format!("{} has no `{key}`", self.title))
            .label(format!("`{key}` is missing"))
            .help(help);
        self.require_or(key, diagnostic)
    }

    /// Returns the value of a required key. `diagnostic` is reported if it is missing.
    pub(super) fn require_or(&mut self, key: &'static str, diagnostic: Diagnostic) -> Option<TableEntry<'t>> {
        let entry = self.take(key);
        if entry.is_none() {
            self.missing.push((key, diagnostic));
        }
        entry
    }

    /// Reports unknown keys, and missing keys unless an unknown key looks like a misspelling of them.
    pub(super) fn finish(mut self, context: &mut ParseContext<'_>) {
        self.known.sort_unstable();
        let location = if self.title.is_empty() { "the file" } else { self.title };
        for (key, _) in self.entries {
            let written: &str = key.get_ref();
            if self.known.contains(&written) {
                continue;
            }
            let meant = nearest(written, self.known.iter().copied());
            // After a header with a syntax error, the parser assigns its keys to the file itself.
            if self.title.is_empty() && context.recovered() && meant.is_none() {
                continue;
            }
            let mut diagnostic = Diagnostic::new(
                ConfigLocation::Span(key.span()),
                format!("unknown key `{}` in {location}", shortened(written)),
            )
            .label("unknown key");
            if let Some(meant) = meant {
                diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
                self.missing.retain(|(key, _)| *key != meant);
            }
            context.push(diagnostic.help(format!("{location} takes {}", list(self.known.iter().copied(), "and"))));
        }
        if !context.recovered() {
            for (_, diagnostic) in self.missing {
                context.push(diagnostic);
            }
        }
    }
}

/// The type of a TOML value, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// `a, b and c`.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>, conjunction: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [names @ .., last] => format!("{} {conjunction} {last}", names.join(", ")),
    }
}
