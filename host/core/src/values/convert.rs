//! Conversions between Arrow types that keep every value, or name the row of one that they cannot keep.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date64Type, IntervalDayTimeType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalYearMonthType,
};
use arrow_array::{
    Array, ArrayRef, Date32Array, FixedSizeBinaryArray, FixedSizeListArray, GenericListArray,
    IntervalMonthDayNanoArray, MapArray, OffsetSizeTrait, StructArray, new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, FieldRef, Fields, IntervalUnit};

use super::layout::{Lists, plain};
use super::table::{PARQUET_INTERVAL_BYTES, Unsupported, decimal_parts, element};

/// A value that a type cannot represent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConversionError {
    /// The row in the array, from 0. `None` if the types are at fault.
    pub(crate) row: Option<usize>,
    /// The reason.
    pub(crate) reason: String,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConversionError {}

impl From<ArrowError> for ConversionError {
    fn from(error: ArrowError) -> Self {
        Self { row: None, reason: error.to_string() }
    }
}

impl ConversionError {
    fn at(row: usize, reason: impl Into<String>) -> Self {
        Self { row: Some(row), reason: reason.into() }
    }
}

/// Converts an array to a type that represents the same values.
///
/// # Errors
/// A value does not fit the type, or there is no conversion.
pub(crate) fn convert(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef, ConversionError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), to) {
        (ArrowType::Dictionary(..), ArrowType::Dictionary(..)) => primitive(array, to),
        (ArrowType::Dictionary(..) | ArrowType::RunEndEncoded(..), _) => convert(&plain(array)?, to),
        (_, ArrowType::Null) if array.logical_null_count() == array.len() => Ok(new_null_array(to, array.len())),
        (ArrowType::Null, _) => Ok(new_null_array(to, array.len())),
        (_, ArrowType::Interval(IntervalUnit::MonthDayNano)) => month_day_nano(array),
        (ArrowType::Interval(_), ArrowType::FixedSizeBinary(PARQUET_INTERVAL_BYTES)) => parquet_interval(array),
        (ArrowType::Date64, ArrowType::Date32) => date32(array),
        (ArrowType::Struct(_), ArrowType::Struct(fields)) => structs(array, fields),
        (ArrowType::Map(..), ArrowType::Map(entries, sorted)) => map(array, entries, *sorted),
        (from, ArrowType::List(field)) if element(from).is_some() => list::<i32>(array, field),
        (from, ArrowType::LargeList(field)) if element(from).is_some() => list::<i64>(array, field),
        (ArrowType::FixedSizeList(_, from), ArrowType::FixedSizeList(field, size)) if from == size => {
            let list = array.as_fixed_size_list();
            let size = *size;
            let values = list.values().slice(list.value_offset_at(0), list.len() * size as usize);
            let values = convert(&values, field.data_type()).map_err(|error| ConversionError {
                row: error.row.map(|element| element / (size as usize).max(1)),
                ..error
            })?;
            let nulls = list.nulls().cloned();
            Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(field), size, values, nulls)?))
        }
        (from, to) if from.is_nested() || to.is_nested() => {
            Err(ConversionError { row: None, reason: format!("{from} cannot be converted to {to}") })
        }
        _ => primitive(array, to),
    }
}

/// Converts numbers, times, texts and bytes. The library reports no rows, so the row at fault is found one by one.
fn primitive(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef, ConversionError> {
    let from = array.data_type();
    let narrows = |from: (u8, i8), to: (u8, i8)| from.1 > to.1;
    if let (Some(from), Some(to)) = (decimal_parts(from), decimal_parts(to))
        && narrows(from, to)
    {
        return Err(ConversionError { row: None, reason: "the decimal has digits after the last place".into() });
    }
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &exact).map_err(|error| {
        let is_at_fault = |row: &usize| cast_with_options(&array.slice(*row, 1), to, &exact).is_err();
        ConversionError { row: (0..array.len()).find(is_at_fault), reason: error.to_string() }
    })
}

fn date32(array: &ArrayRef) -> Result<ArrayRef, ConversionError> {
    const DAY: i64 = 86_400_000;
    let dates = array.as_primitive::<Date64Type>();
    let mut days = Vec::with_capacity(dates.len());
    for row in 0..dates.len() {
        if dates.is_null(row) {
            days.push(None);
            continue;
        }
        let value = dates.value(row);
        let day = Some(value / DAY).filter(|_| value % DAY == 0).and_then(|day| i32::try_from(day).ok());
        days.push(Some(day.ok_or_else(|| ConversionError::at(row, "a date with a time of day, or out of range"))?));
    }
    Ok(Arc::new(Date32Array::from(days)))
}

fn structs(array: &ArrayRef, fields: &Fields) -> Result<ArrayRef, ConversionError> {
    let array = array.as_struct();
    let mut columns = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        // Entries of maps may have other names in the same order.
        let column = array.column_by_name(field.name()).unwrap_or_else(|| array.column(index));
        columns.push(convert(column, field.data_type())?);
    }
    if fields.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(array.len(), array.nulls().cloned())));
    }
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
}

