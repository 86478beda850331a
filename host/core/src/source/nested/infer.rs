//! Infers nested types from JSON texts.

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::number::{Number, is_exact, parse_number};
use crate::data_type::{DataType, NestedType};

/// Maximum number of keys of an inferred struct. Objects with more are dictionaries and stay JSON.
const MAX_KEYS: usize = 1000;

/// Maximum depth of an inferred type. Deeper values stay JSON.
const MAX_DEPTH: usize = 32;

/// The common type of the values so far.
#[derive(Debug, Clone, Default)]
pub(super) enum ObservedType {
    /// Only nulls.
    #[default]
    Null,
    /// Values of one type of the contract. `inexact` is whether an integer has no exact float.
    Plain { data_type: DataType, inexact: bool },
    /// Lists.
    List(Box<ObservedType>),
    /// Objects, with their keys in the order in which they first appeared.
    Struct(Vec<(String, ObservedType)>),
}

impl ObservedType {
    const JSON: Self = Self::Plain { data_type: DataType::Json, inexact: false };

    /// Adds a JSON value.
    pub(super) fn add(&mut self, text: &str) {
        self.add_at(text, 0);
    }

    fn add_at(&mut self, text: &str, depth: usize) {
        let plain = |data_type, inexact| Self::Plain { data_type, inexact };
        if matches!(self, Self::Plain { data_type: DataType::Json, .. }) {
            return;
        }
        let found = match text.as_bytes().first() {
            Some(b'n') => return,
            Some(b't' | b'f') => plain(DataType::Boolean, false),
            Some(b'"') => plain(DataType::Text, false),
            Some(b'[' | b'{') if depth >= MAX_DEPTH => Self::JSON,
            Some(b'[') => {
                if matches!(self, Self::Null) {
                    *self = Self::List(Box::default());
                }
                let is_list = match self {
                    Self::List(element) => each_element(text, |value| element.add_at(value, depth + 1)),
                    _ => false,
                };
                if !is_list {
                    *self = Self::JSON;
                }
                return;
            }
            Some(b'{') => return self.add_object(text, depth),
            _ => match parse_number(text) {
                Some(Number::Integer(integer)) => plain(DataType::Integer, !is_exact(integer)),
                Some(Number::Float(_)) => plain(DataType::Float, false),
                Some(Number::Large | Number::Overflow) | None => Self::JSON,
            },
        };
        self.merge(found);
    }

    fn add_object(&mut self, text: &str, depth: usize) {
        if matches!(self, Self::Null) {
            *self = Self::Struct(Vec::new());
        }
        let Self::Struct(fields) = self else {
            *self = Self::JSON;
            return;
        };
        let mut seen: Vec<usize> = Vec::new();
        let is_struct = each_member(text, |key, value| {
            let index = fields.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                fields.push((key.to_owned(), Self::Null));
                fields.len() - 1
            });
            // A struct has a key once.
            let is_new = !seen.contains(&index);
            seen.push(index);
            fields[index].1.add_at(value, depth + 1);
            is_new && fields.len() <= MAX_KEYS
        });
        if !is_struct {
            *self = Self::JSON;
        }
    }

    fn merge(&mut self, found: Self) {
        let (Self::Plain { data_type: new, inexact: also }, before) = (&found, &*self) else {
            *self = Self::JSON;
            return;
        };
        *self = match before {
            Self::Null => found,
            Self::Plain { data_type, inexact } => {
                let inexact = *inexact || *also;
                match (*data_type, *new) {
                    (before, new) if before == new => Self::Plain { data_type: new, inexact },
                    (DataType::Integer, DataType::Float) | (DataType::Float, DataType::Integer) => {
                        Self::Plain { data_type: DataType::Float, inexact }
                    }
                    _ => Self::JSON,
                }
            }
            _ => Self::JSON,
        };
    }

    /// Returns the type. Values that are always null, and objects that are always empty, are JSON.
    pub(super) fn into_type(self) -> NestedType {
        let json = NestedType::Plain(DataType::Json);
        match self {
            Self::Null | Self::Plain { data_type: DataType::Float, inexact: true } => json,
            Self::Plain { data_type, .. } => NestedType::Plain(data_type),
            Self::List(element) => NestedType::List(Box::new(element.into_type())),
            Self::Struct(fields) if fields.is_empty() => json,
            Self::Struct(fields) => {
                NestedType::Struct(fields.into_iter().map(|(name, field)| (name, field.into_type())).collect())
            }
        }
    }
}

/// Calls a function with each element of a list, and returns whether the text is a list.
fn each_element(text: &str, each: impl FnMut(&str)) -> bool {
    serde_json::Deserializer::from_str(text).deserialize_seq(Elements(each)).is_ok()
}

/// Calls a function with each key and value of an object until it returns false. Returns whether it never did.
fn each_member(text: &str, each: impl FnMut(&str, &str) -> bool) -> bool {
    serde_json::Deserializer::from_str(text).deserialize_map(MemberVisitor(each)).unwrap_or(false)
}

struct Elements<F>(F);

impl<'de, F: FnMut(&str)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<&RawValue>()? {
            (self.0)(value.get());
        }
        Ok(())
    }
}

struct MemberVisitor<F>(F);

impl<'de, F: FnMut(&str, &str) -> bool> Visitor<'de> for MemberVisitor<F> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        let mut is_struct = true;
        while let Some(key) = map.next_key::<String>()? {
            if is_struct {
                is_struct = (self.0)(&key, map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(is_struct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(texts: &[&str]) -> String {
        let mut observed = ObservedType::default();
        for text in texts {
            observed.add(text);
        }
        observed.into_type().to_string()
    }

    #[test]
    fn types_are_inferred_from_all_values() {
        let messages = [r#"[{"role":"user"}]"#, "null", r#"[{"content":"x","role":null},null]"#];
        assert_eq!(inferred(&messages), "list<struct<role: text, content: text>>");
        assert_eq!(inferred(&["[1]", "[2.5]", "[]"]), "list<float>");
        assert_eq!(inferred(&["{\"a\":{\"b\":[true]}}"]), "struct<a: struct<b: list<boolean>>>");
    }

    #[test]
    fn values_without_a_common_type_are_json() {
        assert_eq!(inferred(&["[1]", "[\"x\"]"]), "list<json>");
        assert_eq!(inferred(&["[1]", "{}"]), "json");
        assert_eq!(inferred(&["[]"]), "list<json>");
        assert_eq!(inferred(&["{}"]), "json");
        assert_eq!(inferred(&["[9007199254740993]", "[0.5]"]), "list<json>");
        assert_eq!(inferred(&["{\"a\":1,\"a\":2}"]), "json");
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(inferred(&[&deep]).ends_with(&format!("list<json{}", ">".repeat(32))));
    }
}
