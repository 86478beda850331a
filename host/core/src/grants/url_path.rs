//! The path of a URL: its normal form, and forms of `..` that only some servers recognise.

use std::fmt::Write as _;

/// How often a path is decoded while looking for hidden `..`: servers behind proxies decode more than once.
const MAX_DECODINGS: usize = 4;

/// Decodes characters that need no encoding, and writes other codes in upper case, so that equal paths are equal texts.
pub(super) fn normalised_path(path: &str) -> String {
    let mut normalised = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(start) = rest.find('%') {
        normalised.push_str(&rest[..start]);
        let Some(byte) = code(&rest.as_bytes()[start..]) else {
            normalised.push_str("%25");
            rest = &rest[start + 1..];
            continue;
        };
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            normalised.push(char::from(byte));
        } else {
            let _ = write!(normalised, "%{byte:02X}");
        }
        rest = &rest[start + 3..];
    }
    normalised.push_str(rest);
    normalised
}

/// Returns the byte that a percent sign and two hexadecimal digits at the start stand for.
fn code(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*high)? << 4 | digit(*low)?) as u8)
}

/// Other forms of `.`, `/` and `\`, which some servers take for these: overlong UTF-8, the codes of old versions of IIS, and
/// characters that Unicode normalisation (NFKC) replaces.
const ALIASES: &[(&[u8], &[u8])] = &[
    (b"\xc0\xae", b"."),
    (b"\xc0.", b"."),
    (b"\xe0\x80\xae", b"."),
    (b"\xf0\x80\x80\xae", b"."),
    (b"\xc0\xaf", b"/"),
    (b"\xc0/", b"/"),
    (b"\xe0\x80\xaf", b"/"),
    (b"\xf0\x80\x80\xaf", b"/"),
    (b"\xc1\x9c", b"\\"),
    (b"\xc0\\", b"\\"),
    (b"%u002e", b"."),
    (b"%u002E", b"."),
    (b"%u002f", b"/"),
    (b"%u002F", b"/"),
    (b"%u2215", b"/"),
    (b"%u2216", b"\\"),
    (b"%uff0e", b"."),
    (b"%uFF0E", b"."),
    (b"%uff0f", b"/"),
    (b"%uFF0F", b"/"),
    ("\u{2024}".as_bytes(), b"."),
    ("\u{2025}".as_bytes(), b".."),
    ("\u{3002}".as_bytes(), b"."),
    ("\u{fe52}".as_bytes(), b"."),
    ("\u{ff0e}".as_bytes(), b"."),
    ("\u{ff61}".as_bytes(), b"."),
    ("\u{2044}".as_bytes(), b"/"),
    ("\u{2215}".as_bytes(), b"/"),
    ("\u{ff0f}".as_bytes(), b"/"),
    ("\u{2216}".as_bytes(), b"\\"),
    ("\u{fe68}".as_bytes(), b"\\"),
    ("\u{ff3c}".as_bytes(), b"\\"),
];

/// Returns whether a path has a segment `.` or `..` for a server that decodes it further, takes other characters for `/` and
/// `.`, or drops what follows a `;`, a NUL or a space.
pub(super) fn has_hidden_dots(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..MAX_DECODINGS {
        if bytes.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots) {
            return true;
        }
        let decoded = decoded(&bytes);
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
    // Nothing sensible is encoded as often as this.
    true
}

fn is_dots(segment: &[u8]) -> bool {
    let dots = segment.iter().take_while(|byte| **byte == b'.').count();
    match segment.get(dots) {
        None => dots > 0,
        Some(byte) if dots == 1 => matches!(byte, b';' | 0),
        Some(byte) => dots > 0 && !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~')),
    }
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let rest = &bytes[index..];
        if let Some((alias, meaning)) = ALIASES.iter().find(|(alias, _)| rest.starts_with(alias)) {
            decoded.extend_from_slice(meaning);
            index += alias.len();
        } else if let Some(byte) = code(rest) {
            decoded.push(byte);
            index += 3;
        } else {
            decoded.push(bytes[index]);
            index += 1;
        }
    }
    decoded
}
