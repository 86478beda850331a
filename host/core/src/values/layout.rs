//! Arrow types that differ only in how they store the same values: dictionaries, run ends and the forms of lists.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, RunArray, UInt64Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType as ArrowType};
use arrow_select::take::take;

/// Returns a dictionary or run-end array as an array of its values; any other array unchanged.
///
/// # Errors
/// The array is not valid.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        ArrowType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            plain(&take(dictionary.values(), dictionary.keys(), None)?)
        }
        ArrowType::RunEndEncoded(ends, _) => match ends.data_type() {
            ArrowType::Int16 => plain(&runs::<Int16Type>(array)?),
            ArrowType::Int32 => plain(&runs::<Int32Type>(array)?),
            _ => plain(&runs::<Int64Type>(array)?),
        },
        _ => Ok(Arc::clone(array)),
    }
}

fn runs<R: RunEndIndexType>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let array: &RunArray<R> = array.as_run();
    let positions = (0..array.len()).map(|row| array.get_physical_index(row) as u64);
    take(array.values(), &UInt64Array::from_iter_values(positions), None)
}

/// A list of any form: where each row's elements are.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    /// The elements of all rows.
    pub(crate) elements: ArrayRef,
    /// For each row, the index of its first element and the number of its elements.
    pub(crate) ranges: Vec<(usize, usize)>,
    /// The rows that are null.
    pub(crate) nulls: Option<NullBuffer>,
}

impl Lists {
    /// Returns the elements of a list array or map array, or `None` for any other.
    pub(crate) fn new(array: &ArrayRef) -> Option<Self> {
        let pairs = |offsets: &[i32]| {
            offsets.windows(2).map(|pair| (pair[0] as usize, (pair[1] - pair[0]) as usize)).collect::<Vec<_>>()
        };
        let (elements, ranges): (ArrayRef, Vec<(usize, usize)>) = match array.data_type() {
            ArrowType::List(_) => {
                let list = array.as_list::<i32>();
                (Arc::clone(list.values()), pairs(list.value_offsets()))
            }
            ArrowType::LargeList(_) => {
                let list = array.as_list::<i64>();
                let windows = list.value_offsets().windows(2);
                (
                    Arc::clone(list.values()),
                    windows.map(|pair| (pair[0] as usize, (pair[1] - pair[0]) as usize)).collect(),
                )
            }
            ArrowType::FixedSizeList(_, size) => {
                let (list, size) = (array.as_fixed_size_list(), *size as usize);
                let ranges = (0..list.len()).map(|row| (list.value_offset_at(row), size)).collect();
                (Arc::clone(list.values()), ranges)
            }
            ArrowType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                let ranges = list.value_offsets().iter().zip(list.value_sizes());
                (Arc::clone(list.values()), ranges.map(|(start, size)| (*start as usize, *size as usize)).collect())
            }
            ArrowType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                let ranges = list.value_offsets().iter().zip(list.value_sizes());
                (Arc::clone(list.values()), ranges.map(|(start, size)| (*start as usize, *size as usize)).collect())
            }
            ArrowType::Map(..) => {
                let map = array.as_map();
                (Arc::new(map.entries().clone()) as ArrayRef, pairs(map.value_offsets()))
            }
            _ => return None,
        };
        Some(Self { elements, ranges, nulls: array.nulls().cloned() })
    }

    /// Returns whether the list of a row is null.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Returns the lists with their elements in the order of the rows and without gaps, and without the elements of null rows.
    ///
    /// # Errors
    /// The array is not valid.
    pub(crate) fn compact(self) -> Result<Self, ArrowError> {
        let mut next = 0;
        let in_place = |(row, (start, size)): (usize, &(usize, usize))| {
            let is_next = *start == next && !(self.is_null(row) && *size > 0);
            next += size;
            is_next
        };
        if self.ranges.iter().enumerate().all(in_place) && next == self.elements.len() {
            return Ok(self);
        }
        let rows = || (0..self.ranges.len()).map(|row| if self.is_null(row) { (0, 0) } else { self.ranges[row] });
        let wanted = rows().flat_map(|(start, size)| (start..start + size).map(|element| element as u64));
        let elements = take(&self.elements, &UInt64Array::from_iter_values(wanted), None)?;
        let mut start = 0;
        let ranges = rows().map(|(_, size)| {
            start += size;
            (start - size, size)
        });
        Ok(Self { ranges: ranges.collect(), elements, nulls: self.nulls })
    }

    /// Returns the row that an element belongs to, in lists that are compact.
    pub(crate) fn row_of(&self, element: usize) -> usize {
        self.ranges.partition_point(|(start, size)| start + size <= element)
    }
}
