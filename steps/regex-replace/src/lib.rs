//! The step `regex-replace`.

mod references;

use std::borrow::Cow;

pub use stillbox_pattern::Pattern;
use stillbox_sdk::any::{AnyOutput, AnyValue, DataType, Field};
use stillbox_sdk::{Input, Parameters, Result, ensure, step};

/// The most bytes that a replacement may have. It is copied for each match.
const LONGEST_REPLACEMENT: usize = 65_536;

/// What the step is told.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_replacement, outputs = Self::outputs)]
pub struct Parameters {
    /// The column whose texts are searched.
    pub column: String,
    /// The regular expression, in the syntax of the Rust crate `regex`: no look-around, no references back, and time linear in
    /// the text. At most 10,000 bytes.
    pub pattern: Pattern,
    /// What stands in the place of each match. `$1` and `${name}` stand for what a group matched, `$0` for the match, `$$` for
    /// `$`. At most 65,536 bytes.
    pub replacement: String,
    /// The column that the text goes to. `column` is replaced, unless given.
    pub into: Option<String>,
    /// The most matches to replace in a text, from its beginning. All, unless given.
    #[parameter(min = 1)]
    pub limit: Option<u32>,
}

impl Parameters {
    fn check_replacement(&self) -> Result<()> {
        let length = self.replacement.len();
        ensure!(length <= LONGEST_REPLACEMENT, "`replacement` has {length} bytes, and may have {LONGEST_REPLACEMENT}");
        // The crate would put nothing in the place of a group that there is not.
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

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: Option<&'a str>,
}

/// What the step writes.
/// Replaces what a regular expression matches in a text.
#[step]
pub fn regex_replace<'a>(parameters: &Parameters, row: Row<'a>) -> Result<AnyOutput<'a>> {
    let text = row.text.map(|text| replace(parameters, text));
    Ok(text.map_or(AnyValue::Null, AnyValue::Text).into())
}

/// A text with its matches replaced.
pub fn replace<'a>(parameters: &Parameters, text: &'a str) -> Cow<'a, str> {
    // The crate takes 0 for all.
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
    fn a_group_that_there_is_not_is_refused() {
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
        assert_eq!(message(&"x".repeat(70_000)), Err("`replacement` has 70000 bytes, and may have 65536".to_owned()));
    }
}
