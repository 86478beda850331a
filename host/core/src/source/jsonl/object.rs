//! Reads a line as an object, entry by entry.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::super::error::SourceErrorKind;
use crate::text::shown;

/// Returns whether a byte is white space between JSON tokens.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns whether a line has only white space.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().copied().all(is_space)
}

/// Checks that a line, which is not blank, starts like an object.
pub(crate) fn check_start(line: &str) -> Result<(), SourceErrorKind> {
    let start = line.trim_ascii_start();
    if start.starts_with('{') {
        return Ok(());
    }
    let found = shown(start.trim_ascii_end());
    Err(SourceErrorKind::NotAnObject { found })
}

/// Returns the message of the JSON parser, without the position.
pub(crate) fn diagnostic(error: &serde_json::Error) -> String {
    let mut reason = error.to_string();
    if let Some(end) = reason.rfind(" at line ") {
        reason.truncate(end);
    }
    shown(&reason)
}

/// Returns the error for a line that is not JSON, and the byte in the line, from 1.
pub(crate) fn malformed(error: &serde_json::Error) -> (SourceErrorKind, u64) {
    (SourceErrorKind::Json { reason: diagnostic(error) }, error.column().max(1) as u64)
}

/// Calls `entry` with every key and the text of its value, in order. `entry` returns false to stop, which is not an
/// error.
///
/// # Errors
///
/// The line is not a JSON object.
pub(crate) fn for_each_entry<'a>(
    line: &'a str,
    entry: impl FnMut(&str, &'a str) -> bool,
) -> Result<(), serde_json::Error> {
    let mut stopped = false;
    let mut deserializer = Deserializer::from_str(line);
    match deserializer.deserialize_map(ObjectVisitor { entry, stopped: &mut stopped }) {
        Err(_) if stopped => Ok(()),
        Err(error) => Err(error),
        Ok(()) => deserializer.end(),
    }
}

struct ObjectVisitor<'s, F> {
    entry: F,
    stopped: &'s mut bool,
}

impl<'de, F: FnMut(&str, &'de str) -> bool> Visitor<'de> for ObjectVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let value: &'de RawValue = map.next_value()?;
            if !(self.entry)(&key, value.get()) {
                *self.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// Reads a key, borrowed if it has no escapes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
