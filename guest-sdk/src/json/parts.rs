//! The elements and members of a value, without parsing them.

use std::borrow::Cow;
use std::fmt;

use serde_core::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Json;
use crate::Result;

impl Json<'_> {
    /// Returns the elements of a list.
    ///
    /// ```
    /// use stillbox_sdk::Json;
    ///
    /// let elements: Vec<_> = Json::from_text("[1.0, [2]]").elements()?.iter().map(|element| element.text()).collect();
    /// assert_eq!(elements, ["1.0", "[2]"]);
    /// # Ok::<(), stillbox_sdk::Error>(())
    /// ```
    ///
    /// # Errors
    /// The value is not a list, or not JSON.
    #[track_caller]
    pub fn elements(self) -> Result<Vec<Self>> {
        let elements: Vec<&RawValue> = self.parse()?;
        Ok(elements.into_iter().map(|element| Self(element.get())).collect())
    }

    /// Returns the member of an object by its name, or `None`. If the name occurs more than once, the last member counts.
    ///
    /// ```
    /// use stillbox_sdk::Json;
    ///
    /// let json = Json::from_text(r#"{"a": {"b": 1}}"#);
    /// assert_eq!(json.member("a")?.map(Json::text), Some(r#"{"b": 1}"#));
    /// assert_eq!(json.member("b")?, None);
    /// # Ok::<(), stillbox_sdk::Error>(())
    /// ```
    ///
    /// # Errors
    /// The value is not an object, or not JSON.
    #[track_caller]
    pub fn member(self, name: &str) -> Result<Option<Self>> {
        let mut reader = serde_json::Deserializer::from_str(self.0);
        let found = reader.deserialize_map(Member(name)).and_then(|found| {
            reader.end()?;
            Ok(found)
        });
        match found {
            Ok(found) => Ok(found.map(|value| Self(value.get()))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Finds the member with a name.
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<&RawValue>()? {
            let key = Json(key.get()).text_value().ok_or_else(|| A::Error::custom("a key is not a text"))?;
            if key == self.0 {
                found = Some(members.next_value::<&RawValue>()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'a> Json<'a> {
    /// Returns the value of a JSON string, or `None` for any other value. A string without escapes is not copied.
    pub(super) fn text_value(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if inner.bytes().any(|byte| byte == b'\\' || byte == b'"') {
            serde_json::from_str(self.0).ok().map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }
}
