//! Regular expressions as parameters of steps.

use regex::{Error, Regex, RegexBuilder};
use stillbox_sdk::parameters::TextParameter;

/// The most bytes that a pattern may have.
const LONGEST: usize = 10_000;
/// The most bytes that a compiled pattern may take: `(a{1000}){1000}` is short, and enormous.
const LARGEST: usize = 1 << 20;

/// A regular expression, compiled once for all rows of a batch.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// The compiled expression.
    pub const fn regex(&self) -> &Regex {
        &self.0
    }
}

stillbox_sdk::text_parameter!(Pattern);

impl TextParameter for Pattern {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("has {} bytes, and may have {LONGEST}", source.len()));
        }
        match RegexBuilder::new(source).size_limit(LARGEST).build() {
            Ok(regex) => Ok(Self(regex)),
            Err(Error::CompiledTooBig(limit)) => {
                Err(format!("is too large: compiled it takes more than {limit} bytes"))
            }
            Err(error) => Err(format!("is no regular expression: {}", reason(&error))),
        }
    }

    fn source(&self) -> &str {
        self.0.as_str()
    }
}

/// The last line of the message, which has the reason; the lines before it show the pattern.
fn reason(error: &Error) -> String {
    let message = error.to_string();
    let reason = message.lines().last().unwrap_or_default();
    reason.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pattern_is_refused_in_a_line() {
        let problem = |source: &str| Pattern::parse(source).map(|_| ()).unwrap_err();
        assert_eq!(problem("a("), "is no regular expression: unclosed group");
        assert_eq!(problem(&"a".repeat(10_001)), "has 10001 bytes, and may have 10000");
        assert!(problem("(a{1000}){1000}").starts_with("is too large: compiled it takes more than "));
        assert_eq!(Pattern::parse("^a$").map(|pattern| pattern.source().to_owned()).unwrap(), "^a$");
    }
}
