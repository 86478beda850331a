//! One table of the file, taken apart key by key.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::location::ConfigLocation;
use super::parse_context::{ParseContext, shortened};
use super::suggestion::nearest;

/// A table while it is read. The keys that were asked for are the keys that are known, so the list that a complaint
/// shows cannot go stale.
pub(super) struct Table<'t> {
    /// What messages call it: `[pipeline]`, `[[step]]`.
    title: &'static str,
    /// Its header, or the whole of an inline table.
    header: Range<usize>,
    entries: &'t DeTable<'t>,
    known: Vec<&'static str>,
    /// The keys that should be there and are not.
    missing: Vec<(&'static str, Diagnostic)>,
}

/// A key of a table with its value.
pub(super) struct TableEntry<'t> {
    /// How messages name it: the key and its table.
    pub(super) name: String,
    pub(super) key: Range<usize>,
    pub(super) value: &'t DeValue<'t>,
    pub(super) span: Range<usize>,
}

impl<'t> Table<'t> {
    pub(super) fn new(title: &'static str, header: Range<usize>, entries: &'t DeTable<'t>) -> Self {
        Self { title, header, entries, known: Vec::new(), missing: Vec::new() }
    }

    /// The location of the whole table.
    pub(super) fn location(&self) -> ConfigLocation {
        ConfigLocation::Span(self.header.clone())
    }

    /// Whether a key is there at all, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key, if it is there.
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

    /// The value of a key that must be there; `help` says what to write where it is not.
    pub(super) fn require(&mut self, key: &'static str, help: &str) -> Option<TableEntry<'t>> {
        let diagnostic = Diagnostic::new(self.location(), format!("{} has no `{key}`", self.title))
            .label(format!("`{key}` is missing"))
            .help(help);
        self.require_or(key, diagnostic)
    }

    /// The value of a key that must be there, or else this complaint.
    pub(super) fn require_or(&mut self, key: &'static str, diagnostic: Diagnostic) -> Option<TableEntry<'t>> {
        let entry = self.take(key);
        if entry.is_none() {
            self.missing.push((key, diagnostic));
        }
        entry
    }

    /// Complains about every key that nobody asked for, and about those that are missing and not merely misspelt.
    pub(super) fn finish(mut self, context: &mut ParseContext<'_>) {
        self.known.sort_unstable();
        let location = if self.title.is_empty() { "the file" } else { self.title };
        for (key, _) in self.entries {
            let written: &str = key.get_ref();
            if self.known.contains(&written) {
                continue;
            }
            let meant = nearest(written, self.known.iter().copied());
            // Behind a header that could not be read, keys fall to the file itself.
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

/// What a TOML value is, with its article.
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
