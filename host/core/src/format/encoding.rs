//! Encodings of text.

use std::fmt;

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED};

/// The encoding of a text file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextEncoding(&'static Encoding);

/// Names that users write and the Encoding Standard does not know, with their names there.
const ALIASES: [(&str, &str); 5] = [
    ("latin-1", "latin1"),
    ("latin-9", "iso-8859-15"),
    ("shift-jis", "shift_jis"),
    ("utf-8-sig", "utf-8"),
    ("cp932", "shift_jis"),
];

impl TextEncoding {
    /// UTF-16 with the least significant byte first.
    pub(crate) const UTF_16LE: Self = Self(UTF_16LE);
    /// UTF-16 with the most significant byte first.
    pub(crate) const UTF_16BE: Self = Self(UTF_16BE);

    /// Finds an encoding by one of its names in the [Encoding Standard](https://encoding.spec.whatwg.org), in any case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let known = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, known)| known);
        let encoding = Encoding::for_label(known.as_bytes())?;
        (encoding != REPLACEMENT && encoding != X_USER_DEFINED).then_some(Self(encoding))
    }

    /// Returns whether text in this encoding is read as it is.
    pub(crate) fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// Returns the encoding for the decoder.
    pub(crate) fn get(self) -> &'static Encoding {
        self.0
    }
}

impl Default for TextEncoding {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl fmt::Debug for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextEncoding({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_found_by_usual_names() {
        let name = |name| TextEncoding::from_name(name).map(|encoding| encoding.to_string());
        assert_eq!(name("latin-1").as_deref(), Some("windows-1252"));
        assert_eq!(name("ISO-8859-1").as_deref(), Some("windows-1252"));
        assert_eq!(name("utf8").as_deref(), Some("UTF-8"));
        assert_eq!(name("UTF-16").as_deref(), Some("UTF-16LE"));
        assert_eq!(name("Shift_JIS").as_deref(), Some("Shift_JIS"));
        assert_eq!(name("hz-gb-2312"), None);
        assert_eq!(name("klingon"), None);
    }
}
