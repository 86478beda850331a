use super::Json;
use crate::{Error, Result};

impl Json<'_> {
    /// Appends a key: bytes that compare like the values, and are the same for equal values.
    ///
    /// The order of kinds is null, false, true, numbers, texts, lists, objects. Numbers compare by value, exactly and at any
    /// precision: `1` equals `1.0`. Texts compare by code point, lists and objects by their JSON text as it is written.
    ///
    /// No key is a prefix of another, so concatenated keys compare like tuples of values. Keys with all bits inverted compare in
    /// the opposite order. For a column whose values are not JSON in the host, use
    /// [`AnyRow::write_key`](crate::any::AnyRow::write_key).
    ///
    /// # Errors
    /// The text is not JSON, or a number has an exponent beyond 18 digits.
    pub fn write_key(self, out: &mut Vec<u8>) -> Result<()> {
        stillbox_key::json(self.text(), out).map_err(Error::input)
    }
}
