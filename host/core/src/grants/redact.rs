//! Removes secrets from texts and from responses: their exact values, and the same URL-encoded, in base64, as hexadecimal
//! digits, in JSON, or in HTML.
//!
//! A step never gets a secret from the host, so it can only have one that a server returned. [`Masker`] covers it in the
//! response, before the step sees it; [`Redactor`] covers it in everything that the host writes about the step. Other
//! encodings, such as a compressed body or a secret split over several fields, are not recognised.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use serde_json::{Number, Value};

use super::secret::Secret;
use crate::text::{HexCase, percent_encoded};

/// Takes the place of a secret in a text.
const REDACTED: &str = "[redacted]";
/// Takes the place of each byte of a secret in a response, whose length has to remain.
const MASK: u8 = b'*';

/// The forms of all secrets of a step.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    forms: Arc<[Form]>,
}

/// One text that stands for a secret.
struct Form {
    finder: memmem::Finder<'static>,
    /// The same as the name of a header.
    name: Vec<u8>,
}

impl Redactor {
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let forms: BTreeSet<Vec<u8>> = secrets.into_iter().flat_map(|secret| forms(secret.reveal())).collect();
        let form =
            |text: Vec<u8>| Form { finder: memmem::Finder::new(&text).into_owned(), name: text.to_ascii_lowercase() };
        Self { forms: forms.into_iter().map(form).collect() }
    }

    /// Returns whether there are no secrets.
    pub(crate) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Returns the text with every secret replaced.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut redacted, mut end) = (String::with_capacity(text.len()), 0);
        for range in found {
            // Forms are ASCII, so they start and end between characters.
            redacted.push_str(&text[end..range.start]);
            redacted.push_str(REDACTED);
            end = range.end;
        }
        redacted.push_str(&text[end..]);
        Cow::Owned(redacted)
    }

    /// Replaces every secret in a text.
    pub(crate) fn redact_in_place(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.redact(text) {
            *text = redacted;
        }
    }

    /// Replaces every secret in the texts and names of JSON, where escapes are decoded. Returns whether there was one.
    pub(crate) fn redact_json(&self, value: &mut Value) -> bool {
        self.redact_values(value, &|_| None)
    }

    /// The same, also in numbers: one that contains a secret becomes a text.
    pub(crate) fn redact_json_and_numbers(&self, value: &mut Value) -> bool {
        self.redact_values(value, &|number| {
            let text = number.to_string();
            self.is_in(text.as_bytes()).then(|| self.redact(&text).into_owned())
        })
    }

    fn redact_values(&self, value: &mut Value, number_as_text: &dyn Fn(&Number) -> Option<String>) -> bool {
        let replacement = match value {
            Value::String(text) => match self.redact(text) {
                Cow::Owned(redacted) => Some(redacted),
                Cow::Borrowed(_) => None,
            },
            Value::Number(number) => number_as_text(number),
            Value::Array(values) => {
                return values.iter_mut().fold(false, |found, value| self.redact_values(value, number_as_text) | found);
            }
            Value::Object(members) => {
                let values = members.values_mut();
                let found = values.fold(false, |found, value| self.redact_values(value, number_as_text) | found);
                let is_named = members.keys().any(|name| self.is_in(name.as_bytes()));
                if is_named {
                    let named = std::mem::take(members).into_iter();
                    *members = named.map(|(name, value)| (self.redact(&name).into_owned(), value)).collect();
                }
                return found || is_named;
            }
            Value::Null | Value::Bool(_) => None,
        };
        let found = replacement.is_some();
        if let Some(text) = replacement {
            *value = Value::String(text);
        }
        found
    }

    /// Covers every secret in bytes that are complete.
    pub(crate) fn mask(&self, bytes: &mut [u8]) {
        for range in self.find(bytes) {
            bytes[range].fill(MASK);
        }
    }

    /// Returns whether bytes contain a secret.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| form.finder.find(bytes).is_some())
    }

    /// Returns whether the name of a header contains a secret. Names are in lower case.
    pub(crate) fn is_in_name(&self, name: &str) -> bool {
        self.forms.iter().any(|form| memmem::find(name.as_bytes(), &form.name).is_some())
    }

    /// Starts to cover secrets in bytes that come in parts.
    pub(crate) fn masker(&self) -> Masker {
        Masker { redactor: self.clone(), pending: Vec::new(), covered: 0 }
    }

    /// Returns where secrets are, in order and without overlaps. Secrets may overlap, or be a part of another one.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for form in self.forms.iter() {
            let (length, mut from) = (form.finder.needle().len(), 0);
            while let Some(at) = form.finder.find(&bytes[from..]) {
                found.push(from + at..from + at + length);
                from += at + 1;
            }
        }
        found.sort_unstable_by_key(|range| range.start);
        found.dedup_by(|next, range| {
            let is_joined = next.start <= range.end;
            if is_joined {
                range.end = range.end.max(next.end);
            }
            is_joined
        });
        found
    }
}

