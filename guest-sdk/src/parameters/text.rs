use serde_json::Value;

use super::{ParameterValue, Problems};

/// A parameter that is written as a text and kept as what the text means, such as a pattern that is compiled once, when
/// the step is bound. [`text_parameter!`](crate::text_parameter) makes it a type that a parameter can have.
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
    /// Reads the text.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the parameter's name.
    fn parse(text: &str) -> Result<Self, String>;

    /// The text that it was read from.
    fn source(&self) -> &str;
}

/// Makes a [`TextParameter`](crate::parameters::TextParameter) a type that a parameter can have.
// For all of them at once the compiler would ask for this trait wherever a type is no parameter at all.
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

/// What [`text_parameter!`](crate::text_parameter) reads by.
#[doc(hidden)]
pub fn read_text<T: TextParameter>(value: &Value, at: &str, problems: &mut Problems) -> Option<T> {
    let text = String::read(value, at, problems)?;
    T::parse(&text).map_err(|problem| problems.add(format!("`{at}` {problem}"))).ok()
}

/// What [`text_parameter!`](crate::text_parameter) writes by.
#[doc(hidden)]
pub fn write_text(value: &impl TextParameter, out: &mut String) {
    value.source().to_owned().write(out);
}
