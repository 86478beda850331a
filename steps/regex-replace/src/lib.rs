//! The step `regex-replace`.

mod references;

use std::borrow::Cow;

pub use stillbox_pattern::Pattern;
use stillbox_sdk::any::{AnyOutput, AnyValue, DataType, Field};
use stillbox_sdk::{Input, Parameters, Result, ensure, step};

/// The limit of the length of a replacement, in bytes, because it is copied for each match.
const MAX_REPLACEMENT_BYTES: usize = 65_536;

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_replacement, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the texts.
    pub column: String,
    /// The regular expression, in the syntax of the Rust crate `regex`, without look-around and back-references. At most 10,000
    /// bytes.
    pub pattern: Pattern,
    /// The replacement of each match. `$1` and `${name}` insert the match of a group, `$0` the whole match, `$$` a `$`. At most
    /// 65,536 bytes.
    pub replacement: String,
    /// The output column. By default `column` is replaced.
    pub into: Option<String>,
    /// The largest number of matches to replace in a text, from its beginning. By default there is no limit.
    #[parameter(min = 1)]
    pub limit: Option<u32>,
}

impl Parameters {
    fn check_replacement(&self) -> Result<()> {
        let length = self.replacement.len();
        ensure!(
            length <= MAX_REPLACEMENT_BYTES,
            "`replacement` has {length} bytes, more than the limit of {MAX_REPLACEMENT_BYTES}"
        );
        // `regex` would silently insert an empty text for an unknown group.
        for name in references::references(&self.replacement) {
            let regex = self.pattern.regex();
            let is_known = match name.parse::<usize>() {
                Ok(number) => number < regex.captures_len(),
                Err(_) => regex.capture_names().flatten().any(|known| known == name),
            };
            ensure!(
                is_known,
                "`replacement` names the group {name:?}, which `pattern` does not have; write `$$` for `$`"
            );
        }
        Ok(())
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(self.into.as_ref().unwrap_or(&self.column), DataType::Text)]
    }
}

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: Option<&'a str>,
}

/// Replaces the matches of a regular expression in a text.
#[step]
pub fn regex_replace<'a>(parameters: &Parameters, row: Row<'a>) -> Result<AnyOutput<'a>> {
    let text = row.text.map(|text| replace(parameters, text));
    Ok(text.map_or(AnyValue::Null, AnyValue::Text).into())
}

/// Returns a text with its matches replaced.
pub fn replace<'a>(parameters: &Parameters, text: &'a str) -> Cow<'a, str> {
    // `regex` replaces all matches for a limit of 0.
    let limit = parameters.limit.map_or(0, |limit| limit as usize);
    parameters.pattern.regex().replacen(text, limit, parameters.replacement.as_str())
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    fn replaced(parameters: &str, text: &str) -> Option<String> {
        let mut step = bind::<regex_replace>(&format!(r#"{{"column": "text", {parameters}}}"#)).unwrap();
        let output = step.process(&batch([column("text", [Some(text), None])])).unwrap();
        let name = step.signature().outputs[0].name.clone();
        let mut texts = values::<Option<String>>(&output, &name).into_iter();
        let first = texts.next().unwrap();
        assert_eq!(texts.next(), Some(None));
        first
    }

    #[test]
    fn matches_are_replaced() {
        let swap = r#""pattern": "(?P<key>\\w+)=(\\w+)", "replacement": "$2=${key}""#;
        assert_eq!(replaced(swap, "ä=1, b=2").as_deref(), Some("1=ä, 2=b"));
        assert_eq!(replaced(&format!(r#"{swap}, "limit": 1, "into": "x""#), "a=1, b=2").as_deref(), Some("1=a, b=2"));
        assert_eq!(replaced(r#""pattern": "a", "replacement": "$$""#, "banana").as_deref(), Some("b$n$n$"));
        assert_eq!(replaced(r#""pattern": "", "replacement": "-""#, "äb").as_deref(), Some("-ä-b-"));
    }

    #[test]
    fn an_unknown_group_in_the_replacement_is_rejected() {
        let message = |replacement: &str| {
            let parameters = format!(r#"{{"column": "t", "pattern": "(a)(?P<b>b)", "replacement": {replacement:?}}}"#);
            bind::<regex_replace>(&parameters).map(|_| ()).map_err(|error| error.message)
        };
        assert_eq!(message("$0$1$2${b}$b"), Ok(()));
        let problem = |name: &str| {
            Err(format!("`replacement` names the group \"{name}\", which `pattern` does not have; write `$$` for `$`"))
        };
        assert_eq!(message("$3"), problem("3"));
        assert_eq!(message("$1st"), problem("1st"));
        assert_eq!(
            message(&"x".repeat(70_000)),
            Err("`replacement` has 70000 bytes, more than the limit of 65536".to_owned())
        );
    }
}
