//! The conversions of each Arrow type: to the contract, to JSON and CSV, to Parquet and Arrow.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow_schema::extension::{EXTENSION_TYPE_NAME_KEY, ExtensionType, Json, Uuid};
use arrow_schema::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType as ArrowType, Field, FieldRef, Fields, IntervalUnit,
    TimeUnit,
};

use super::time::parse_zone;

/// Maximum depth of nested types. A file may nest them to any depth, and they are converted recursively.
const MAX_DEPTH: usize = 100;

/// Number of bytes of an interval in Parquet: months, days and milliseconds.
pub(super) const PARQUET_INTERVAL_BYTES: i32 = 12;

/// A type that has no conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsupported {
    arrow: String,
    reason: String,
}

impl Unsupported {
    /// Creates the error for a type. The reason follows the name of the type.
    pub(crate) fn new(arrow: &ArrowType, reason: impl Into<String>) -> Self {
        Self { arrow: arrow.to_string(), reason: reason.into() }
    }

    /// Creates the error for a type without a text form.
    pub(crate) fn no_text(arrow: &ArrowType) -> Self {
        Self::new(arrow, "has no text form")
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the type {} {}", self.arrow, self.reason)
    }
}

impl std::error::Error for Unsupported {}

/// The logical type of a column, which a step can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogicalType {
    Null,
    Boolean,
    Integer,
    Float,
    Decimal,
    Text,
    Binary,
    Json,
    Uuid,
    Date,
    Time,
    Timestamp,
    ZonedTimestamp,
    Duration,
    Interval,
    List,
    Struct,
    Map,
    Union,
}

/// Returns whether a column holds UUIDs.
pub(crate) fn is_uuid(field: &Field) -> bool {
    field.extension_type_name() == Some(Uuid::NAME) && field.data_type() == &ArrowType::FixedSizeBinary(16)
}

/// Returns whether a column holds JSON texts.
pub(crate) fn is_json(field: &Field) -> bool {
    field.extension_type_name() == Some(Json::NAME)
        && matches!(field.data_type(), ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
}

/// Returns the logical type of a column.
pub(crate) fn logical_type(field: &Field) -> LogicalType {
    if is_uuid(field) {
        return LogicalType::Uuid;
    }
    if is_json(field) {
        return LogicalType::Json;
    }
    match field.data_type() {
        ArrowType::Dictionary(_, values) => logical_type(&field.clone().with_data_type(values.as_ref().clone())),
        ArrowType::RunEndEncoded(_, values) => logical_type(values),
        ArrowType::Null => LogicalType::Null,
        ArrowType::Boolean => LogicalType::Boolean,
        arrow if arrow.is_integer() => LogicalType::Integer,
        arrow if arrow.is_floating() => LogicalType::Float,
        arrow if arrow.is_decimal() => LogicalType::Decimal,
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => LogicalType::Text,
        ArrowType::Date32 | ArrowType::Date64 => LogicalType::Date,
        ArrowType::Time32(_) | ArrowType::Time64(_) => LogicalType::Time,
        ArrowType::Timestamp(_, None) => LogicalType::Timestamp,
        ArrowType::Timestamp(_, Some(_)) => LogicalType::ZonedTimestamp,
        ArrowType::Duration(_) => LogicalType::Duration,
        ArrowType::Interval(_) => LogicalType::Interval,
        ArrowType::Struct(_) => LogicalType::Struct,
        ArrowType::Map(..) => LogicalType::Map,
        ArrowType::Union(..) => LogicalType::Union,
        arrow if arrow.is_nested() => LogicalType::List,
        _ => LogicalType::Binary,
    }
}

/// Checks that JSON and CSV can represent a column: their text forms are the same.
///
/// # Errors
/// The type is or contains a union, a struct with two fields of one name, or a time zone that is not known.
pub(crate) fn json_support(field: &Field) -> Result<(), Unsupported> {
    json_support_at(field, 0)
}

fn json_support_at(field: &Field, depth: usize) -> Result<(), Unsupported> {
    let arrow = field.data_type();
    if depth > MAX_DEPTH {
        return Err(Unsupported::new(&ArrowType::Null, "is nested more than 100 levels deep"));
    }
    let nested = |field: &Field| json_support_at(field, depth + 1);
    match arrow {
        ArrowType::Union(..) => Err(Unsupported::new(arrow, "is or contains a union, which has no text form")),
        ArrowType::Timestamp(_, Some(zone)) if parse_zone(zone).is_none() => {
            Err(Unsupported::new(arrow, "names a time zone that is not known"))
        }
        ArrowType::Dictionary(_, values) => nested(&Field::new("values", values.as_ref().clone(), true)),
        ArrowType::RunEndEncoded(_, values) => nested(values),
        ArrowType::Struct(fields) => {
            let mut names = HashSet::new();
            if !fields.iter().all(|field| names.insert(field.name())) {
                return Err(Unsupported::new(arrow, "has two fields of one name"));
            }
            fields.iter().try_for_each(|field| nested(field))
        }
        ArrowType::Map(entries, _) => match entries.data_type() {
            ArrowType::Struct(fields) => fields.iter().try_for_each(|field| nested(field)),
            other => Err(Unsupported::new(other, "is not the entries of a map")),
        },
        _ => element(arrow).map_or(Ok(()), |field| nested(field)),
    }
}

/// Returns the element of a list of any form.
pub(super) fn element(arrow: &ArrowType) -> Option<&FieldRef> {
    match arrow {
        ArrowType::List(element)
        | ArrowType::LargeList(element)
        | ArrowType::ListView(element)
        | ArrowType::LargeListView(element)
        | ArrowType::FixedSizeList(element, _) => Some(element),
        _ => None,
    }
}

/// The form of intervals in a schema for Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntervalForm {
    /// As Arrow's type for them, from which the library makes Parquet's schema.
    Type,
    /// As the bytes that Parquet stores.
    Bytes,
}

