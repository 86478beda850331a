//! Removes secrets from texts and from responses: their exact values, and the same URL-encoded, in base64, or in JSON.
//!
//! A step never gets a secret from the host, so it can only have one that a server returned. [`Masker`] covers it in the
//! response, before the step sees it; [`Redactor`] covers it in everything that the host writes about the step. Other
//! encodings, such as a compressed body or a secret split over several fields, are not recognised.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

use super::secret::Secret;

/// Takes the place of a secret in a text.
const REDACTED: &str = "[redacted]";
/// Takes the place of each byte of a secret in a response, whose length has to remain.
const MASK: u8 = b'*';

/// The forms of all secrets of a step.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Longest first, so that no form is left of which a shorter one is a part.
    forms: Arc<[Vec<u8>]>,
}

impl Redactor {
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let forms: BTreeSet<Vec<u8>> = secrets.into_iter().flat_map(|secret| forms(secret.reveal())).collect();
        let mut forms: Vec<Vec<u8>> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms: forms.into() }
    }

    /// Returns whether there are no secrets.
    pub(crate) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Returns the text with every secret replaced.
    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for form in self.forms.iter() {
            // Forms are ASCII, so a match starts and ends between characters.
            let form = std::str::from_utf8(form).unwrap_or_default();
            if !form.is_empty() && redacted.contains(form) {
                redacted = Cow::Owned(redacted.replace(form, REDACTED));
            }
        }
        redacted
    }

    /// Replaces every secret in a text.
    pub(crate) fn redact_in_place(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.redact(text) {
            *text = redacted;
        }
    }

    /// Covers every secret in bytes that are complete.
    pub(crate) fn mask(&self, bytes: &mut [u8]) {
        for form in self.forms.iter() {
            let found: Vec<usize> = memmem::find_iter(bytes, form).collect();
            for start in found {
                bytes[start..start + form.len()].fill(MASK);
            }
        }
    }

    /// Starts to cover secrets in bytes that come in parts.
    pub(crate) fn masker(&self) -> Masker {
        Masker { redactor: self.clone(), pending: Vec::new() }
    }

    fn longest(&self) -> usize {
        self.forms.first().map_or(0, Vec::len)
    }
}

/// Covers secrets in a stream of bytes. Bytes that may be the start of a secret are held back.
pub(crate) struct Masker {
    redactor: Redactor,
    pending: Vec<u8>,
}

impl Masker {
    /// Returns the bytes that can be passed on after this part.
    pub(crate) fn push(&mut self, part: Bytes) -> Bytes {
        if self.redactor.is_empty() {
            return part;
        }
        self.pending.extend_from_slice(&part);
        self.redactor.mask(&mut self.pending);
        let held = self.held();
        let passed = self.pending.len() - held;
        let rest = self.pending.split_off(passed);
        std::mem::replace(&mut self.pending, rest).into()
    }

    /// Returns the bytes that were held back, at the end of the stream.
    pub(crate) fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.pending).into()
    }

    /// The length of the longest end that is the start of a form.
    fn held(&self) -> usize {
        let longest = self.redactor.longest().saturating_sub(1).min(self.pending.len());
        let is_start = |length: &usize| {
            let end = &self.pending[self.pending.len() - length..];
            self.redactor.forms.iter().any(|form| form.len() > *length && form.starts_with(end))
        };
        (1..=longest).rev().find(is_start).unwrap_or(0)
    }
}

/// Every text that stands for this value.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let json = serde_json::Value::from(value).to_string();
    forms.push(json.trim_matches('"').as_bytes().to_vec());
    for keep in ["-._~", "-._~!$&'()*+,;=:@/", "-._*"] {
        for lower in [false, true] {
            forms.push(percent_encoded(value, keep, lower));
        }
    }
    // The encoding of forms writes a space as `+`.
    let form_encoded = percent_encoded(value, "-._* ", false);
    forms.push(form_encoded.into_iter().map(|byte| if byte == b' ' { b'+' } else { byte }).collect());
    for alphabet in [STANDARD, URL_SAFE] {
        // In a longer text, such as `user:secret`, the value starts at any of three places of a group.
        forms.extend((0..3).map(|shift| base64_core(value.as_bytes(), shift, alphabet)));
    }
    forms.retain(|form| !form.is_empty());
    forms
}

fn percent_encoded(value: &str, keep: &str, lower: bool) -> Vec<u8> {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else if lower {
            let _ = write!(encoded, "%{byte:02x}");
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded.into_bytes()
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

    #[test]
    fn without_secrets_bytes_pass_unchanged() {
        let mut masker = Redactor::default().masker();
        assert_eq!(masker.push(Bytes::from_static(b"abc")), "abc");
        assert!(masker.finish().is_empty());
    }
}
