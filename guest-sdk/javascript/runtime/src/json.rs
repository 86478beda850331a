//! JSON that keeps every digit of a number, and every code unit of a text.

use boa_engine::JsString;

/// Values within each other that are read, at most: more than data has, and few enough for the stack.
pub(crate) const MAX_DEPTH: usize = 500;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(String),
    Text(JsString),
    List(Vec<Json>),
    Object(Vec<(JsString, Json)>),
}

impl Json {
    /// Reads a value.
    ///
    /// # Errors
    /// The text is not JSON, or too deep.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_space();
        if reader.at < text.len() { Err(reader.unexpected()) } else { Ok(value) }
    }

    /// The last member of an object with a name.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|(key, _)| *key == *name).map(|(_, value)| value)
    }

    pub(crate) fn members(&self) -> &[(JsString, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    pub(crate) fn elements(&self) -> &[Self] {
        if let Self::List(elements) = self { elements } else { &[] }
    }

    pub(crate) fn string(&self) -> Option<&JsString> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.string().map(JsString::to_std_string_lossy)
    }

    pub(crate) fn number(&self) -> Option<&str> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("unexpected {c:?} at byte {}", self.at),
            None => "unexpected end".to_owned(),
        }
    }

    fn take(&mut self, wanted: u8) -> Result<(), String> {
        self.skip_space();
        if self.peek() != Some(wanted) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    /// Skips white space, and takes this byte if it is next.
    fn takes(&mut self, wanted: u8) -> bool {
        self.take(wanted).is_ok()
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} values within each other"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Json::Null), ("true", Json::Boolean(true)), ("false", Json::Boolean(false))];
                for (word, value) in words {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected())
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            let key = if self.peek() == Some(b'"') { self.string()? } else { return Err(self.unexpected()) };
            self.take(b':')?;
            members.push((key, self.value(depth + 1)?));
            if self.takes(b'}') {
                return Ok(Json::Object(members));
            }
            self.take(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.takes(b']') {
            return Ok(Json::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Ok(Json::List(elements));
            }
            self.take(b',')?;
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let number = &self.text[start..self.at];
        // The host sends valid JSON; this is for parameters and modules.
        if number.parse::<f64>().is_err() {
            return Err(format!("`{number}` is not a number"));
        }
        Ok(Json::Number(number.to_owned()))
    }

    fn string(&mut self) -> Result<JsString, String> {
        self.at += 1;
        let start = self.at;
        let mut units: Option<Vec<u16>> = None;
        let mut from = start;
        loop {
            match self.peek() {
                None => return Err(self.unexpected()),
                Some(b'"') => {
                    let rest = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(match units {
                        None => JsString::from(rest),
                        Some(mut units) => {
                            units.extend(rest.encode_utf16());
                            JsString::from(&units[..])
                        }
                    });
                }
                Some(b'\\') => {
                    let units = units.get_or_insert_default();
                    units.extend(self.text[from..self.at].encode_utf16());
                    self.at += 1;
                    units.push(self.escape()?);
                    from = self.at;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<u16, String> {
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(b'n') => u16::from(b'\n'),
            Some(b'r') => u16::from(b'\r'),
            Some(b't') => u16::from(b'\t'),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(c @ (b'"' | b'\\' | b'/')) => u16::from(c),
            Some(b'u') => {
                let digits = self.text.get(self.at..self.at + 4).ok_or("an escape is too short")?;
                self.at += 4;
                u16::from_str_radix(digits, 16).map_err(|_| format!("`\\u{digits}` is not an escape"))?
            }
            _ => return Err("an unknown escape in a text".to_owned()),
        })
    }
}
