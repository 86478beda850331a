mod key;
mod parts;
mod value;

use serde_core::Deserialize;

use crate::Result;
pub use value::{JsonType, JsonValue};

/// A JSON value as it stands in a `json` column: its text, not yet parsed.
///
/// As an input it borrows the column. As an output its text is taken at its word: the host refuses what is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Takes a text for JSON. It is not checked.
    pub const fn from_text(text: &'a str) -> Self {
        Self(text)
    }

    /// The JSON text.
    pub const fn text(self) -> &'a str {
        self.0
    }

    /// Reads the value into a type, such as [`serde_json::Value`] or what `serde` derives.
    ///
    /// # Errors
    /// The text is not JSON, or the value is not of that type.
    #[track_caller]
    pub fn parse<T: Deserialize<'a>>(self) -> Result<T> {
        match serde_json::from_str(self.0) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into()),
        }
    }
}