/// Covers secrets in a stream of bytes. Bytes that may be the start of a secret are held back.
pub(crate) struct Masker {
    redactor: Redactor,
    /// As they were received, since a secret that was found may also be the start of another one.
    pending: Vec<u8>,
    /// The number of bytes at the start of `pending` that belong to a secret that was found.
    covered: usize,
}

impl Masker {
    /// Returns the bytes that can be passed on after this part.
    pub(crate) fn push(&mut self, part: Bytes) -> Bytes {
        if self.redactor.is_empty() {
            return part;
        }
        self.pending.extend_from_slice(&part);
        self.pass(self.pending.len() - self.held())
    }

    /// Returns the bytes that were held back, at the end of the stream.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.pass(self.pending.len())
    }

    /// Returns this number of bytes, with secrets covered.
    fn pass(&mut self, length: usize) -> Bytes {
        let mut found = self.redactor.find(&self.pending);
        found.push(0..self.covered);
        let rest = self.pending.split_off(length);
        for range in &found {
            self.pending[range.start.min(length)..range.end.min(length)].fill(MASK);
        }
        let end = found.iter().filter(|range| range.start <= length).map(|range| range.end).max();
        self.covered = end.unwrap_or(0).saturating_sub(length);
        std::mem::replace(&mut self.pending, rest).into()
    }

    /// The length of the longest end that is the start of a form.
    fn held(&self) -> usize {
        let needles = || self.redactor.forms.iter().map(|form| form.finder.needle());
        let longest = needles().map(<[u8]>::len).max().unwrap_or(1) - 1;
        let is_start = |length: &usize| {
            let end = &self.pending[self.pending.len() - length..];
            needles().any(|form| form.len() > *length && form.starts_with(end))
        };
        (1..=longest.min(self.pending.len())).rev().find(is_start).unwrap_or(0)
    }
}

/// Every text that stands for this value.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let json = Value::from(value).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(&json);
    // PHP and others escape the slash as well.
    forms.extend([json.as_bytes().to_vec(), json.replace('/', "\\/").into_bytes()]);
    forms.extend(["&#39;", "&#x27;", "&apos;"].map(|apostrophe| html(value, apostrophe)));
    for case in [HexCase::Upper, HexCase::Lower] {
        for keep in ["-._~", "-._~!$&'()*+,;=:@/", "-._*"] {
            forms.push(percent_encoded(value, |byte| is_kept(byte, keep), case).into_bytes());
        }
        let all = percent_encoded(value, |_| false, case);
        forms.push(all.replace('%', "").into_bytes());
        forms.push(all.into_bytes());
    }
    // The encoding of forms writes a space as `+`.
    let form_encoded = percent_encoded(value, |byte| is_kept(byte, "-._* "), HexCase::Upper);
    forms.push(form_encoded.replace(' ', "+").into_bytes());
    for alphabet in [STANDARD, URL_SAFE] {
        // In a longer text, such as `user:secret`, the value starts at any of three places of a group.
        forms.extend((0..3).map(|shift| base64_core(value.as_bytes(), shift, alphabet)));
    }
    forms.retain(|form| !form.is_empty());
    forms
}

fn html(value: &str, apostrophe: &str) -> Vec<u8> {
    let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.replace('\'', apostrophe).into_bytes()
}

