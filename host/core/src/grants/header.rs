//! A header whose value contains a secret.

use std::collections::BTreeMap;

use super::secret::Secret;

/// A header that the host adds to a request after the request was allowed. The step sees neither its value nor its name, and
/// cannot set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHeader {
    /// In lower case.
    name: String,
    parts: Vec<HeaderPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HeaderPart {
    Text(String),
    /// The name of a secret.
    Secret(String),
}

/// Why a header cannot carry a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderProblem {
    /// The text is not the name of a header.
    #[error("{0:?} is not the name of a header")]
    Name(String),
    /// The header belongs to the connection.
    #[error("the header {0:?} is set by the host itself")]
    Reserved(String),
    /// The value contains no secret.
    #[error("the value contains no secret, written as {{name}}")]
    NoSecret,
    /// A brace without its counterpart.
    #[error("the value has a brace without its counterpart; a secret is written as {{name}}")]
    Brace,
    /// The value contains characters that a header cannot have.
    #[error("the value contains a character that a header cannot have")]
    Character,
}

/// Headers that decide how a message is framed or where it goes.
const RESERVED: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl SecretHeader {
    /// Describes a header such as `authorization` with a value such as `Bearer {example}`, where `example` is the name of a
    /// secret.
    ///
    /// # Errors
    /// The header cannot carry a secret, or its value has none.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderProblem> {
        let lower = name.to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if lower.is_empty() || !lower.bytes().all(is_token) {
            return Err(HeaderProblem::Name(name.to_owned()));
        }
        if RESERVED.contains(&lower.as_str()) {
            return Err(HeaderProblem::Reserved(lower));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(HeaderProblem::Character);
        }
        let mut parts = Vec::new();
        let mut rest = value;
        while let Some((text, after)) = rest.split_once('{') {
            let (secret, after) = after.split_once('}').ok_or(HeaderProblem::Brace)?;
            if text.contains('}') || secret.is_empty() || secret.contains('{') {
                return Err(HeaderProblem::Brace);
            }
            parts.extend([HeaderPart::Text(text.to_owned()), HeaderPart::Secret(secret.to_owned())]);
            rest = after;
        }
        if rest.contains('}') {
            return Err(HeaderProblem::Brace);
        }
        if parts.is_empty() {
            return Err(HeaderProblem::NoSecret);
        }
        parts.push(HeaderPart::Text(rest.to_owned()));
        Ok(Self { name: lower, parts })
    }

    /// Returns the name of the header, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the names of the secrets in the value.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            HeaderPart::Secret(name) => Some(name.as_str()),
            HeaderPart::Text(_) => None,
        })
    }

    /// Returns the value, with the secrets in their places.
    ///
    /// # Errors
    /// The name of a secret that is missing.
    pub(crate) fn value(&self, secrets: &BTreeMap<String, Secret>) -> Result<String, String> {
        let mut value = String::new();
        for part in &self.parts {
            match part {
                HeaderPart::Text(text) => value.push_str(text),
                HeaderPart::Secret(name) => value.push_str(secrets.get(name).ok_or(name)?.reveal()),
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_at_least_one_secret() {
        let header = SecretHeader::new("Authorization", "Bearer {key}").unwrap();
        assert_eq!((header.name(), header.secrets().collect::<Vec<_>>()), ("authorization", vec!["key"]));
        let secrets = BTreeMap::from([("key".to_owned(), Secret::new("0123456789".into()).unwrap())]);
        assert_eq!(header.value(&secrets).as_deref(), Ok("Bearer 0123456789"));
        assert_eq!(header.value(&BTreeMap::new()), Err("key".into()));
        assert_eq!(SecretHeader::new("x", "Bearer"), Err(HeaderProblem::NoSecret));
        for value in ["{", "}", "{}", "a{b", "a}{b}", "{a}}", "{{a}}"] {
            assert_eq!(SecretHeader::new("x", value), Err(HeaderProblem::Brace), "{value}");
        }
        assert_eq!(SecretHeader::new("Host", "{a}"), Err(HeaderProblem::Reserved("host".into())));
        assert_eq!(SecretHeader::new("a b", "{a}"), Err(HeaderProblem::Name("a b".into())));
        assert_eq!(SecretHeader::new("x", "{a}\r\ny: z"), Err(HeaderProblem::Character));
    }
}
