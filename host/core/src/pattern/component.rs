//! One name of a pattern, matched with the name of a file or folder.

use std::ffi::OsStr;

/// One part of a pattern between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ComponentPattern {
    /// A name without special characters.
    Name(String),
    /// A name with special characters.
    Pattern(NamePattern),
    /// `**`: any number of folders.
    Folders,
}

/// A pattern of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: any number of characters.
    Any,
    /// `?`: one character.
    One,
    /// `[a-z]`: one character of a set, or one that is not in it.
    Set { ranges: Vec<(char, char)>, negated: bool },
    /// The character itself.
    Literal(char),
}

/// A part of a name: a character, or a byte that is not part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternUnit {
    Character(char),
    Byte,
}

impl ComponentPattern {
    /// Parses the components of a pattern without braces.
    ///
    /// # Errors
    /// A set is not closed, or `**` is next to other characters.
    pub(super) fn parse_all(pattern: &str) -> Result<Vec<Self>, &'static str> {
        let mut components: Vec<Self> = Vec::new();
        for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
            let component = Self::parse(part)?;
            // Two in a row mean the same as one, but would visit every folder many times.
            if component != Self::Folders || components.last() != Some(&Self::Folders) {
                components.push(component);
            }
        }
        if components.last() == Some(&Self::Folders) {
            components.push(Self::Pattern(NamePattern { tokens: vec![Token::Any] }));
        }
        Ok(components)
    }

    fn parse(part: &str) -> Result<Self, &'static str> {
        if part == "**" {
            return Ok(Self::Folders);
        }
        if !part.contains(super::SPECIAL) {
            return Ok(Self::Name(part.to_owned()));
        }
        let mut tokens = Vec::new();
        let mut rest = part;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            tokens.push(match c {
                '*' if rest.starts_with('*') => return Err("`**` has to be the whole name of a folder"),
                '*' => Token::Any,
                '?' => Token::One,
                '[' => {
                    let (token, after) = set(rest).ok_or("a `[` has no closing `]`")?;
                    rest = after;
                    token
                }
                other => Token::Literal(other),
            });
        }
        Ok(Self::Pattern(NamePattern { tokens }))
    }
}

/// Parses a set after its opening bracket, and returns the rest of the pattern. The first character may be `]`.
fn set(text: &str) -> Option<(Token, &str)> {
    let inside = text.strip_prefix(['!', '^']);
    let negated = inside.is_some();
    let text = inside.unwrap_or(text);
    let first = text.chars().next()?.len_utf8();
    let end = first + text[first..].find(']')?;
    let characters: Vec<char> = text[..end].chars().collect();
    let (mut ranges, mut at) = (Vec::new(), 0);
    while let Some(start) = characters.get(at) {
        if let Some(['-', end]) = characters.get(at + 1..at + 3) {
            ranges.push((*start, *end));
            at += 3;
        } else {
            ranges.push((*start, *start));
            at += 1;
        }
    }
    Some((Token::Set { ranges, negated }, &text[end + 1..]))
}

impl NamePattern {
    /// Returns whether a name matches. A dot at its start has to be written in the pattern.
    pub(super) fn matches(&self, name: &OsStr) -> bool {
        let units = units(name.as_encoded_bytes());
        if units.first() == Some(&PatternUnit::Character('.')) && self.tokens.first() != Some(&Token::Literal('.')) {
            return false;
        }
        // To return to the last `*` is enough: an earlier one could only match less.
        let (mut token, mut unit, mut last_any) = (0, 0, None);
        while unit < units.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    last_any = Some((token, unit));
                    token += 1;
                }
                Some(single) if single.matches(units[unit]) => {
                    token += 1;
                    unit += 1;
                }
                _ => {
                    let Some((any, from)) = last_any else { return false };
                    last_any = Some((any, from + 1));
                    (token, unit) = (any + 1, from + 1);
                }
            }
        }
        self.tokens[token..].iter().all(|token| *token == Token::Any)
    }
}

impl Token {
    fn matches(&self, unit: PatternUnit) -> bool {
        match (self, unit) {
            (Self::Any | Self::One, _) => true,
            (Self::Literal(literal), PatternUnit::Character(c)) => *literal == c,
            (Self::Literal(_), PatternUnit::Byte) => false,
            (Self::Set { ranges, negated }, PatternUnit::Character(c)) => {
                ranges.iter().any(|(start, end)| (*start..=*end).contains(&c)) != *negated
            }
            (Self::Set { negated, .. }, PatternUnit::Byte) => *negated,
        }
    }
}

fn units(name: &[u8]) -> Vec<PatternUnit> {
    let chunks = name.utf8_chunks();
    chunks
        .flat_map(|chunk| {
            let bytes = chunk.invalid().iter().map(|_| PatternUnit::Byte);
            chunk.valid().chars().map(PatternUnit::Character).chain(bytes)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        match ComponentPattern::parse(pattern).unwrap() {
            ComponentPattern::Pattern(pattern) => pattern.matches(OsStr::new(name)),
            ComponentPattern::Name(own) => own == name,
            ComponentPattern::Folders => true,
        }
    }

    #[test]
    fn sets_have_ranges_and_negation() {
        assert!(matches("[a-cx]1", "b1") && matches("[a-cx]1", "x1") && !matches("[a-cx]1", "d1"));
        assert!(matches("[!a]", "b") && !matches("[^a]", "a") && matches("[]]", "]") && matches("[a-]", "-"));
        assert!(matches("a[*]", "a*") && !matches("a[*]", "ab"));
    }

    /// Matches by trying every split, which is slow but obvious.
    fn reference(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|skipped| reference(rest, &name[skipped..])),
            Some((c, rest)) => {
                name.split_first().is_some_and(|(first, name)| (*c == '?' || c == first) && reference(rest, name))
            }
        }
    }

    proptest! {
        #[test]
        fn stars_match_as_the_reference_does(pattern in "([ab?]|[*][ab?]){0,6}[*]?", name in "[ab]{0,8}") {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), reference(&characters(&pattern), &characters(&name)));
        }
    }
}
