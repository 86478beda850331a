mod key;
mod parts;
mod value;

use serde_core::Deserialize;

use crate::Result;
pub use value::{JsonType, JsonValue};

/// The unparsed text of a JSON value in a `json` column.
///
/// As an input it borrows from the column. As an output it is not checked by the SDK: if it is not JSON, the host fails the
/// batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Wraps a JSON text, without checking it.
    pub const fn from_text(text: &'a str) -> Self {
        Self(text)
    }

    /// Returns the JSON text.
    pub const fn text(self) -> &'a str {
        self.0
    }

    /// Deserializes the value, for example to a [`serde_json::Value`] or to a type with `#[derive(Deserialize)]`.
    ///
    /// # Errors
    /// The text is not JSON, or the value does not have that type.
    #[track_caller]
    pub fn parse<T: Deserialize<'a>>(self) -> Result<T> {
        match serde_json::from_str(self.0) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into()),
        }
    }
}
