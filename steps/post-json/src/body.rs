use std::borrow::Cow;

use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Json, Result};

/// The limit of the length of a body's template, in bytes, because it is copied for every row.
const MAX_BYTES: usize = 65_536;

/// JSON with placeholders for columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    source: String,
    pieces: Vec<Piece>,
    columns: Vec<String>,
}

/// A part of the JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// JSON text.
    Json(String),
    /// The value of a column.
    Value(usize),
    /// The text of a column's value, within a text.
    Text(usize),
}

impl Body {
    /// Returns the distinct columns of the placeholders.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the JSON text with the values of columns, which are `None` for a null.
    ///
    /// # Errors
    /// A value is not JSON.
    pub fn fill<'a>(&self, value: impl Fn(usize) -> Option<Json<'a>>) -> Result<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Json(json) => text.push_str(json),
                Piece::Value(column) => text.push_str(value(*column).map_or("null", Json::text)),
                Piece::Text(column) => {
                    let value = value(*column).map_or(Ok(Cow::Borrowed("")), Json::to_text)?;
                    text.push_str(inside(&Value::from(value).to_string()));
                }
            }
        }
        Ok(text)
    }

    fn column(&mut self, name: &str) -> usize {
        let known = self.columns.iter().position(|column| column == name);
        known.unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        })
    }

    fn push_json(&mut self, json: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Json(last)) => last.push_str(json),
            _ => self.pieces.push(Piece::Json(json.to_owned())),
        }
    }

    /// Adds a value of the template.
    fn add(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::String(text) => self.add_text(text)?,
            Value::Array(elements) => {
                self.push_json("[");
                for (index, element) in elements.iter().enumerate() {
                    self.push_json(if index > 0 { "," } else { "" });
                    self.add(element)?;
                }
                self.push_json("]");
            }
            Value::Object(members) => {
                self.push_json("{");
                for (index, (name, member)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    self.push_json(&format!("{comma}{}:", Value::from(name.as_str())));
                    self.add(member)?;
                }
                self.push_json("}");
            }
            other => self.push_json(&other.to_string()),
        }
        Ok(())
    }

    /// Adds a text, which is a column's value as a whole or contains columns.
    fn add_text(&mut self, text: &str) -> Result<(), String> {
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(['{', '}'])) {
            let column = self.column(name);
            self.pieces.push(Piece::Value(column));
            return Ok(());
        }
        self.push_json("\"");
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            self.push_json(inside(&Value::from(&rest[..at]).to_string()));
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                self.push_json(brace);
                rest = after;
                continue;
            }
            let name =
                after.split_once('}').filter(|(name, _)| brace == "{" && !name.is_empty() && !name.contains('{'));
            let Some((name, after)) = name else {
                return Err(format!("has a single brace in {text:?}; write `{{{{` or `}}}}` for a literal one"));
            };
            let column = self.column(name);
            self.pieces.push(Piece::Text(column));
            rest = after;
        }
        self.push_json(inside(&Value::from(rest).to_string()));
        self.push_json("\"");
        Ok(())
    }
}

/// Returns the JSON of a text without its quotation marks.
fn inside(json: &str) -> &str {
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json)
}

stillbox_sdk::text_parameter!(Body);

impl TextParameter for Body {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!("has {} bytes, more than the limit of {MAX_BYTES}", source.len()));
        }
        let value: Value =
            stillbox_sdk::serde_json::from_str(source).map_err(|error| format!("is not JSON: {error}"))?;
        let mut body = Self { source: source.to_owned(), pieces: Vec::new(), columns: Vec::new() };
        body.add(&value)?;
        Ok(body)
    }

    fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, values: &[Option<&'static str>]) -> String {
        let body = Body::parse(template).unwrap();
        body.fill(|column| values[column].map(Json::from_text)).unwrap()
    }

    #[test]
    fn columns_keep_their_type_or_are_inserted_into_a_text() {
        let template = r#"["{title}", {"n": 1.5}, ["{title}: {n}", "{{x}}"], "{n}"]"#;
        let expected = r#"["a \"b\"",{"n":1.5},["a \"b\": 12345678901234567890","{x}"],12345678901234567890]"#;
        assert_eq!(filled(template, &[Some(r#""a \"b\"""#), Some("12345678901234567890")]), expected);
        assert_eq!(filled(r#"["{a}", "<{a}>"]"#, &[None]), r#"[null,"<>"]"#);
        assert_eq!(Body::parse(template).unwrap().columns(), ["title", "n"]);
    }

    #[test]
    fn a_wrong_template_is_rejected() {
        assert!(Body::parse("{").unwrap_err().starts_with("is not JSON"));
        for template in [r#""{a""#, r#""a}""#, r#""{} x""#, r#""{a{b}}""#] {
            assert!(Body::parse(template).unwrap_err().contains("single brace"), "{template}");
        }
    }
}