fn is_kept(byte: u8, keep: &str) -> bool {
    byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte)
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Returns the base64 digits that depend on the value alone, if it starts `shift` bytes into a group of three.
fn base64_core(value: &[u8], shift: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bits: Vec<bool> = std::iter::repeat_n(false, shift * 8)
        .chain(value.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)))
        .collect();
    // Digits that share bits with the bytes before or after are left out.
    let first = (shift * 8).div_ceil(6);
    let digits = bits.chunks_exact(6).skip(first);
    digits.map(|digit| alphabet[digit.iter().fold(0, |value, bit| value << 1 | usize::from(*bit))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3cr3t/+\"key~1";

    fn redactor() -> Redactor {
        Redactor::new([&Secret::new(VALUE.into()).unwrap()])
    }

    #[test]
    fn secrets_are_removed_in_all_their_forms() {
        let redactor = redactor();
        for (text, redacted) in [
            (format!("a {VALUE} b {VALUE}"), "a [redacted] b [redacted]"),
            ("?k=s3cr3t%2F%2B%22key~1&x".into(), "?k=[redacted]&x"),
            ("?k=s3cr3t%2f%2b%22key%7e1".into(), "?k=[redacted]"),
            (r#"{"k":"s3cr3t/+\"key~1"}"#.into(), r#"{"k":"[redacted]"}"#),
            (r#"{"k":"s3cr3t\/+\"key~1"}"#.into(), r#"{"k":"[redacted]"}"#),
            ("<p>s3cr3t/+&quot;key~1</p>".into(), "<p>[redacted]</p>"),
            ("%73%33%63%72%33%74%2f%2b%22%6b%65%79%7e%31".into(), "[redacted]"),
            ("0x7333637233742F2B226B65797E31".into(), "0x[redacted]"),
            ("nothing".into(), "nothing"),
        ] {
            assert_eq!(redactor.redact(&text), redacted, "{text}");
        }
    }

    #[test]
    fn secrets_are_removed_in_base64_at_any_position() {
        let redactor = redactor();
        for before in ["", "u", "us", "user:", "user2:"] {
            for after in ["", "x", "xy", "\n"] {
                let text = format!("{before}{VALUE}{after}");
                for alphabet in [STANDARD, URL_SAFE] {
                    let encoded = String::from_utf8(base64_core(text.as_bytes(), 0, alphabet)).unwrap();
                    let redacted = redactor.redact(&encoded).into_owned();
                    assert!(redacted.contains(REDACTED), "{text}: {encoded}");
                    assert!(redacted.len() < REDACTED.len() + before.len() * 2 + after.len() * 2 + 6, "{redacted}");
                }
            }
        }
    }

    #[test]
    fn a_secret_that_comes_in_parts_is_masked() {
        let text = format!("<{VALUE}><s3cr3t><{VALUE}");
        let expected = text.replace(VALUE, &"*".repeat(VALUE.len()));
        for size in 1..text.len() {
            let mut masker = redactor().masker();
            let mut out = Vec::new();
            for part in text.as_bytes().chunks(size) {
                out.extend_from_slice(&masker.push(Bytes::copy_from_slice(part)));
            }
            out.extend_from_slice(&masker.finish());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in parts of {size}");
        }
    }

    /// The end of the longer one must not be left when the shorter one comes in a part of its own.
    #[test]
    fn secrets_that_overlap_are_covered_as_a_whole() {
        let secrets =
            ["0123abcdefgh", "abcdefgh", "abcdefgh45678", "aaaaaaaaaa"].map(|value| Secret::new(value.into()).unwrap());
        let redactor = Redactor::new(&secrets);
        let text = "x abcdefgh45678 0123abcdefgh45678 aaaaaaaaaaaaaaa abcdefgh4567";
        let expected = "x ************* ***************** *************** ********4567";
        for size in 1..text.len() {
            let mut masker = redactor.masker();
            let parts = text.as_bytes().chunks(size).map(|part| masker.push(Bytes::copy_from_slice(part)));
            let mut out: Vec<u8> = parts.collect::<Vec<_>>().concat();
            out.extend_from_slice(&masker.finish());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in parts of {size}");
        }
        assert_eq!(redactor.redact(text), "x [redacted] [redacted] [redacted] [redacted]4567");
    }

    #[test]
    fn a_secret_is_found_in_the_name_of_a_header() {
        let redactor = Redactor::new([&Secret::new("Key-0123-Abc".into()).unwrap()]);
        assert!(redactor.is_in_name("x-key-0123-abc"));
        assert!(!redactor.is_in_name("x-key-0123"));
    }

    #[test]
    fn without_secrets_bytes_pass_unchanged() {
        let mut masker = Redactor::default().masker();
        assert_eq!(masker.push(Bytes::from_static(b"abc")), "abc");
        assert!(masker.finish().is_empty());
    }
}