/// Returns the column that is written to Parquet for a column: with the same values, in a type that other programs read
/// without Arrow's schema where there is one.
///
/// # Errors
/// The type is or contains a union or an empty struct, or a decimal of more than 76 digits.
pub(crate) fn parquet_field(field: &Field, intervals: IntervalForm) -> Result<FieldRef, Unsupported> {
    let nested = |field: &FieldRef| parquet_field(field, intervals);
    let written = match field.data_type() {
        arrow @ ArrowType::Union(..) => return Err(Unsupported::new(arrow, "is or contains a union")),
        arrow @ ArrowType::Struct(fields) if fields.is_empty() => {
            return Err(Unsupported::new(arrow, "is or contains a struct without fields"));
        }
        arrow @ (ArrowType::FixedSizeList(_, 0) | ArrowType::FixedSizeBinary(0)) => {
            return Err(Unsupported::new(arrow, "is or contains values without a size"));
        }
        ArrowType::Interval(_) => match intervals {
            IntervalForm::Type => ArrowType::Interval(IntervalUnit::DayTime),
            IntervalForm::Bytes => ArrowType::FixedSizeBinary(PARQUET_INTERVAL_BYTES),
        },
        ArrowType::Timestamp(TimeUnit::Second, zone) => ArrowType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        ArrowType::Time32(TimeUnit::Second) => ArrowType::Time32(TimeUnit::Millisecond),
        ArrowType::Date64 => ArrowType::Date32,
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale)
        | ArrowType::Decimal256(precision, scale)
            if *scale < 0 =>
        {
            let digits = u32::from(*precision) + u32::from(scale.unsigned_abs());
            decimal(digits, 0).ok_or_else(|| Unsupported::new(field.data_type(), "has more than 76 digits"))?
        }
        ArrowType::Dictionary(_, values) => match values.as_ref() {
            ArrowType::Utf8 | ArrowType::LargeUtf8 => field.data_type().clone(),
            values => {
                let values = Field::new(field.name(), values.clone(), true);
                parquet_field(&values, intervals)?.data_type().clone()
            }
        },
        ArrowType::RunEndEncoded(_, values) => {
            let written = nested(values)?;
            let nullable = field.is_nullable() || values.is_nullable();
            return Ok(Arc::new(field.clone().with_data_type(written.data_type().clone()).with_nullable(nullable)));
        }
        arrow => nested_type(arrow, nested)?,
    };
    Ok(Arc::new(field.clone().with_data_type(written)))
}

