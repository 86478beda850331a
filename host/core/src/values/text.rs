//! Values as text: numbers, dates, times, bytes. Lists, structs and maps have no text of their own; see [`crate::json`].

use std::io::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::as_datetime_with_timezone;
use arrow_array::timezone::Tz;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_cast::base64::{BASE64_STANDARD, Engine};
use arrow_schema::{DataType as ArrowType, TimeUnit};

use super::convert::interval_parts;
use super::table::Unsupported;
use super::time::{parse_zone, write_date, write_datetime, write_duration, write_interval, write_offset, write_time};

/// Adds the text of the value of a row, which is not null.
pub(crate) type TextWriter = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), TextError> + Send + Sync>;

/// The reason why a value has no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextError {
    /// A number that is not finite: `NaN`, `inf` or `-inf`.
    NotFinite(&'static str),
    /// Any other reason.
    Value(String),
}

/// Returns whether JSON writes values of this type as strings, and not as numbers or booleans.
pub(crate) fn is_text_like(arrow: &ArrowType) -> bool {
    !(arrow.is_integer() || arrow.is_floating() || arrow.is_decimal() || arrow == &ArrowType::Boolean)
}

/// Returns the writer of an array without dictionaries and run ends. `uuid` is whether its bytes are UUIDs.
///
/// # Errors
/// The type has no text: lists, structs, maps, unions.
pub(crate) fn text_writer(array: &ArrayRef, uuid: bool) -> Result<TextWriter, Unsupported> {
    Ok(match array.data_type() {
        ArrowType::Boolean => {
            let array = array.as_boolean().clone();
            infallible(move |row, out| out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }))
        }
        ArrowType::Int8 => display::<Int8Type>(array),
        ArrowType::Int16 => display::<Int16Type>(array),
        ArrowType::Int32 => display::<Int32Type>(array),
        ArrowType::Int64 => display::<Int64Type>(array),
        ArrowType::UInt8 => display::<UInt8Type>(array),
        ArrowType::UInt16 => display::<UInt16Type>(array),
        ArrowType::UInt32 => display::<UInt32Type>(array),
        ArrowType::UInt64 => display::<UInt64Type>(array),
        ArrowType::Float16 => {
            let array = array.as_primitive::<Float16Type>().clone();
            Box::new(move |row, out| write_float32(array.value(row).to_f32(), out))
        }
        ArrowType::Float32 => {
            let array = array.as_primitive::<Float32Type>().clone();
            Box::new(move |row, out| write_float32(array.value(row), out))
        }
        ArrowType::Float64 => {
            let array = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row, out| write_float(array.value(row), out))
        }
        ArrowType::Decimal32(..) => decimal::<Decimal32Type>(array),
        ArrowType::Decimal64(..) => decimal::<Decimal64Type>(array),
        ArrowType::Decimal128(..) => decimal::<Decimal128Type>(array),
        ArrowType::Decimal256(..) => decimal::<Decimal256Type>(array),
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => texts(array),
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => {
            bytes(array, uuid)
        }
        arrow if arrow.is_temporal() => temporal(array)?,
        arrow => return Err(Unsupported::new(arrow, "has no text form")),
    })
}

fn infallible(write: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static) -> TextWriter {
    Box::new(move |row, out| {
        write(row, out);
        Ok(())
    })
}

fn display<T: ArrowPrimitiveType>(array: &ArrayRef) -> TextWriter
where
    T::Native: std::fmt::Display,
{
    let array = array.as_primitive::<T>().clone();
    infallible(move |row, out| write!(out, "{}", array.value(row)).expect("memory can be written"))
}

fn decimal<T: DecimalType>(array: &ArrayRef) -> TextWriter {
    let array = array.as_primitive::<T>().clone();
    infallible(move |row, out| out.extend_from_slice(array.value_as_string(row).as_bytes()))
}

