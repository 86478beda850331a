//! Regular expressions as parameters of steps.

use regex::{Error, Regex, RegexBuilder};
use stillbox_sdk::parameters::TextParameter;

/// The limit of the length of a pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 10_000;
/// The limit of the size of a compiled pattern, in bytes. A short pattern such as `(a{1000}){1000}` can compile to gigabytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression, compiled once for all rows of a batch.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Returns the compiled expression.
    pub const fn regex(&self) -> &Regex {
        &self.0
    }
}

stillbox_sdk::text_parameter!(Pattern);

impl TextParameter for Pattern {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_PATTERN_BYTES {
            return Err(format!("has {} bytes, more than the limit of {MAX_PATTERN_BYTES}", source.len()));
        }
        match RegexBuilder::new(source).size_limit(MAX_COMPILED_BYTES).build() {
            Ok(regex) => Ok(Self(regex)),
            Err(Error::CompiledTooBig(limit)) => {
                Err(format!("is too large: compiled, it takes more than {limit} bytes"))
            }
            Err(error) => Err(format!("is not a regular expression: {}", reason(&error))),
        }
    }

    fn source(&self) -> &str {
        self.0.as_str()
    }
}

/// Returns the last line of the message, which is the reason. The lines before it show the pattern.
fn reason(error: &Error) -> String {
    let message = error.to_string();
    let reason = message.lines().last().unwrap_or_default();
    reason.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_pattern_is_rejected_with_a_message_of_one_line() {
        let problem = |source: &str| Pattern::parse(source).map(|_| ()).unwrap_err();
        assert_eq!(problem("a("), "is not a regular expression: unclosed group");
        assert_eq!(problem(&"a".repeat(10_001)), "has 10001 bytes, more than the limit of 10000");
        assert!(problem("(a{1000}){1000}").starts_with("is too large: compiled, it takes more than "));
        assert_eq!(Pattern::parse("^a$").map(|pattern| pattern.source().to_owned()).unwrap(), "^a$");
    }
}