/// Returns the column that is written to Arrow IPC for a column. A file has one dictionary per column for all batches, but batches
/// come with different ones, so dictionaries are replaced by plain values.
///
/// # Errors
/// The type is or contains a union with a dictionary in it.
pub(crate) fn arrow_field(field: &Field) -> Result<FieldRef, Unsupported> {
    let written = match field.data_type() {
        arrow @ ArrowType::Union(..) if contains_dictionary(arrow) => {
            return Err(Unsupported::new(arrow, "is or contains a union of dictionaries"));
        }
        ArrowType::Dictionary(_, values) => {
            arrow_field(&Field::new(field.name(), values.as_ref().clone(), true))?.data_type().clone()
        }
        ArrowType::RunEndEncoded(_, values) if contains_dictionary(values.data_type()) => {
            arrow_field(values)?.data_type().clone()
        }
        ArrowType::ListView(element) => ArrowType::List(arrow_field(element)?),
        ArrowType::LargeListView(element) => ArrowType::LargeList(arrow_field(element)?),
        arrow => nested_type(arrow, |field| arrow_field(field))?,
    };
    Ok(Arc::new(field.clone().with_data_type(written)))
}

/// Returns a list, struct or map with converted fields; any other type unchanged. List views become lists.
fn nested_type(
    arrow: &ArrowType,
    convert: impl Fn(&FieldRef) -> Result<FieldRef, Unsupported>,
) -> Result<ArrowType, Unsupported> {
    Ok(match arrow {
        ArrowType::List(element) | ArrowType::ListView(element) => ArrowType::List(convert(element)?),
        ArrowType::LargeList(element) | ArrowType::LargeListView(element) => ArrowType::LargeList(convert(element)?),
        ArrowType::FixedSizeList(element, size) => ArrowType::FixedSizeList(convert(element)?, *size),
        ArrowType::Struct(fields) => ArrowType::Struct(fields.iter().map(convert).collect::<Result<Fields, _>>()?),
        ArrowType::Map(entries, sorted) => ArrowType::Map(convert(entries)?, *sorted),
        other => other.clone(),
    })
}

fn contains_dictionary(arrow: &ArrowType) -> bool {
    match arrow {
        ArrowType::Dictionary(..) => true,
        ArrowType::RunEndEncoded(_, values) => contains_dictionary(values.data_type()),
        ArrowType::Struct(fields) => fields.iter().any(|field| contains_dictionary(field.data_type())),
        ArrowType::Map(entries, _) => contains_dictionary(entries.data_type()),
        ArrowType::Union(fields, _) => fields.iter().any(|(_, field)| contains_dictionary(field.data_type())),
        other => element(other).is_some_and(|element| contains_dictionary(element.data_type())),
    }
}

/// Returns the smallest decimal type of at least 128 bits for a number of digits, if there is one.
pub(super) fn decimal(digits: u32, scale: i8) -> Option<ArrowType> {
    let precision = u8::try_from(digits).ok()?;
    if precision <= DECIMAL128_MAX_PRECISION {
        Some(ArrowType::Decimal128(precision, scale))
    } else {
        (precision <= DECIMAL256_MAX_PRECISION).then_some(ArrowType::Decimal256(precision, scale))
    }
}

/// Returns the digits and the scale of a decimal type.
pub(super) fn decimal_parts(arrow: &ArrowType) -> Option<(u8, i8)> {
    match arrow {
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale)
        | ArrowType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

/// Returns a field without metadata that would give a plain type another meaning.
pub(super) fn extension(field: &Field) -> Option<&str> {
    field.metadata().get(EXTENSION_TYPE_NAME_KEY).map(String::as_str)
}
