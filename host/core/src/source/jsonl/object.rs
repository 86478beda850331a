//! Reads a line as an object, entry by entry.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::super::error::SourceErrorKind;
use super::messages::malformed;
use super::nan::Replaced;
use super::row_error::RowError;
use crate::format::NanTokens;
use crate::text::shown;

/// Checks that a row, which is not blank, starts like an object.
pub(super) fn check_start(row: &str) -> Result<(), RowError> {
    let start = row.trim_ascii_start();
    if start.starts_with('{') {
        return Ok(());
    }
    if start.starts_with(['\u{feff}', '\0']) {
        let error = serde_json::from_str::<serde::de::IgnoredAny>(row).err();
        let replaced = Replaced::new(row, NanTokens::Error);
        return error.map_or(Ok(()), |error| Err(malformed(row, &replaced, &error)));
    }
    let found = shown(start.trim_ascii_end());
    Err(SourceErrorKind::NotAnObject { found }.into())
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
