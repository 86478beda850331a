//! Columns of Parquet whose type is wider than the Arrow type that the library reads: INT96 timestamps, whose years do not end
//! in 2262, and intervals, which have months, days and milliseconds.
//!
//! The library reads such a column in one of several types and drops the rest of each value without an error. Here it is read
//! twice, in two types that together have the whole value, and put together again.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    IntervalDayTimeType, IntervalMonthDayNano, IntervalYearMonthType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, IntervalMonthDayNanoArray, MapArray, OffsetSizeTrait,
    RecordBatch, RecordBatchOptions, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{ConvertedType, Type as PhysicalType};
use parquet::errors::ParquetError;

use super::super::open::RowError;
use super::{ParquetFile, ParquetRows, viewed};
use crate::values::{ConversionError, Lists};

/// Number of rows that decide whether INT96 timestamps are read in nanoseconds or in microseconds.
const SAMPLE_ROWS: usize = 1000;

/// The types in which the wide columns are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WidePart {
    /// Nanoseconds, which wrap around; days and milliseconds.
    Low,
    /// Milliseconds; months.
    High,
    /// The type of the result, with this unit of timestamps.
    Whole(TimeUnit),
}

/// The wide columns of a file.
#[derive(Debug)]
pub(super) struct WideColumns {
    /// The schema as the library reads the file.
    schema: SchemaRef,
    /// For each leaf of the Parquet schema, whether it is wide.
    leaves: Vec<bool>,
    /// The indexes of the columns with such leaves.
    roots: Vec<usize>,
    /// The unit of timestamps.
    unit: TimeUnit,
}

impl WideColumns {
    /// Returns the wide columns of a file, or `None` if it has none.
    pub(super) fn new(metadata: &ArrowReaderMetadata) -> Option<Self> {
        let parquet = metadata.parquet_schema();
        let is_wide = |leaf: &parquet::schema::types::ColumnDescPtr| {
            leaf.physical_type() == PhysicalType::INT96 || leaf.converted_type() == ConvertedType::INTERVAL
        };
        let leaves: Vec<bool> = parquet.columns().iter().map(is_wide).collect();
        let wide = leaves.iter().enumerate().filter(|(_, is_wide)| **is_wide);
        let mut roots: Vec<usize> = wide.map(|(leaf, _)| parquet.get_column_root_idx(leaf)).collect();
        roots.dedup();
        let schema = Arc::clone(metadata.schema());
        (!roots.is_empty()).then_some(Self { schema, leaves, roots, unit: TimeUnit::Microsecond })
    }

    /// Chooses the unit of timestamps by the first rows: nanoseconds if a value has them, otherwise microseconds, which reach
    /// further.
    pub(super) fn sample(&mut self, file: &ParquetFile) -> Result<(), RowError> {
        let mut rows = self.readers(file, SAMPLE_ROWS, Some(&self.roots))?;
        if let (Some(low), Some(high)) = (rows.0.next().transpose()?, rows.1.next().transpose()?) {
            let has_nanoseconds =
                (0..self.roots.len()).any(|root| needs_nanoseconds(low.column(root), high.column(root)));
            if has_nanoseconds {
                self.unit = TimeUnit::Nanosecond;
            }
        }
        Ok(())
    }

    /// Returns the schema of the rows that [`WideColumns::combine`] returns.
    pub(super) fn schema(&self) -> SchemaRef {
        self.schema_of(WidePart::Whole(self.unit))
    }

    /// Opens readers for these columns or all, and for the wide ones again.
    pub(super) fn readers(
        &self,
        file: &ParquetFile,
        batch_rows: usize,
        roots: Option<&[usize]>,
    ) -> Result<(ParquetRows, ParquetRows), ParquetError> {
        let batch_rows = file.rows_at_once(batch_rows);
        let low = file.rows(&self.schema_of(WidePart::Low), roots, batch_rows)?;
        Ok((low, file.rows(&self.schema_of(WidePart::High), Some(&self.roots), batch_rows)?))
    }

