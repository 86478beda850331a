//! Percent-encoding, as in URLs (RFC 3986).

use std::fmt::Write as _;

/// The letters of the hexadecimal digits of an encoded byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HexCase {
    /// `%C3`, as RFC 3986 recommends.
    Upper,
    /// `%c3`.
    Lower,
}

/// Returns the text with each byte that is not kept as `%` and two hexadecimal digits.
pub fn percent_encoded(text: &str, is_kept: impl Fn(u8) -> bool, case: HexCase) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // Writing to a string cannot fail.
        let _ = match case {
            _ if is_kept(byte) => encoded.write_char(char::from(byte)),
            HexCase::Upper => write!(encoded, "%{byte:02X}"),
            HexCase::Lower => write!(encoded, "%{byte:02x}"),
        };
    }
    encoded
}

/// Replaces `%` and two hexadecimal digits by the byte. Other text stays.
pub fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(at + 1), digit(at + 2)) {
            decoded.push((high * 16 + low) as u8);
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_kept_are_encoded() {
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric();
        assert_eq!(percent_encoded("a/ä", is_kept, HexCase::Upper), "a%2F%C3%A4");
        assert_eq!(percent_encoded("a/ä", is_kept, HexCase::Lower), "a%2f%c3%a4");
    }

    #[test]
    fn text_that_is_not_encoded_stays() {
        assert_eq!(percent_decoded(b"a%2Fb%/%+5%2"), b"a/b%/%+5%2");
    }
}
