//! The size of single values as plain data.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, OffsetSizeTrait};
use arrow_buffer::ArrowNativeType as _;
use arrow_schema::DataType as ArrowType;

/// Bytes that every value takes: an offset, or a text such as `null`.
const VALUE: u64 = 8;

/// Returns the bytes of one value.
pub(super) fn value_bytes(array: &dyn Array, row: usize) -> u64 {
    if let Some(width) = array.data_type().primitive_width() {
        return width as u64;
    }
    let content = match array.data_type() {
        ArrowType::Utf8 => array.as_string::<i32>().value_length(row).as_usize() as u64,
        ArrowType::LargeUtf8 => array.as_string::<i64>().value_length(row).as_usize() as u64,
        ArrowType::Binary => array.as_binary::<i32>().value_length(row).as_usize() as u64,
        ArrowType::LargeBinary => array.as_binary::<i64>().value_length(row).as_usize() as u64,
        // The first four bytes of a view are its length.
        ArrowType::Utf8View => u64::from(array.as_string_view().views()[row] as u32),
        ArrowType::BinaryView => u64::from(array.as_binary_view().views()[row] as u32),
        ArrowType::FixedSizeBinary(width) => u64::try_from(*width).unwrap_or(0),
        ArrowType::List(_) => list_bytes::<i32>(array, row),
        ArrowType::LargeList(_) => list_bytes::<i64>(array, row),
        ArrowType::ListView(_) => list_view_bytes::<i32>(array, row),
        ArrowType::LargeListView(_) => list_view_bytes::<i64>(array, row),
        ArrowType::FixedSizeList(_, width) => {
            let start = array.as_fixed_size_list().value_offset_at(row);
            range_bytes(array.as_fixed_size_list().values().as_ref(), start..start + *width as usize)
        }
        ArrowType::Map(..) => {
            let map = array.as_map();
            let start = map.value_offsets()[row].as_usize();
            range_bytes(map.entries(), start..start + map.value_length(row).as_usize())
        }
        ArrowType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().fold(0_u64, |all, column| all.saturating_add(value_bytes(column.as_ref(), row)))
        }
        ArrowType::Dictionary(key, _) => match key.as_ref() {
            ArrowType::Int8 => dictionary_bytes::<Int8Type>(array, row),
            ArrowType::Int16 => dictionary_bytes::<Int16Type>(array, row),
            ArrowType::Int32 => dictionary_bytes::<Int32Type>(array, row),
            ArrowType::Int64 => dictionary_bytes::<Int64Type>(array, row),
            ArrowType::UInt8 => dictionary_bytes::<UInt8Type>(array, row),
            ArrowType::UInt16 => dictionary_bytes::<UInt16Type>(array, row),
            ArrowType::UInt32 => dictionary_bytes::<UInt32Type>(array, row),
            _ => dictionary_bytes::<UInt64Type>(array, row),
        },
        ArrowType::RunEndEncoded(ends, _) => match ends.data_type() {
            ArrowType::Int16 => run_bytes::<Int16Type>(array, row),
            ArrowType::Int32 => run_bytes::<Int32Type>(array, row),
            _ => run_bytes::<Int64Type>(array, row),
        },
        ArrowType::Union(..) => {
            let union = array.as_union();
            value_bytes(union.child(union.type_id(row)).as_ref(), union.value_offset(row))
        }
        _ => 0,
    };
    content.saturating_add(VALUE)
}

/// Returns the bytes of the first values together, if they can be found without a look at each value but for its length.
pub(super) fn first_values_bytes(array: &dyn Array, rows: usize) -> Option<u64> {
    if let Some(width) = array.data_type().primitive_width() {
        return Some((width * rows) as u64);
    }
    let content = match array.data_type() {
        ArrowType::Boolean => 0,
        ArrowType::Utf8 => offsets_bytes(array.as_string::<i32>().value_offsets(), rows),
        ArrowType::LargeUtf8 => offsets_bytes(array.as_string::<i64>().value_offsets(), rows),
        ArrowType::Binary => offsets_bytes(array.as_binary::<i32>().value_offsets(), rows),
        ArrowType::LargeBinary => offsets_bytes(array.as_binary::<i64>().value_offsets(), rows),
        ArrowType::Utf8View => views_bytes(&array.as_string_view().views()[..rows]),
        ArrowType::BinaryView => views_bytes(&array.as_binary_view().views()[..rows]),
        _ => return None,
    };
    Some(content + VALUE * rows as u64)
}

fn offsets_bytes<O: OffsetSizeTrait>(offsets: &[O], rows: usize) -> u64 {
    (offsets[rows].as_usize() - offsets[0].as_usize()) as u64
}

/// The first four bytes of a view are its length.
fn views_bytes(views: &[u128]) -> u64 {
    views.iter().map(|view| u64::from(*view as u32)).sum()
}

fn list_bytes<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> u64 {
    let list = array.as_list::<O>();
    let start = list.value_offsets()[row].as_usize();
    range_bytes(list.values().as_ref(), start..start + list.value_length(row).as_usize())
}

fn list_view_bytes<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> u64 {
    let list = array.as_list_view::<O>();
    let start = list.value_offsets()[row].as_usize();
    range_bytes(list.values().as_ref(), start..start + list.value_sizes()[row].as_usize())
}

fn dictionary_bytes<K: ArrowDictionaryKeyType>(array: &dyn Array, row: usize) -> u64 {
    let dictionary = array.as_dictionary::<K>();
    dictionary.key(row).map_or(0, |key| value_bytes(dictionary.values().as_ref(), key))
}

fn run_bytes<R: RunEndIndexType>(array: &dyn Array, row: usize) -> u64 {
    array.as_run_opt::<R>().map_or(0, |runs| value_bytes(runs.values().as_ref(), runs.get_physical_index(row)))
}

/// Returns the bytes of consecutive values.
fn range_bytes(values: &dyn Array, rows: Range<usize>) -> u64 {
    match values.data_type().primitive_width() {
        Some(width) => (width as u64).saturating_mul(rows.len() as u64),
        None if matches!(values.data_type(), ArrowType::Boolean | ArrowType::Null) => rows.len() as u64 * VALUE,
        None => rows.fold(0_u64, |all, row| all.saturating_add(value_bytes(values, row))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int32Array, ListArray, RunArray, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn values_that_are_in_memory_once_count_in_every_row() {
        let text = "x".repeat(1000);
        let values: ArrayRef = Arc::new(StringArray::from(vec![&*text]));
        let keys = Int32Array::from(vec![Some(0), None, Some(0)]);
        let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&values)).unwrap();
        assert_eq!([0, 1, 2].map(|row| value_bytes(&dictionary, row)), [1016, 8, 1016]);
        let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![5]), values.as_ref()).unwrap();
        assert_eq!([0, 4].map(|row| value_bytes(&runs, row)), [1016, 1016]);
        let views = StringViewArray::from(vec![&*text, "short"]);
        assert_eq!([0, 1].map(|row| value_bytes(&views, row)), [1008, 13]);
    }

    #[test]
    fn lists_have_the_size_of_their_elements() {
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1); 10]), None]);
        assert_eq!([0, 1].map(|row| value_bytes(&numbers, row)), [48, 8]);
    }
}