    fn schema_of(&self, part: WidePart) -> SchemaRef {
        let mut leaves = self.leaves.iter().copied();
        let fields: Fields = self.schema.fields().iter().map(|field| typed(field, part, &mut leaves)).collect();
        Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()))
    }

    /// Puts the two parts of the same rows together.
    ///
    /// # Errors
    /// A timestamp is out of the range of the unit, or an interval is not valid.
    pub(super) fn combine(&self, low: &RecordBatch, high: &RecordBatch) -> Result<RecordBatch, ConversionError> {
        let mut columns = low.columns().to_vec();
        let schema = self.schema();
        let fields: Fields = schema.fields().iter().map(viewed).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        for (index, root) in self.roots.iter().enumerate() {
            let field = schema.field(*root);
            columns[*root] = combine(low.column(*root), high.column(index), field.data_type()).map_err(|error| {
                ConversionError { reason: format!("column {:?}: {}", field.name(), error.reason), ..error }
            })?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(low.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }
}

/// Returns a field in which the wide leaves have the types of a part.
fn typed(field: &FieldRef, part: WidePart, leaves: &mut impl Iterator<Item = bool>) -> FieldRef {
    let data_type = match field.data_type() {
        ArrowType::Struct(fields) => ArrowType::Struct(fields.iter().map(|field| typed(field, part, leaves)).collect()),
        ArrowType::Map(entries, sorted) => ArrowType::Map(typed(entries, part, leaves), *sorted),
        ArrowType::List(element) => ArrowType::List(typed(element, part, leaves)),
        ArrowType::LargeList(element) => ArrowType::LargeList(typed(element, part, leaves)),
        ArrowType::ListView(element) => ArrowType::ListView(typed(element, part, leaves)),
        ArrowType::LargeListView(element) => ArrowType::LargeListView(typed(element, part, leaves)),
        ArrowType::FixedSizeList(element, size) => ArrowType::FixedSizeList(typed(element, part, leaves), *size),
        leaf => {
            let is_wide = leaves.next().unwrap_or(false);
            match (leaf, part) {
                (ArrowType::Timestamp(_, zone), _) if is_wide => {
                    let unit = match part {
                        WidePart::Low => TimeUnit::Nanosecond,
                        WidePart::High => TimeUnit::Millisecond,
                        WidePart::Whole(unit) => unit,
                    };
                    ArrowType::Timestamp(unit, zone.clone())
                }
                (ArrowType::Interval(_), _) if is_wide => ArrowType::Interval(match part {
                    WidePart::Low => IntervalUnit::DayTime,
                    WidePart::High => IntervalUnit::YearMonth,
                    WidePart::Whole(_) => IntervalUnit::MonthDayNano,
                }),
                (other, _) => other.clone(),
            }
        }
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The exact nanoseconds of a timestamp: `low` is them without their high bits, `high` the milliseconds before them.
fn nanoseconds(low: i64, high: i64) -> i128 {
    i128::from(high) * 1_000_000 + i128::from(low.wrapping_sub(high.wrapping_mul(1_000_000)))
}

fn needs_nanoseconds(low: &ArrayRef, high: &ArrayRef) -> bool {
    match (low.data_type(), high.data_type()) {
        (ArrowType::Timestamp(TimeUnit::Nanosecond, _), ArrowType::Timestamp(TimeUnit::Millisecond, _)) => {
            let (low, high) =
                (low.as_primitive::<TimestampNanosecondType>(), high.as_primitive::<TimestampMillisecondType>());
            (0..low.len()).any(|row| low.is_valid(row) && nanoseconds(low.value(row), high.value(row)) % 1_000 != 0)
        }
        (ArrowType::Struct(_), ArrowType::Struct(_)) => {
            let (low, high) = (low.as_struct(), high.as_struct());
            low.columns().iter().zip(high.columns()).any(|(low, high)| needs_nanoseconds(low, high))
        }
        _ => match (Lists::new(low), Lists::new(high)) {
            (Some(low), Some(high)) => needs_nanoseconds(&low.elements, &high.elements),
            _ => false,
        },
    }
}

type Combined = Result<ArrayRef, ConversionError>;

fn combine(low: &ArrayRef, high: &ArrayRef, to: &ArrowType) -> Combined {
    if low.len() != high.len() {
        return Err(ConversionError {
            row: None,
            reason: "the column has another number of values at second reading".into(),
        });
    }
    if low.data_type() == to {
        let is_timestamp = matches!(high.data_type(), ArrowType::Timestamp(TimeUnit::Millisecond, _));
        if !is_timestamp || high.data_type() == to {
            return Ok(Arc::clone(low));
        }
    }
    match (low.data_type(), to) {
        (ArrowType::Timestamp(..), ArrowType::Timestamp(unit, zone)) => timestamps(low, high, *unit, zone.as_ref()),
        (ArrowType::Interval(_), ArrowType::Interval(_)) => intervals(low, high),
        (ArrowType::Struct(_), ArrowType::Struct(fields)) => {
            let (low, high) = (low.as_struct(), high.as_struct());
            let parts = low.columns().iter().zip(high.columns()).zip(fields);
            let columns = parts.map(|((low, high), field)| combine(low, high, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, low.nulls().cloned())?))
        }
        (ArrowType::List(_), ArrowType::List(field)) => list::<i32>(low, high, field),
        (ArrowType::LargeList(_), ArrowType::LargeList(field)) => list::<i64>(low, high, field),
        (ArrowType::FixedSizeList(..), ArrowType::FixedSizeList(field, size)) => {
            let values = elements(low, high, field)?;
            let nulls = low.nulls().cloned();
            Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(field), *size, values, nulls)?))
        }
        (ArrowType::Map(..), ArrowType::Map(field, sorted)) => {
            let entries = elements(low, high, field)?;
            let map = low.as_map();
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries.as_struct().clone(), nulls, *sorted)?))
        }
        (from, _) => Err(ConversionError { row: None, reason: format!("{from} with such values is not supported") }),
    }
}

