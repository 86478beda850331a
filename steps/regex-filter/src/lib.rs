//! The step `regex-filter`.

pub use stillbox_pattern::Pattern;
use stillbox_sdk::{Input, Parameters, Result, drop, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column with the texts.
    pub column: String,
    /// The regular expression, in the syntax of the Rust crate `regex`, without look-around and back-references. It may match
    /// anywhere in the text; `^` and `$` anchor it to the ends. At most 10,000 bytes.
    pub pattern: Pattern,
    /// The rows to keep: `matching`, or the `others`. A null does not match.
    #[parameter(default = Keep::Matching)]
    pub keep: Keep,
}

/// The rows to keep.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Keep {
    /// The rows whose text matches.
    Matching,
    /// The rows whose text does not match.
    Others,
}

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: Option<&'a str>,
}

/// Keeps the rows whose text matches a regular expression, or the rows whose text does not.
#[step]
pub fn regex_filter(parameters: &Parameters, row: Row<'_>) -> Result<bool> {
    let matches = row.text.is_some_and(|text| parameters.pattern.regex().is_match(text));
    match parameters.keep {
        Keep::Matching if row.text.is_none() => drop!("null"),
        Keep::Matching if !matches => drop!("does not match"),
        Keep::Others if matches => drop!("matches"),
        Keep::Matching | Keep::Others => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column};

    use super::*;

    fn kept(parameters: &str) -> Vec<u32> {
        let mut step = bind::<regex_filter>(&format!(r#"{{"column": "text", {parameters}}}"#)).unwrap();
        let texts = [Some("abc"), Some(""), None, Some("ÄBC\nx"), Some("42")];
        let output = step.process(&batch([column("text", texts)])).unwrap();
        output.origins.unwrap_or_else(|| (0..output.rows).collect())
    }

    #[test]
    fn a_pattern_may_match_anywhere_in_the_text() {
        assert_eq!(kept(r#""pattern": "bc""#), [0]);
        assert_eq!(kept(r#""pattern": "(?i)äbc""#), [3]);
        assert_eq!(kept(r#""pattern": "^\\w+$""#), [0, 4]);
        assert_eq!(kept(r#""pattern": "(?m)^x$""#), [3]);
        assert_eq!(kept(r#""pattern": "\\p{Lu}\\p{Latin}""#), [3]);
        assert_eq!(kept(r#""pattern": """#), [0, 1, 3, 4]);
    }

    #[test]
    fn others_keeps_all_rows_that_do_not_match() {
        assert_eq!(kept(r#""pattern": "\\d", "keep": "others""#), [0, 1, 2, 3]);
    }

    #[test]
    fn an_invalid_or_too_large_pattern_is_rejected() {
        let message = |pattern: &str| {
            let parameters = stillbox_sdk::serde_json::json!({"column": "text", "pattern": pattern});
            bind::<regex_filter>(&parameters.to_string()).unwrap_err().message
        };
        assert!(message("a(b").starts_with("`pattern` is not a regular expression: "), "{}", message("a(b"));
        assert_eq!(
            message("((a{1000}){1000}){1000}"),
            "`pattern` is too large: compiled, it takes more than 1048576 bytes"
        );
        assert_eq!(message(&"a".repeat(10_001)), "`pattern` has 10001 bytes, more than the limit of 10000");
        let nested = format!("{}a{}", "(".repeat(2000), ")".repeat(2000));
        assert!(message(&nested).starts_with("`pattern` is not a regular expression: "), "{}", message(&nested));
    }
}