fn write_float(value: f64, out: &mut Vec<u8>) -> Result<(), TextError> {
    if !value.is_finite() {
        return Err(TextError::NotFinite(not_finite(value)));
    }
    serde_json::to_writer(out, &value).expect("numbers can be written to memory");
    Ok(())
}

fn write_float32(value: f32, out: &mut Vec<u8>) -> Result<(), TextError> {
    if !value.is_finite() {
        return Err(TextError::NotFinite(not_finite(f64::from(value))));
    }
    serde_json::to_writer(out, &value).expect("numbers can be written to memory");
    Ok(())
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

fn texts(array: &ArrayRef) -> TextWriter {
    match array.data_type() {
        ArrowType::Utf8 => {
            let array = array.as_string::<i32>().clone();
            infallible(move |row, out| out.extend_from_slice(array.value(row).as_bytes()))
        }
        ArrowType::LargeUtf8 => {
            let array = array.as_string::<i64>().clone();
            infallible(move |row, out| out.extend_from_slice(array.value(row).as_bytes()))
        }
        _ => {
            let array = array.as_string_view().clone();
            infallible(move |row, out| out.extend_from_slice(array.value(row).as_bytes()))
        }
    }
}

/// Bytes are base64, UUIDs are hexadecimal with hyphens.
fn bytes(array: &ArrayRef, uuid: bool) -> TextWriter {
    let base64 = |value: &[u8], out: &mut Vec<u8>| {
        let start = out.len();
        // Four characters for every three bytes, with padding.
        out.resize(start + value.len().div_ceil(3) * 4, 0);
        BASE64_STANDARD.encode_slice(value, &mut out[start..]).expect("the space is as large as the text");
    };
    match array.data_type() {
        ArrowType::Binary => {
            let array = array.as_binary::<i32>().clone();
            infallible(move |row, out| base64(array.value(row), out))
        }
        ArrowType::LargeBinary => {
            let array = array.as_binary::<i64>().clone();
            infallible(move |row, out| base64(array.value(row), out))
        }
        ArrowType::BinaryView => {
            let array = array.as_binary_view().clone();
            infallible(move |row, out| base64(array.value(row), out))
        }
        _ => {
            let array = array.as_fixed_size_binary().clone();
            infallible(move |row, out| match array.value(row) {
                value if uuid => write_uuid(value, out),
                value => base64(value, out),
            })
        }
    }
}

fn write_uuid(value: &[u8], out: &mut Vec<u8>) {
    for (index, byte) in value.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        write!(out, "{byte:02x}").expect("memory can be written");
    }
}

fn temporal(array: &ArrayRef) -> Result<TextWriter, Unsupported> {
    Ok(match array.data_type() {
        ArrowType::Date32 => {
            let array = array.as_primitive::<Date32Type>().clone();
            infallible(move |row, out| write_date(i64::from(array.value(row)), out))
        }
        ArrowType::Date64 => {
            let array = array.as_primitive::<Date64Type>().clone();
            infallible(move |row, out| {
                let (seconds, nanoseconds) = split(array.value(row), 1_000);
                if nanoseconds == 0 && seconds % 86_400 == 0 {
                    write_date(seconds / 86_400, out);
                } else {
                    write_datetime(seconds, nanoseconds, out);
                }
            })
        }
        ArrowType::Time32(_) | ArrowType::Time64(_) => {
            let parts = moments(array)?;
            Box::new(move |row, out| {
                let (seconds, nanoseconds) = parts(row);
                write_time(seconds, nanoseconds, out).map_err(|reason| TextError::Value(reason.to_owned()))
            })
        }
        ArrowType::Timestamp(_, None) => {
            let parts = moments(array)?;
            infallible(move |row, out| {
                let (seconds, nanoseconds) = parts(row);
                write_datetime(seconds, nanoseconds, out);
            })
        }
        ArrowType::Timestamp(_, Some(zone)) => {
            let parts = moments(array)?;
            let zone = parse_zone(zone)
                .ok_or_else(|| Unsupported::new(array.data_type(), "names a time zone that is not known"))?;
            infallible(move |row, out| {
                let (seconds, nanoseconds) = parts(row);
                let offset = offset(seconds, zone);
                write_datetime(seconds.saturating_add(offset), nanoseconds, out);
                write_offset(offset, out);
            })
        }
        ArrowType::Duration(_) => {
            let parts = moments(array)?;
            infallible(move |row, out| {
                let (seconds, nanoseconds) = parts(row);
                write_duration(seconds, nanoseconds, out);
            })
        }
        _ => {
            let parts = interval_parts(array)?;
            infallible(move |row, out| {
                let (months, days, nanoseconds) = parts(row);
                write_interval(months, days, nanoseconds, out);
            })
        }
    })
}

