use regex::{Error, Regex, RegexBuilder};
use stillbox_sdk::parameters::{Bounds, ParameterValue, Problems};
use stillbox_sdk::serde_json::Value;

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

    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the pattern.
    pub fn compile(source: &str) -> Result<Self, String> {
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
}

/// The last line of the message, which has the reason; the lines before it show the pattern.
fn reason(error: &Error) -> String {
    let message = error.to_string();
    let reason = message.lines().last().unwrap_or_default();
    reason.trim().trim_start_matches("error: ").to_owned()
}

impl ParameterValue for Pattern {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        let source = String::read(value, at, problems)?;
        match Self::compile(&source) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                problems.add(format!("`{at}` {problem}"));
                None
            }
        }
    }

    fn schema(out: &mut String, bounds: &Bounds) {
        String::schema(out, bounds);
    }

    fn write(&self, out: &mut String) {
        self.0.as_str().to_owned().write(out);
    }
}
