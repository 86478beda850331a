//! The table of lines of a code object, in the format of `CPython` 3.11 and later (`InternalDocs/code_objects.md` in its repository).

/// Marks the first byte of an entry.
const FIRST: u8 = 0x80;
const CONTINUED: u8 = 0x40;

/// Returns the line of an instruction, which is counted in units of the bytecode. Returns `None` if the table gives it none.
pub(super) fn line(table: &[u8], first_line: u32, instruction: u64) -> Option<u32> {
    let mut line = i64::from(first_line);
    let mut end = 0_u64;
    let mut entries = table;
    while let Some((&head, rest)) = entries.split_first() {
        let length = rest.iter().position(|byte| byte & FIRST != 0).unwrap_or(rest.len());
        let (places, following) = rest.split_at(length);
        let mut has_line = true;
        match (head >> 3) & 0xF {
            kind @ 10..=12 => line = line.saturating_add(i64::from(kind - 10)),
            13 | 14 => line = line.saturating_add(signed(places)),
            15 => has_line = false,
            // Of the same line as the entry before, with columns.
            _ => {}
        }
        end += u64::from(head & 7) + 1;
        if instruction < end {
            return if has_line { u32::try_from(line).ok() } else { None };
        }
        entries = following;
    }
    None
}

/// Returns the first number: groups of six bits, the lowest first, of which the last bit is the sign.
fn signed(bytes: &[u8]) -> i64 {
    let mut number = 0_i64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        number |= i64::from(byte & (CONTINUED - 1)) << (6 * index);
        if byte & CONTINUED == 0 {
            break;
        }
    }
    if number & 1 == 0 { number >> 1 } else { -(number >> 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_instruction() {
        // Of CPython 3.11, for a function of four lines: `def f(x):`, `while x:`, `x = g(x)`, `return x`.
        let table = [
            0x80, 0x00, 0xd8, 0x0a, 0x0b, 0xf0, 0x00, 0x01, 0x05, 0x11, 0xdd, 0x0c, 0x0d, 0x88, 0x61, 0x89, 0x44, 0x8c,
            0x44, 0x88, 0x01, 0xf0, 0x03, 0x00, 0x0b, 0x0c, 0xf0, 0x00, 0x01, 0x05, 0x11, 0xe0, 0x0b, 0x0c, 0x80, 0x48,
        ];
        let lines: Vec<_> = (0..22).filter_map(|instruction| line(&table, 1, instruction)).collect();
        assert_eq!(lines, [1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 4, 4]);
        assert_eq!(line(&table, 1, 22), None);
        assert_eq!(line(&[0xf8], 1, 0), None);
    }

    #[test]
    fn numbers_have_a_sign_and_several_groups() {
        assert_eq!(signed(&[4]), 2);
        assert_eq!(signed(&[5]), -2);
        assert_eq!(signed(&[0x40, 1]), 32);
        assert_eq!(signed(&[]), 0);
    }

    #[test]
    fn any_table_has_an_end() {
        for byte in 0..=u8::MAX {
            let _ = line(&[byte; 64], u32::MAX, u64::MAX);
        }
        // The largest steps, and then one more line.
        let largest = [0xe8, 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x3f];
        let table: Vec<u8> = largest.repeat(1 << 17).into_iter().chain([0xd8, 0, 0]).collect();
        assert_eq!(line(&table, 1, u64::from(1_u32 << 17)), None);
    }
}
