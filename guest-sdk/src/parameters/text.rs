use serde_json::Value;

use super::{Bounds, ParameterValue, Problems};

/// A parameter that is written as a text and kept as what the text means, such as a pattern that is compiled once, when
/// the step is bound.
///
/// ```
/// use stillbox_sdk::parameters::TextParameter;
///
/// struct Separator(String);
///
/// impl TextParameter for Separator {
///     fn parse(text: &str) -> Result<Self, String> {
///         match text {
///             "" => Err("is empty".to_owned()),
///             _ => Ok(Self(text.to_owned())),
///         }
///     }
///
///     fn source(&self) -> &str {
///         &self.0
///     }
/// }
/// ```
pub trait TextParameter: Sized {
    /// Reads the text.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the parameter's name.
    fn parse(text: &str) -> Result<Self, String>;

    /// The text that it was read from.
    fn source(&self) -> &str;
}

impl<T: TextParameter> ParameterValue for T {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        let text = String::read(value, at, problems)?;
        Self::parse(&text).map_err(|problem| problems.add(format!("`{at}` {problem}"))).ok()
    }

    fn schema(out: &mut String, bounds: &Bounds) {
        String::schema(out, bounds);
    }

    fn write(&self, out: &mut String) {
        self.source().to_owned().write(out);
    }
}
