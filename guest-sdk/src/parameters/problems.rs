use serde_json::Value;

use super::Parameters;
use crate::Error;

/// Everything that is wrong with the parameters.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    /// Adds that a parameter has a value of another type, and gives none in its place.
    pub fn wrong<T>(&mut self, at: &str, expected: &str, value: &Value) -> Option<T> {
        let found = found(value);
        self.add(match at {
            "" => format!("the parameters must be {expected}, not {found}"),
            _ => format!("`{at}` must be {expected}, not {found}"),
        });
        None
    }

    /// Adds that a parameter is none of the names there are, and gives none in its place.
    pub fn no_such<T>(&mut self, at: &str, names: &[&str], value: &Value) -> Option<T> {
        let Value::String(name) = value else { return self.wrong(at, "a text", value) };
        let suggestion = suggestion(name, names.iter().copied());
        self.add(format!("`{at}` cannot be {name:?}{suggestion}"));
        None
    }

    /// Checks what concerns several parameters of an object inside the parameters. The parameters themselves are checked
    /// once all of them are sound.
    pub fn check<P: Parameters>(&mut self, at: &str, parameters: &P) {
        if at.is_empty() {
            return;
        }
        if let Err(error) = parameters.check() {
            self.add(format!("`{at}`: {error:#}"));
        }
    }

    /// The error that lists them all, if there are any.
    pub(super) fn into_error(self) -> Option<Error> {
        (!self.0.is_empty()).then(|| Error::parameters(self.0.join("; ")))
    }
}

/// A JSON value in words, short enough for a message.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => text(value),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A text in quotes. Long ones are cut, as nobody looks for the fault at their end.
fn text(value: &str) -> String {
    const LONGEST: usize = 40;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("the text {:?}...", &value[..end]),
        None => format!("the text {value:?}"),
    }
}

/// What to add to a message about a name that isn't among those there are.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().map(|known| (distance(name, known), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 1 + nearest.len() / 4 => format!(", did you mean `{nearest}`?"),
        Some(_) => {
            let names: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            format!("; there is {}", names.join(", "))
        }
        None => "; there is none at all".to_owned(),
    }
}

/// How many characters to insert, delete or replace to come from one name to the other (Levenshtein's distance).
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
    fn a_near_name_is_suggested_and_otherwise_all_are_listed() {
        let known = ["column", "min-words"];
        assert_eq!(suggestion("colum", known.into_iter()), ", did you mean `column`?");
        assert_eq!(suggestion("language", known.into_iter()), "; there is `column`, `min-words`");
        assert_eq!(suggestion("language", [].into_iter()), "; there is none at all");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(text(&"ä".repeat(50)), format!("the text \"{}\"...", "ä".repeat(40)));
    }
}