fn list<O: OffsetSizeTrait>(low: &ArrayRef, high: &ArrayRef, field: &FieldRef) -> Combined {
    let values = elements(low, high, field)?;
    let list = low.as_list::<O>();
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    Ok(Arc::new(GenericListArray::try_new(Arc::clone(field), offsets, values, nulls)?))
}

/// Combines the elements of lists. An element at fault is named by its row.
fn elements(low: &ArrayRef, high: &ArrayRef, field: &Field) -> Combined {
    let no_list = || ConversionError { row: None, reason: "the column is no list at second reading".into() };
    let (low, high) = (Lists::new(low).ok_or_else(no_list)?, Lists::new(high).ok_or_else(no_list)?);
    combine(&low.elements, &high.elements, field.data_type())
        .map_err(|error| ConversionError { row: error.row.map(|element| low.row_of(element)), ..error })
}

fn timestamps(low: &ArrayRef, high: &ArrayRef, unit: TimeUnit, zone: Option<&Arc<str>>) -> Combined {
    let (low, high) = (low.as_primitive::<TimestampNanosecondType>(), high.as_primitive::<TimestampMillisecondType>());
    let (divisor, range) = match unit {
        TimeUnit::Nanosecond => (1, "nanoseconds, from the years 1677 to 2262, which the first 1000 rows need"),
        _ => (1_000, "microseconds, and the first 1000 rows need no finer ones"),
    };
    let mut values = Vec::with_capacity(low.len());
    for row in 0..low.len() {
        if low.is_null(row) {
            values.push(None);
            continue;
        }
        let exact = nanoseconds(low.value(row), high.value(row));
        let value = Some(exact / divisor).filter(|_| exact % divisor == 0).and_then(|value| i64::try_from(value).ok());
        let value = value.ok_or_else(|| ConversionError {
            row: Some(row),
            reason: format!("an INT96 timestamp does not fit {range}"),
        })?;
        values.push(Some(value));
    }
    Ok(match unit {
        TimeUnit::Nanosecond => Arc::new(TimestampNanosecondArray::from(values).with_timezone_opt(zone.cloned())),
        _ => Arc::new(TimestampMicrosecondArray::from(values).with_timezone_opt(zone.cloned())),
    })
}

fn intervals(low: &ArrayRef, high: &ArrayRef) -> Combined {
    let (low, high) = (low.as_primitive::<IntervalDayTimeType>(), high.as_primitive::<IntervalYearMonthType>());
    let mut values = Vec::with_capacity(low.len());
    for row in 0..low.len() {
        if low.is_null(row) {
            values.push(None);
            continue;
        }
        let (months, rest) = (high.value(row), low.value(row));
        // The parts are unsigned in the file. Milliseconds have room as nanoseconds.
        if months < 0 || rest.days < 0 {
            let reason = "an interval of more than 2,147,483,647 months or days".to_owned();
            return Err(ConversionError { row: Some(row), reason });
        }
        let nanoseconds = i64::from(rest.milliseconds as u32) * 1_000_000;
        values.push(Some(IntervalMonthDayNano::new(months, rest.days, nanoseconds)));
    }
    Ok(Arc::new(IntervalMonthDayNanoArray::from(values)))
}