/// Returns the offset from UTC in seconds. It is 0 where ISO 8601 has no form for the offset, because it is not in whole minutes
/// as before zones were standardised, or because the time is outside of the calendar of the zones.
fn offset(seconds: i64, zone: Tz) -> i64 {
    let Some(time) = as_datetime_with_timezone::<TimestampSecondType>(seconds, zone) else { return 0 };
    let offset = time.naive_local().and_utc().timestamp() - seconds;
    if offset % 60 == 0 { offset } else { 0 }
}

/// Returns the seconds and nanoseconds of the value of a row.
pub(super) type Moments = Box<dyn Fn(usize) -> (i64, u32) + Send + Sync>;

/// Returns the seconds and nanoseconds of dates, times, timestamps and durations.
///
/// # Errors
/// The array has another type.
pub(super) fn moments(array: &ArrayRef) -> Result<Moments, Unsupported> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Ok(match array.data_type() {
        ArrowType::Date32 => {
            let array = array.as_primitive::<Date32Type>().clone();
            Box::new(move |row| (i64::from(array.value(row)) * 86_400, 0))
        }
        ArrowType::Date64 => units(array.as_primitive::<Date64Type>(), 1_000),
        ArrowType::Time32(Second) => units(array.as_primitive::<Time32SecondType>(), 1),
        ArrowType::Time32(_) => units(array.as_primitive::<Time32MillisecondType>(), 1_000),
        ArrowType::Time64(Microsecond) => units(array.as_primitive::<Time64MicrosecondType>(), 1_000_000),
        ArrowType::Time64(_) => units(array.as_primitive::<Time64NanosecondType>(), 1_000_000_000),
        ArrowType::Timestamp(Second, _) => units(array.as_primitive::<TimestampSecondType>(), 1),
        ArrowType::Timestamp(Millisecond, _) => units(array.as_primitive::<TimestampMillisecondType>(), 1_000),
        ArrowType::Timestamp(Microsecond, _) => units(array.as_primitive::<TimestampMicrosecondType>(), 1_000_000),
        ArrowType::Timestamp(Nanosecond, _) => units(array.as_primitive::<TimestampNanosecondType>(), 1_000_000_000),
        ArrowType::Duration(Second) => units(array.as_primitive::<DurationSecondType>(), 1),
        ArrowType::Duration(Millisecond) => units(array.as_primitive::<DurationMillisecondType>(), 1_000),
        ArrowType::Duration(Microsecond) => units(array.as_primitive::<DurationMicrosecondType>(), 1_000_000),
        ArrowType::Duration(Nanosecond) => units(array.as_primitive::<DurationNanosecondType>(), 1_000_000_000),
        arrow => return Err(Unsupported::new(arrow, "is no time")),
    })
}

fn units<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, per_second: i64) -> Moments
where
    T::Native: Into<i64>,
{
    let array = array.clone();
    Box::new(move |row| split(array.value(row).into(), per_second))
}

fn split(value: i64, per_second: i64) -> (i64, u32) {
    let nanoseconds = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    (value.div_euclid(per_second), nanoseconds as u32)
}
