//! The memory that single rows take, to bound copies of rows before they are made.

mod plain;

use std::collections::HashMap;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_schema::DataType as ArrowType;

/// Returns the bytes that these columns take. A column may be a small slice of large arrays, so only the slice is measured.
pub(crate) fn columns_bytes<'a>(columns: impl IntoIterator<Item = &'a ArrayRef>) -> usize {
    columns.into_iter().map(|column| array_bytes(column.as_ref())).sum()
}

/// Returns the bytes that a copy of one row takes, at least.
pub(crate) fn row_bytes<'a>(columns: impl IntoIterator<Item = &'a ArrayRef>, row: usize) -> u64 {
    columns.into_iter().map(|column| value_bytes(column.as_ref(), row)).sum()
}

/// Returns the bytes that the largest row takes, at most: the sum of the largest values of all columns.
pub(crate) fn max_row_bytes(batch: &RecordBatch) -> u64 {
    let largest = |column: &ArrayRef| match column.data_type().primitive_width() {
        Some(width) => width as u64,
        None => (0..column.len()).map(|row| value_bytes(column.as_ref(), row)).max().unwrap_or(0),
    };
    batch.columns().iter().map(largest).sum()
}

/// Returns the bytes that one row takes as plain data, without dictionaries, views and runs, whose values are in memory once and can
/// be much larger than the columns.
pub(crate) fn plain_row_bytes(columns: &[ArrayRef], row: usize) -> u64 {
    columns.iter().fold(0_u64, |all, column| all.saturating_add(plain::value_bytes(column.as_ref(), row)))
}

/// Returns the bytes that the first rows take as plain data, if all columns have types for which that is fast to find.
pub(crate) fn fast_plain_bytes(columns: &[ArrayRef], rows: usize) -> Option<u64> {
    columns.iter().map(|column| plain::first_values_bytes(column.as_ref(), rows)).sum()
}

/// Returns the bytes that rows take as plain data. Stops after this many bytes: an array of runs can have billions of rows.
pub(crate) fn plain_bytes_up_to(columns: &[ArrayRef], rows: Range<usize>, limit: u64) -> u64 {
    let mut bytes = 0_u64;
    for row in rows {
        bytes = bytes.saturating_add(plain_row_bytes(columns, row));
        if bytes > limit {
            break;
        }
    }
    bytes
}

/// Returns the bytes that an output takes beyond its input because it repeats rows of it. `columns` are those that are copied,
/// and each origin is the index of a row in them, counted from the row `first`. `more` returns the bytes of a row that are not in
/// `columns`.
pub(crate) fn repeated_bytes(columns: &[&ArrayRef], first: usize, origins: &[u32], more: impl Fn(usize) -> u64) -> u64 {
    // Filters and steps that keep all rows repeat none, and need no counts.
    if columns.is_empty() || origins.windows(2).all(|pair| pair[0] < pair[1]) {
        return 0;
    }
    let mut counts: HashMap<u32, u64> = HashMap::new();
    for origin in origins {
        *counts.entry(*origin).or_default() += 1;
    }
    let repeated = counts.into_iter().filter(|(_, count)| *count > 1);
    let sizes = repeated.map(|(row, count)| {
        let row = first + row as usize;
        (row_bytes(columns.iter().copied(), row) + more(row)).saturating_mul(count - 1)
    });
    sizes.fold(0, u64::saturating_add)
}

/// Returns the bytes of one value, with its offset or view. Data that all values share, such as the values of a dictionary, is not
/// copied and does not count.
fn value_bytes(array: &dyn Array, row: usize) -> u64 {
    if let Some(width) = array.data_type().primitive_width() {
        return width as u64;
    }
    let bytes = match array.data_type() {
        ArrowType::Null => 0,
        ArrowType::Boolean => 1,
        ArrowType::Utf8 => array.as_string::<i32>().value_length(row) as usize + size_of::<i32>(),
        ArrowType::LargeUtf8 => array.as_string::<i64>().value_length(row) as usize + size_of::<i64>(),
        ArrowType::Binary => array.as_binary::<i32>().value_length(row) as usize + size_of::<i32>(),
        ArrowType::LargeBinary => array.as_binary::<i64>().value_length(row) as usize + size_of::<i64>(),
        ArrowType::List(_) => list_bytes::<i32>(array, row),
        ArrowType::LargeList(_) => list_bytes::<i64>(array, row),
        ArrowType::Dictionary(key, _) => key.primitive_width().unwrap_or_default(),
        _ => array_bytes(array.slice(row, 1).as_ref()),
    };
    bytes as u64
}

fn list_bytes<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> usize {
    let list = array.as_list::<O>();
    let (start, length) = (list.value_offsets()[row].as_usize(), list.value_length(row).as_usize());
    array_bytes(list.values().slice(start, length).as_ref()) + size_of::<O>()
}

fn array_bytes(array: &dyn Array) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{Int64Array, ListArray, StringArray};

    use super::*;

    fn columns() -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from(vec![1, 2, 3])),
            Arc::new(StringArray::from(vec!["", "four", "twelve bytes"])),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![]),
                Some(vec![Some(1), Some(2)]),
                None,
            ])),
        ]
    }

    #[test]
    fn rows_have_the_size_of_their_values() {
        let columns = columns();
        let sizes: Vec<_> = (0..3).map(|row| row_bytes(&columns, row)).collect();
        assert_eq!((sizes[0], sizes[2]), (8 + 4 + 4, 8 + 16 + 4));
        assert!(sizes[1] >= 8 + 8 + 4 + 8, "{sizes:?}");
        let named = columns.into_iter().enumerate().map(|(index, column)| (index.to_string(), column));
        let batch = RecordBatch::try_from_iter(named).expect("the columns have one length");
        assert!(sizes.iter().all(|size| *size <= max_row_bytes(&batch)));
    }

    #[test]
    fn first_rows_have_the_bytes_of_each() {
        let columns = columns();
        let more: [ArrayRef; 4] = [
            Arc::new(arrow_array::StringViewArray::from(vec![Some("x"), None, Some("more than twelve bytes")])),
            Arc::new(arrow_array::BinaryArray::from(vec![b"".as_slice(), b"12", b"3"])),
            Arc::new(arrow_array::BooleanArray::from(vec![None, Some(true), None])),
            columns[1].slice(1, 2),
        ];
        for column in columns[..2].iter().chain(&more) {
            for rows in 0..=column.len() {
                let each = (0..rows).map(|row| plain_row_bytes(std::slice::from_ref(column), row)).sum();
                assert_eq!(fast_plain_bytes(std::slice::from_ref(column), rows), Some(each), "{column:?}");
            }
        }
        assert_eq!(fast_plain_bytes(&columns, 1), None);
    }

    #[test]
    fn only_repeated_rows_count() {
        let columns = columns();
        let columns: Vec<&ArrayRef> = columns[..2].iter().collect();
        assert_eq!(repeated_bytes(&columns, 0, &[0, 1, 2], |_| 0), 0);
        assert_eq!(repeated_bytes(&columns, 0, &[2, 0, 1], |_| 0), 0);
        assert_eq!(repeated_bytes(&columns, 0, &[1, 1, 1, 2], |_| 0), 2 * (8 + 4 + 4));
        assert_eq!(repeated_bytes(&[], 0, &[1, 1], |_| 0), 0);
    }
}