fn map(array: &ArrayRef, entries: &FieldRef, sorted: bool) -> Result<ArrayRef, ConversionError> {
    let lists = Lists::new(array).expect("a map has entries").compact()?;
    let converted = converted_elements(&lists, entries)?;
    let offsets = offsets::<i32>(&lists)?;
    let entries_array = converted.as_struct().clone();
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, entries_array, lists.nulls, sorted)?))
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef, field: &FieldRef) -> Result<ArrayRef, ConversionError> {
    let lists = Lists::new(array).expect("it was checked to be a list").compact()?;
    let elements = converted_elements(&lists, field)?;
    let offsets = offsets::<O>(&lists)?;
    Ok(Arc::new(GenericListArray::try_new(Arc::clone(field), offsets, elements, lists.nulls)?))
}

fn converted_elements(lists: &Lists, field: &Field) -> Result<ArrayRef, ConversionError> {
    convert(&lists.elements, field.data_type())
        .map_err(|error| ConversionError { row: error.row.map(|element| lists.row_of(element)), ..error })
}

fn offsets<O: OffsetSizeTrait>(lists: &Lists) -> Result<OffsetBuffer<O>, ConversionError> {
    let ends = lists.ranges.iter().map(|(start, size)| O::from_usize(start + size));
    let offsets: Option<Vec<O>> = std::iter::once(Some(O::default())).chain(ends).collect();
    let offsets = offsets.ok_or_else(|| ConversionError { row: None, reason: "more elements than fit".into() })?;
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Returns the months, days and nanoseconds of the value of a row.
pub(super) type IntervalParts = Box<dyn Fn(usize) -> (i32, i32, i64) + Send + Sync>;

/// Returns the parts of intervals of any unit.
///
/// # Errors
/// The array has another type.
pub(crate) fn interval_parts(array: &ArrayRef) -> Result<IntervalParts, Unsupported> {
    Ok(match array.data_type() {
        ArrowType::Interval(IntervalUnit::YearMonth) => {
            let array = array.as_primitive::<IntervalYearMonthType>().clone();
            Box::new(move |row| (array.value(row), 0, 0))
        }
        ArrowType::Interval(IntervalUnit::DayTime) => {
            let array = array.as_primitive::<IntervalDayTimeType>().clone();
            Box::new(move |row| {
                let value = array.value(row);
                (0, value.days, i64::from(value.milliseconds) * 1_000_000)
            })
        }
        ArrowType::Interval(IntervalUnit::MonthDayNano) => {
            let array = array.as_primitive::<IntervalMonthDayNanoType>().clone();
            Box::new(move |row| {
                let value = array.value(row);
                (value.months, value.days, value.nanoseconds)
            })
        }
        arrow => return Err(Unsupported::new(arrow, "is no interval")),
    })
}

fn month_day_nano(array: &ArrayRef) -> Result<ArrayRef, ConversionError> {
    let parts = interval_parts(array).map_err(|error| ConversionError { row: None, reason: error.to_string() })?;
    let values = (0..array.len()).map(|row| {
        array.is_valid(row).then(|| {
            let (months, days, nanoseconds) = parts(row);
            IntervalMonthDayNano::new(months, days, nanoseconds)
        })
    });
    Ok(Arc::new(values.collect::<IntervalMonthDayNanoArray>()))
}

/// Converts intervals to Parquet's form: months, days and milliseconds as unsigned integers of 32 bits.
fn parquet_interval(array: &ArrayRef) -> Result<ArrayRef, ConversionError> {
    let parts = interval_parts(array).map_err(|error| ConversionError { row: None, reason: error.to_string() })?;
    let mut bytes = Vec::with_capacity(array.len() * PARQUET_INTERVAL_BYTES as usize);
    for row in 0..array.len() {
        if array.is_null(row) {
            bytes.extend([0; PARQUET_INTERVAL_BYTES as usize]);
            continue;
        }
        let (months, days, nanoseconds) = parts(row);
        let milliseconds = Some(nanoseconds / 1_000_000).filter(|_| nanoseconds % 1_000_000 == 0);
        let parts = [Some(i64::from(months)), Some(i64::from(days)), milliseconds];
        for part in parts {
            let part = part.and_then(|part| u32::try_from(part).ok()).ok_or_else(|| {
                let reason =
                    "Parquet has no intervals that are negative, finer than milliseconds, or longer than 32 bits";
                ConversionError::at(row, reason)
            })?;
            bytes.extend(part.to_le_bytes());
        }
    }
    let nulls: Option<NullBuffer> = array.nulls().cloned();
    Ok(Arc::new(FixedSizeBinaryArray::try_new(PARQUET_INTERVAL_BYTES, bytes.into(), nulls)?))
}
