//! Values of variable length: checks their offsets, and that text is UTF-8.

use arrow_array::StringArray;
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::ValueProblem;
use crate::engine::bindings::types::TextsResult;

/// Returns values whose offsets follow the contract. Their bytes are not checked.
pub(super) fn texts(texts: TextsResult, rows: usize) -> Result<(OffsetBuffer<i32>, Buffer), ValueProblem> {
    check_offsets(&texts, rows)?;
    Ok(buffers(texts))
}

/// Returns the buffers of values whose offsets were checked.
fn buffers(TextsResult { offsets, bytes }: TextsResult) -> (OffsetBuffer<i32>, Buffer) {
    // Offsets ascend to at most `i32::MAX`, so they have the same bytes as signed integers.
    let length = offsets.len();
    let offsets = ScalarBuffer::new(Buffer::from_vec(offsets), 0, length);
    (OffsetBuffer::new(offsets), Buffer::from_vec(bytes))
}

/// Returns values that are valid UTF-8 in every row. A null becomes an empty text.
///
/// All bytes are checked together, and then that no offset is inside a character, which is equivalent to a check row by
/// row.
pub(super) fn text(values: TextsResult, rows: usize, nulls: Option<&NullBuffer>) -> Result<StringArray, ValueProblem> {
    check_offsets(&values, rows)?;
    let TextsResult { offsets, bytes } = values;
    let borders = || offsets.windows(2).map(|pair| pair[0] as usize..pair[1] as usize);
    let invalid = |row: usize| ValueProblem { problem: format!("text that is not UTF-8 in row {row}"), row: Some(row) };
    let Ok(all) = simdutf8::basic::from_utf8(&bytes) else {
        let row = borders().position(|border| std::str::from_utf8(&bytes[border]).is_err());
        return Err(invalid(row.unwrap_or_default()));
    };
    if let Some(row) = offsets.iter().position(|offset| !all.is_char_boundary(*offset as usize)) {
        // The offset is the end of the row before, and 0 is always a border.
        return Err(invalid(row.saturating_sub(1)));
    }
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
    if borders().enumerate().any(|(row, border)| is_null(row) && !border.is_empty()) {
        let values = borders().enumerate().map(|(row, border)| (!is_null(row)).then(|| &all[border]));
        return Ok(values.collect());
    }
    Ok(checked_text(TextsResult { offsets, bytes }, nulls.cloned()))
}

/// Returns an array of these buffers. A check by Arrow takes several times as long as the one with vector instructions before.
#[expect(unsafe_code, reason = "Arrow has no safe function that trusts an earlier check")]
fn checked_text(values: TextsResult, nulls: Option<NullBuffer>) -> StringArray {
    let (offsets, bytes) = buffers(values);
    // SAFETY: the caller has checked that all bytes together are UTF-8, and that each offset is at the border of a character.
    // The offsets ascend (`OffsetBuffer::new` checks it) to the number of the bytes (`check_offsets`), and there is one validity
    // bit for each row (`lift`).
    unsafe { StringArray::new_unchecked(offsets, bytes, nulls) }
}

fn check_offsets(texts: &TextsResult, rows: usize) -> Result<(), ValueProblem> {
    let TextsResult { offsets, bytes } = texts;
    if offsets.len() != rows + 1 {
        return Err(format!("{} offsets for {rows} rows", offsets.len()).into());
    }
    if offsets[0] != 0 {
        return Err(format!("a first offset of {}", offsets[0]).into());
    }
    if let Some(row) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(format!("offsets that descend from {} to {} at row {row}", offsets[row], offsets[row + 1]).into());
    }
    let last = offsets[rows] as usize;
    if last != bytes.len() {
        return Err(format!("a last offset of {last} for {} bytes", bytes.len()).into());
    }
    if i32::try_from(last).is_err() {
        return Err(format!("{last} bytes in one column, more than the {} that a batch can hold", i32::MAX).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;

    use super::*;

    fn lifted(offsets: &[u32], bytes: &[u8], valid: Option<&[bool]>) -> Result<StringArray, (String, Option<usize>)> {
        let rows = valid.map_or(offsets.len().saturating_sub(1), <[bool]>::len);
        let values = TextsResult { offsets: offsets.to_vec(), bytes: bytes.to_vec() };
        text(values, rows, valid.map(NullBuffer::from).as_ref()).map_err(|problem| (problem.problem, problem.row))
    }

    fn problem(offsets: &[u32], bytes: &[u8]) -> String {
        lifted(offsets, bytes, Some(&[true; 2])).expect_err("the texts break a rule").0
    }

    #[test]
    fn texts_are_lifted_and_nulls_are_empty() {
        let array = lifted(&[0, 1, 4, 4, 6], "aüx\u{e9}".as_bytes(), Some(&[true, false, true, true])).unwrap();
        assert_eq!(array.iter().collect::<Vec<_>>(), [Some("a"), None, Some(""), Some("\u{e9}")]);
        assert_eq!(array.value(1), "");
        assert_eq!(array.values().len(), 3);
        assert_eq!(lifted(&[0], b"", None).unwrap().len(), 0);
    }

    #[test]
    fn offsets_follow_every_rule() {
        assert_eq!(problem(&[], b""), "0 offsets for 2 rows");
        assert_eq!(problem(&[0, 1], b"a"), "2 offsets for 2 rows");
        assert_eq!(problem(&[1, 1, 2], b"ab"), "a first offset of 1");
        assert_eq!(problem(&[0, 2, 1], b"a"), "offsets that descend from 2 to 1 at row 1");
        assert_eq!(problem(&[0, u32::MAX, 1], b"a"), "offsets that descend from 4294967295 to 1 at row 1");
        assert_eq!(problem(&[0, 1, 3], b"ab"), "a last offset of 3 for 2 bytes");
        assert_eq!(problem(&[0, 1, 1], b"ab"), "a last offset of 1 for 2 bytes");
    }

    #[test]
    fn every_row_is_utf8_by_itself() {
        let row = |offsets: &[u32], bytes: &[u8]| lifted(offsets, bytes, None).expect_err("it is not UTF-8").1;
        assert_eq!(row(&[0, 1, 2, 3], b"a\xffc"), Some(1));
        assert_eq!(row(&[0, 1, 2, 4], b"ab\xc3b"), Some(2));
        // Together, these bytes are one character.
        assert_eq!(row(&[0, 1, 2, 3], b"a\xc3\xbc"), Some(1));
        assert_eq!(row(&[0, 1, 3], "äx".as_bytes()), Some(0));
    }
}
