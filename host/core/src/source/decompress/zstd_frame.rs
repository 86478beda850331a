//! The headers of Zstandard frames (RFC 8878, section 3.1).

/// The largest header of a frame in bytes, with its magic number.
pub(super) const HEADER_BYTES: usize = 18;

const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Returns the magic number that a frame starting like this should have.
pub(super) fn magic(start: &[u8]) -> &'static [u8] {
    const SKIPPED: [[u8; 4]; 16] = {
        let mut all = [[0, 0x2a, 0x4d, 0x18]; 16];
        let mut number = 0;
        while number < 16 {
            all[number][0] = 0x50 + number as u8;
            number += 1;
        }
        all
    };
    match start {
        [first @ 0x50..=0x5f, ..] => &SKIPPED[usize::from(first - 0x50)],
        _ => &FRAME,
    }
}

/// Returns the length of a frame that has no content and is skipped, with its header.
pub(super) fn skipped_length(start: &[u8]) -> Option<u64> {
    match start {
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => Some(8 + u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        // Cut within the header: longer than what is there.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(8),
        _ => None,
    }
}

/// Returns the size of the window that a frame needs in bytes, and whether it needs a dictionary. A truncated header
/// counts as zeros; the decoder reports it.
pub(super) fn window(start: &[u8]) -> (u64, bool) {
    let byte = |at: usize| start.get(at).copied().unwrap_or(0);
    let number =
        |at: usize, count: usize| (0..count).fold(0, |all, index| all | u64::from(byte(at + index)) << (8 * index));
    let descriptor = byte(4);
    let is_single_segment = descriptor & 0x20 != 0;
    let dictionary_bytes = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let dictionary_at = if is_single_segment { 5 } else { 6 };
    let needs_dictionary = number(dictionary_at, dictionary_bytes) != 0;
    if is_single_segment {
        // The window is the whole content.
        let content_at = dictionary_at + dictionary_bytes;
        let size = match descriptor >> 6 {
            0 => number(content_at, 1),
            1 => number(content_at, 2) + 256,
            2 => number(content_at, 4),
            _ => number(content_at, 8),
        };
        return (size, needs_dictionary);
    }
    let (exponent, mantissa) = (u64::from(byte(5) >> 3), u64::from(byte(5) & 7));
    let base = 1_u64 << (10 + exponent);
    (base + base / 8 * mantissa, needs_dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_from_headers() {
        let frame = |header: &[u8]| window(&[&FRAME, header].concat());
        assert_eq!(frame(&[0, 21 << 3]), (2 << 30, false));
        assert_eq!(frame(&[0, 17 << 3 | 1]), ((128 << 20) + (16 << 20), false));
        assert_eq!(frame(&[0x20, 7]), (7, false));
        assert_eq!(frame(&[0x60, 1, 1]), (0x101 + 256, false));
        assert_eq!(frame(&[0x21, 9, 7]), (7, true));
        assert_eq!(frame(&[0x21, 0, 7]), (7, false));
        assert_eq!(skipped_length(&[0x5a, 0x2a, 0x4d, 0x18, 1, 1, 0, 0]), Some(8 + 257));
    }
}
