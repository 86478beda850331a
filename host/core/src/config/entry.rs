//! The value of one key, as the type that it has to be.

use std::ops::RangeInclusive;

use toml::de::{DeInteger, DeValue};

use super::check::{Check, shortened};
use super::diagnostic::Diagnostic;
use super::place::{Place, Placed};
use super::suggestion::nearest;
use super::table::{Entry, kind, list};

impl Entry<'_> {
    /// A complaint about the value.
    pub(super) fn diagnostic(&self, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::new(Place::Span(self.span.clone()), message)
    }

    /// Complains that the value is not what was expected, such as "an integer".
    pub(super) fn wrong_type(&self, expected: &str, check: &mut Check<'_>) {
        check.push(wrong_type(&self.name, self.value, Place::Span(self.span.clone()), expected));
    }

    /// The value as a string.
    pub(super) fn string(&self, check: &mut Check<'_>) -> Option<Placed<String>> {
        if let DeValue::String(text) = self.value {
            return Some(Placed::at(text.to_string(), self.span.clone()));
        }
        self.wrong_type("a string", check);
        None
    }

    /// The value as a boolean.
    pub(super) fn boolean(&self, check: &mut Check<'_>) -> Option<Placed<bool>> {
        if let DeValue::Boolean(value) = self.value {
            return Some(Placed::at(*value, self.span.clone()));
        }
        self.wrong_type("true or false", check);
        None
    }

    /// The value as an integer within a range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>, check: &mut Check<'_>) -> Option<Placed<u64>> {
        let place = Place::Span(self.span.clone());
        match whole(&self.name, self.value, &place, &range) {
            Ok(number) => Some(Placed::new(number, place)),
            Err(diagnostic) => {
                check.push(diagnostic);
                None
            }
        }
    }

    /// The value as one of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        what: &str,
        choices: &[(&'static str, T)],
        check: &mut Check<'_>,
    ) -> Option<Placed<T>> {
        let written = self.string(check)?;
        choice(&self.name, &written, what, choices, check).map(|chosen| Placed::new(chosen, written.place))
    }
}

/// One of a few words, or a complaint that lists them.
pub(super) fn choice<T: Copy>(
    name: &str,
    written: &Placed<String>,
    what: &str,
    choices: &[(&'static str, T)],
    check: &mut Check<'_>,
) -> Option<T> {
    if let Some((_, chosen)) = choices.iter().find(|(word, _)| word == &written.value) {
        return Some(*chosen);
    }
    let words = || choices.iter().map(|(word, _)| *word);
    let mut diagnostic = Diagnostic::new(
        written.place.clone(),
        format!("{name} is \"{}\", which is not a {what}", shortened(&written.value)),
    )
    .label(format!("not a {what}"));
    if let Some(meant) = nearest(&written.value, words()) {
        diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
    }
    check.push(diagnostic.help(format!("the {what}s are {}", list(words(), "and"))));
    None
}

/// An integer within a range, or a complaint that calls it `name`.
pub(super) fn whole(
    name: &str,
    value: &DeValue<'_>,
    place: &Place,
    range: &RangeInclusive<u64>,
) -> Result<u64, Diagnostic> {
    let DeValue::Integer(written) = value else {
        return Err(wrong_type(name, value, place.clone(), "an integer"));
    };
    if let Some(number) = integer(written).and_then(|number| u64::try_from(number).ok())
        && range.contains(&number)
    {
        return Ok(number);
    }
    let bounds = format!("from {} to {}", range.start(), range.end());
    let message = format!("{name} is {}, which is out of range", shortened(&written.to_string()));
    Err(Diagnostic::new(place.clone(), message)
        .label(format!("expected an integer {bounds}"))
        .help(format!("give an integer {bounds}")))
}

/// A complaint that a value is not what was expected.
pub(super) fn wrong_type(name: &str, value: &DeValue<'_>, place: Place, expected: &str) -> Diagnostic {
    Diagnostic::new(place, format!("{name} is {}, not {expected}", kind(value))).label(format!("expected {expected}"))
}

/// The number, or none where it takes more than 128 bits.
pub(super) fn integer(written: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(written.as_str(), written.radix()).ok()
}
