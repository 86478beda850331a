//! Declared types of nested values: `list<…>`, `struct<name: …>` and `map<…>`.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, Field, Fields};

use super::DataType;

/// Maximum depth of a declared type. Types of real data have a handful of levels.
const MAX_DEPTH: usize = 32;

/// A type that may be nested. Values are written to Parquet and Arrow as lists, structs and maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NestedType {
    /// A type of the contract, except vectors.
    Plain(DataType),
    /// Lists of values of one type.
    List(Box<Self>),
    /// Objects with these keys.
    Struct(Vec<(String, Self)>),
    /// Objects with any keys, and values of one type.
    Map(Box<Self>),
}

impl NestedType {
    /// Returns the Arrow field for this type. All values may be null.
    pub(crate) fn field(&self, name: &str) -> Field {
        let nested = |arrow| Field::new(name, arrow, true);
        match self {
            Self::Plain(data_type) => data_type.field(name, true),
            Self::List(element) => nested(ArrowType::List(Arc::new(element.field("element")))),
            Self::Struct(fields) => {
                nested(ArrowType::Struct(fields.iter().map(|(name, field)| field.field(name)).collect()))
            }
            Self::Map(value) => {
                let key = Field::new("key", ArrowType::Utf8, false);
                let entries = ArrowType::Struct(Fields::from(vec![key, value.field("value")]));
                nested(ArrowType::Map(Arc::new(Field::new("key_value", entries, false)), false))
            }
        }
    }

    /// Parses a type.
    ///
    /// # Errors
    /// The text is not a type. The message says what is wrong, and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let parsed = parser.parse_type(0)?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.unexpected("the end"));
        }
        Ok(parsed)
    }
}

impl fmt::Display for NestedType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(data_type) => data_type.fmt(f),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map(value) => write!(f, "map<{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    let is_plain = !name.is_empty() && name.chars().all(is_name);
                    if is_plain {
                        write!(f, "{separator}{name}: {field}")?;
                    } else {
                        write!(f, "{separator}{name:?}: {field}")?;
                    }
                }
                f.write_str(">")
            }
        }
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("{found:?}") };
        format!("at byte {} there is {found} instead of {wanted}", self.at + 1)
    }

    fn word(&mut self) -> &'t str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn take(&mut self, symbol: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), String> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn parse_type(&mut self, depth: usize) -> Result<NestedType, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} levels deep"));
        }
        let start = self.at;
        let word = self.word();
        match word {
            "list" => Ok(NestedType::List(self.argument(depth)?)),
            "map" => Ok(NestedType::Map(self.argument(depth)?)),
            "struct" => {
                self.expect('<')?;
                let fields = self.fields(depth)?;
                self.expect('>')?;
                Ok(NestedType::Struct(fields))
            }
            _ => match word.parse() {
                Ok(DataType::Vector) if depth > 0 => {
                    Err("a vector cannot be inside another type; use list<float>".into())
                }
                Ok(data_type) => Ok(NestedType::Plain(data_type)),
                Err(()) => {
                    self.at = start;
                    self.skip_space();
                    Err(self.unexpected("a type"))
                }
            },
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Box<NestedType>, String> {
        self.expect('<')?;
        let argument = self.parse_type(depth + 1)?;
        self.expect('>')?;
        Ok(Box::new(argument))
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<(String, NestedType)>, String> {
        let mut fields: Vec<(String, NestedType)> = Vec::new();
        loop {
            let name = self.name()?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("it has the key {name:?} twice"));
            }
            self.expect(':')?;
            fields.push((name, self.parse_type(depth + 1)?));
            if !self.take(',') {
                return Ok(fields);
            }
        }
    }

    /// Reads a key: a word, or any text in quotation marks, as in JSON.
    fn name(&mut self) -> Result<String, String> {
        self.skip_space();
        if self.rest().starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            if let Some(Ok(name)) = values.next() {
                self.at += values.byte_offset();
                return Ok(name);
            }
            return Err(self.unexpected("a key in quotation marks"));
        }
        let name = self.word();
        if name.is_empty() { Err(self.unexpected("a key")) } else { Ok(name.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_parsed_and_shown() {
        for text in [
            "text",
            "list<integer>",
            "list<struct<role: text, content: text>>",
            "struct<a: map<list<json>>, \"b c\": boolean, über-1: binary>",
        ] {
            assert_eq!(NestedType::parse(text).map(|parsed| parsed.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(NestedType::parse(" list < float > ").unwrap().to_string(), "list<float>");
    }

    #[test]
    fn errors_say_where_a_type_is_wrong() {
        let error = |text: &str| NestedType::parse(text).expect_err("it is no type");
        assert_eq!(error("list<int>"), "at byte 6 there is \"int>\" instead of a type");
        assert_eq!(error("list<text"), "at byte 10 there is the end instead of `>`");
        assert_eq!(error("struct<>"), "at byte 8 there is \">\" instead of a key");
        assert_eq!(error("struct<a: text, a: text>"), "it has the key \"a\" twice");
        assert_eq!(error("list<text>x"), "at byte 11 there is \"x\" instead of the end");
        assert_eq!(error("list<vector>"), "a vector cannot be inside another type; use list<float>");
        let deep = format!("{}text{}", "list<".repeat(40), ">".repeat(40));
        assert_eq!(error(&deep), "it is nested more than 32 levels deep");
    }
}
