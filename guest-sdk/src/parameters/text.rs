use serde_json::Value;

use super::{ParameterValue, Problems};

/// A parameter that is written as a text and parsed once, when the step is bound, such as a regular expression.
/// [`text_parameter!`](crate::text_parameter) then implements [`ParameterValue`] for the type.
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
///
/// stillbox_sdk::text_parameter!(Separator);
/// ```
pub trait TextParameter: Sized {
    /// Parses the text.
    ///
    /// # Errors
    /// The text is invalid. The message continues a sentence that begins with the parameter's name, such as "is empty".
    fn parse(text: &str) -> Result<Self, String>;

    /// Returns the text that the value was parsed from.
    fn source(&self) -> &str;
}

/// Implements [`ParameterValue`](crate::parameters::ParameterValue) for a
/// [`TextParameter`](crate::parameters::TextParameter).
// Not a blanket implementation, because the compiler would then suggest `TextParameter` for every unsupported type.
#[macro_export]
macro_rules! text_parameter {
    ($type:ty) => {
        impl $crate::parameters::ParameterValue for $type {
            fn read(
                value: &$crate::serde_json::Value,
                at: &str,
                problems: &mut $crate::parameters::Problems,
            ) -> ::core::option::Option<Self> {
                $crate::parameters::read_text(value, at, problems)
            }

            fn schema(out: &mut ::std::string::String, bounds: &$crate::parameters::Bounds) {
                <::std::string::String as $crate::parameters::ParameterValue>::schema(out, bounds);
            }

            fn write(&self, out: &mut ::std::string::String) {
                $crate::parameters::write_text(self, out);
            }
        }
    };
}

/// Reads a parameter for [`text_parameter!`](crate::text_parameter).
#[doc(hidden)]
pub fn read_text<T: TextParameter>(value: &Value, at: &str, problems: &mut Problems) -> Option<T> {
    let text = String::read(value, at, problems)?;
    T::parse(&text).map_err(|problem| problems.add(format!("`{at}` {problem}"))).ok()
}

/// Writes a parameter for [`text_parameter!`](crate::text_parameter).
#[doc(hidden)]
pub fn write_text(value: &impl TextParameter, out: &mut String) {
    value.source().to_owned().write(out);
}
