use serde_json::Value;

use super::Parameters;
use crate::Error;

/// The mistakes in a step's parameters.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    /// Adds a value of the wrong type, and returns `None`.
    pub fn wrong_type<T>(&mut self, at: &str, expected: &str, value: &Value) -> Option<T> {
        let found = describe(value);
        self.add(match at {
            "" => format!("the parameters must be {expected}, not {found}"),
            _ => format!("`{at}` must be {expected}, not {found}"),
        });
        None
    }

    /// Adds a value that is not one of the allowed names, and returns `None`.
    pub fn unknown_name<T>(&mut self, at: &str, names: &[&str], value: &Value) -> Option<T> {
        let Value::String(name) = value else { return self.wrong_type(at, "a text", value) };
        let suggestion = suggestion(name, names.iter().copied());
        self.add(format!("`{at}` cannot be {name:?}{suggestion}"));
        None
    }

    /// Runs the check of an object inside the parameters. The check of the outermost object runs later, if there are no other
    /// problems.
    pub fn check<P: Parameters>(&mut self, at: &str, parameters: &P) {
        if at.is_empty() {
            return;
        }
        if let Err(error) = parameters.check() {
            self.add(format!("`{at}`: {error:#}"));
        }
    }

    /// Returns an error that lists all problems, or `None` if there are none.
    pub(super) fn into_error(self) -> Option<Error> {
        (!self.0.is_empty()).then(|| Error::parameters(self.0.join("; ")))
    }
}

/// Describes a JSON value, short enough for a message.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => quote(value),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Quotes a text, truncated to 40 characters.
fn quote(value: &str) -> String {
    const MAX_CHARS: usize = 40;
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("the text {:?}...", &value[..end]),
        None => format!("the text {value:?}"),
    }
}

/// Returns the end of a message about an unknown name: the most similar name, or all known names.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 1 + nearest.len() / 4 => format!(", did you mean `{nearest}`?"),
        Some(_) => {
            let names: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            format!("; expected {}{}", if names.len() == 1 { "" } else { "one of " }, names.join(", "))
        }
        None => "; no parameters are expected".to_owned(),
    }
}

/// Returns the Levenshtein distance: the number of characters to insert, delete or replace to turn one name into the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, left) in one.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(distance("min-words", "min-words"), 0);
        assert_eq!(distance("min-word", "min-words"), 1);
        assert_eq!(distance("nim-words", "min-words"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn a_similar_name_is_suggested_and_otherwise_all_names_are_listed() {
        let known = ["column", "min-words"];
        assert_eq!(suggestion("colum", known.into_iter()), ", did you mean `column`?");
        assert_eq!(suggestion("language", known.into_iter()), "; expected one of `column`, `min-words`");
        assert_eq!(suggestion("language", [].into_iter()), "; no parameters are expected");
    }

    #[test]
    fn a_long_text_is_truncated_between_characters() {
        assert_eq!(quote(&"ä".repeat(50)), format!("the text \"{}\"...", "ä".repeat(40)));
    }
}
