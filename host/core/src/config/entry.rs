//! The value of one key, converted to its expected type.

use std::ops::RangeInclusive;

use toml::de::{DeInteger, DeValue};

use super::diagnostic::Diagnostic;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::suggestion::nearest;
use super::table::{TableEntry, kind, list};

impl TableEntry<'_> {
    /// Creates a diagnostic about the value.
    pub(super) fn diagnostic(&self, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::new(ConfigLocation::Span(self.span.clone()), message)
    }

    /// Reports that the value does not have the expected type, such as "an integer".
    pub(super) fn wrong_type(&self, expected: &str, context: &mut ParseContext<'_>) {
        context.push(wrong_type(&self.name, self.value, ConfigLocation::Span(self.span.clone()), expected));
    }

    /// The value as a string.
    pub(super) fn string(&self, context: &mut ParseContext<'_>) -> Option<Located<String>> {
        if let DeValue::String(text) = self.value {
            return Some(Located::at(text.to_string(), self.span.clone()));
        }
        self.wrong_type("a string", context);
        None
    }

    /// Whether the value is a string.
    pub(super) fn is_string(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// The value as a boolean.
    pub(super) fn boolean(&self, context: &mut ParseContext<'_>) -> Option<Located<bool>> {
        if let DeValue::Boolean(value) = self.value {
            return Some(Located::at(*value, self.span.clone()));
        }
        self.wrong_type("true or false", context);
        None
    }

    /// The value as an integer within a range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>, context: &mut ParseContext<'_>) -> Option<Located<u64>> {
        let location = ConfigLocation::Span(self.span.clone());
        match whole(&self.name, self.value, &location, &range) {
            Ok(number) => Some(Located::new(number, location)),
            Err(diagnostic) => {
                context.push(diagnostic);
                None
            }
        }
    }

    /// The value as one of a fixed set of words.
    pub(super) fn choice<T: Copy>(
        &self,
        what: &str,
        choices: &[(&'static str, T)],
        context: &mut ParseContext<'_>,
    ) -> Option<Located<T>> {
        let written = self.string(context)?;
        choice(&self.name, &written, what, choices, context).map(|chosen| Located::new(chosen, written.location))
    }
}

/// Parses one of a fixed set of words. Reports a diagnostic that lists them if none matches.
pub(super) fn choice<T: Copy>(
    name: &str,
    written: &Located<String>,
    what: &str,
    choices: &[(&'static str, T)],
    context: &mut ParseContext<'_>,
) -> Option<T> {
    if let Some((_, chosen)) = choices.iter().find(|(word, _)| word == &written.value) {
        return Some(*chosen);
    }
    let words = || choices.iter().map(|(word, _)| *word);
    let mut diagnostic = Diagnostic::new(
        written.location.clone(),
        format!("{name} is \"{}\", which is not a {what}", shortened(&written.value)),
    )
    .label(format!("not a {what}"));
    if let Some(meant) = nearest(&written.value, words()) {
        diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
    }
    context.push(diagnostic.help(format!("the {what}s are {}", list(words(), "and"))));
    None
}

/// Parses an integer within a range. `name` is the name of the value in the diagnostic.
pub(super) fn whole(
    name: &str,
    value: &DeValue<'_>,
    location: &ConfigLocation,
    range: &RangeInclusive<u64>,
) -> Result<u64, Diagnostic> {
    let DeValue::Integer(written) = value else {
        return Err(wrong_type(name, value, location.clone(), "an integer"));
    };
    if let Some(number) = integer(written).and_then(|number| u64::try_from(number).ok())
        && range.contains(&number)
    {
        return Ok(number);
    }
    let bounds = format!("from {} to {}", range.start(), range.end());
    let message = format!("{name} is {}, which is out of range", shortened(&written.to_string()));
    Err(Diagnostic::new(location.clone(), message)
        .label(format!("expected an integer {bounds}"))
        .help(format!("give an integer {bounds}")))
}

/// Creates a diagnostic about a value of the wrong type.
pub(super) fn wrong_type(name: &str, value: &DeValue<'_>, location: ConfigLocation, expected: &str) -> Diagnostic {
    Diagnostic::new(location, format!("{name} is {}, not {expected}", kind(value)))
        .label(format!("expected {expected}"))
}

/// Parses the number. Returns `None` if it needs more than 128 bits.
pub(super) fn integer(written: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(written.as_str(), written.radix()).ok()
}
