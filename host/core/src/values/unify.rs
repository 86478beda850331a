//! The common type of columns of several files or parents.

use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use super::table::{decimal, decimal_parts, element, extension};

/// Returns a column that can hold the values of two columns with the same type in the contract, or `None` if the types differ.
///
/// The widths of integers, floats and decimals, the units of times, the layouts of texts, bytes and lists, and dictionaries may
/// differ. A column of nulls agrees with any other. The name and the metadata are those of the first column.
pub(crate) fn unify(first: &Field, second: &Field) -> Option<Field> {
    let nullable = first.is_nullable() || second.is_nullable();
    let is_null = |field: &Field| field.data_type() == &ArrowType::Null;
    let (data_type, extension_of) = match (is_null(first), is_null(second)) {
        (true, false) => (second.data_type().clone(), second),
        (false, true) => (first.data_type().clone(), first),
        _ => {
            if extension(first) != extension(second) {
                return None;
            }
            (unify_types(first.data_type(), second.data_type())?, first)
        }
    };
    let mut metadata = first.metadata().clone();
    metadata.extend(extension_of.metadata().iter().map(|(key, value)| (key.clone(), value.clone())));
    Some(Field::new(first.name(), data_type, nullable || is_null(first) || is_null(second)).with_metadata(metadata))
}

fn unify_types(first: &ArrowType, second: &ArrowType) -> Option<ArrowType> {
    if first == second {
        return Some(first.clone());
    }
    if encoded_values(first).is_some() || encoded_values(second).is_some() {
        return unify_types(encoded_values(first).unwrap_or(first), encoded_values(second).unwrap_or(second));
    }
    if let (Some(first), Some(second)) = (text_rank(first), text_rank(second)) {
        return Some([ArrowType::Utf8, ArrowType::LargeUtf8][first.max(second)].clone());
    }
    if let (Some(first), Some(second)) = (binary_rank(first), binary_rank(second)) {
        return Some([ArrowType::Binary, ArrowType::LargeBinary][first.max(second)].clone());
    }
    if first.is_integer() && second.is_integer() {
        return Some(integer(first, second));
    }
    if first.is_floating() && second.is_floating() {
        let wider = |one: &ArrowType| {
            if one == &ArrowType::Float16 {
                2
            } else if one == &ArrowType::Float32 {
                4
            } else {
                8
            }
        };
        return Some(if wider(first) > wider(second) { first.clone() } else { second.clone() });
    }
    if let (Some((digits, scale)), Some((other_digits, other_scale))) = (decimal_parts(first), decimal_parts(second)) {
        let common = scale.max(other_scale);
        let whole = |digits: u8, scale: i8| i32::from(digits) - i32::from(scale);
        let digits = whole(digits, scale).max(whole(other_digits, other_scale)) + i32::from(common);
        return decimal(u32::try_from(digits).ok()?, common);
    }
    nested(first, second).or_else(|| temporal(first, second))
}

/// Returns the type of the values of a dictionary or of run ends.
fn encoded_values(arrow: &ArrowType) -> Option<&ArrowType> {
    match arrow {
        ArrowType::Dictionary(_, values) => Some(values),
        ArrowType::RunEndEncoded(_, values) => Some(values.data_type()),
        _ => None,
    }
}

fn text_rank(arrow: &ArrowType) -> Option<usize> {
    match arrow {
        ArrowType::Utf8 | ArrowType::Utf8View => Some(0),
        ArrowType::LargeUtf8 => Some(1),
        _ => None,
    }
}

fn binary_rank(arrow: &ArrowType) -> Option<usize> {
    match arrow {
        ArrowType::Binary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => Some(0),
        ArrowType::LargeBinary => Some(1),
        _ => None,
    }
}

/// Returns the smallest integer type for both, at most 64 bits. An unsigned integer of 64 bits and a signed one have no common
/// type, so values beyond the signed range are errors.
fn integer(first: &ArrowType, second: &ArrowType) -> ArrowType {
    let width = |arrow: &ArrowType| arrow.primitive_width().unwrap_or(8);
    let is_signed = |arrow: &ArrowType| arrow.is_signed_integer();
    if is_signed(first) == is_signed(second) {
        return if width(first) > width(second) { first.clone() } else { second.clone() };
    }
    let (signed, unsigned) = if is_signed(first) { (first, second) } else { (second, first) };
    match width(signed).max(2 * width(unsigned)) {
        2 => ArrowType::Int16,
        4 => ArrowType::Int32,
        _ => ArrowType::Int64,
    }
}

fn temporal(first: &ArrowType, second: &ArrowType) -> Option<ArrowType> {
    use ArrowType::{Date32, Date64, Duration, Interval, Time32, Time64, Timestamp};
    Some(match (first, second) {
        (Date32, Date64) | (Date64, Date32) => Date64,
        (Time32(one) | Time64(one), Time32(other) | Time64(other)) => match finer(*one, *other) {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => Time32(unit),
            unit => Time64(unit),
        },
        (Timestamp(one, None), Timestamp(other, None)) => Timestamp(finer(*one, *other), None),
        // The instants are the same; they are shown in the zone of the first.
        (Timestamp(one, Some(zone)), Timestamp(other, Some(_))) => {
            Timestamp(finer(*one, *other), Some(Arc::clone(zone)))
        }
        (Duration(one), Duration(other)) => Duration(finer(*one, *other)),
        (Interval(_), Interval(_)) => Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

fn finer(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    let rank = |unit: TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if rank(one) > rank(other) { one } else { other }
}

fn nested(first: &ArrowType, second: &ArrowType) -> Option<ArrowType> {
    let fields = |first: &FieldRef, second: &FieldRef| unify(first, second).map(Arc::new);
    match (first, second) {
        (ArrowType::FixedSizeList(one, size), ArrowType::FixedSizeList(other, other_size)) if size == other_size => {
            Some(ArrowType::FixedSizeList(fields(one, other)?, *size))
        }
        (ArrowType::Struct(one), ArrowType::Struct(other)) if one.len() == other.len() => {
            let named = |name: &str| other.iter().find(|field| field.name() == name);
            let unified = one.iter().map(|field| fields(field, named(field.name())?));
            Some(ArrowType::Struct(unified.collect::<Option<Fields>>()?))
        }
        (ArrowType::Map(one, sorted), ArrowType::Map(other, other_sorted)) => {
            let (ArrowType::Struct(own), ArrowType::Struct(others)) = (one.data_type(), other.data_type()) else {
                return None;
            };
            let unified = own.iter().zip(others).map(|(one, other)| {
                // Keys cannot be null, and their names differ between programs.
                fields(one, other)
            });
            let entries = one.as_ref().clone().with_data_type(ArrowType::Struct(unified.collect::<Option<Fields>>()?));
            Some(ArrowType::Map(Arc::new(entries), *sorted && *other_sorted))
        }
        _ => {
            let is_large = |arrow: &ArrowType| matches!(arrow, ArrowType::LargeList(_) | ArrowType::LargeListView(_));
            let unified = fields(element(first)?, element(second)?)?;
            let large = is_large(first) || is_large(second);
            Some(if large { ArrowType::LargeList(unified) } else { ArrowType::List(unified) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(first: ArrowType, second: ArrowType) -> Option<ArrowType> {
        let field = |data_type| Field::new("a", data_type, false);
        let unified = unify(&field(first.clone()), &field(second.clone()));
        let reversed = unify(&field(second), &field(first));
        assert_eq!(
            unified.as_ref().map(Field::is_nullable),
            reversed.as_ref().map(Field::is_nullable),
            "the order does not matter"
        );
        unified.map(|field| field.data_type().clone())
    }

    fn list(element: ArrowType) -> ArrowType {
        ArrowType::List(Arc::new(Field::new("item", element, true)))
    }

    #[test]
    fn layouts_of_one_type_agree() {
        let dictionary = ArrowType::Dictionary(Box::new(ArrowType::Int8), Box::new(ArrowType::Utf8));
        assert_eq!(common(ArrowType::Utf8, ArrowType::LargeUtf8), Some(ArrowType::LargeUtf8));
        assert_eq!(common(ArrowType::Utf8View, dictionary.clone()), Some(ArrowType::Utf8));
        assert_eq!(common(dictionary, ArrowType::LargeUtf8), Some(ArrowType::LargeUtf8));
        assert_eq!(common(ArrowType::FixedSizeBinary(3), ArrowType::BinaryView), Some(ArrowType::Binary));
        assert_eq!(common(ArrowType::Int8, ArrowType::UInt16), Some(ArrowType::Int32));
        assert_eq!(common(ArrowType::Int8, ArrowType::UInt64), Some(ArrowType::Int64));
        assert_eq!(common(ArrowType::UInt8, ArrowType::UInt64), Some(ArrowType::UInt64));
        assert_eq!(common(ArrowType::Float16, ArrowType::Float32), Some(ArrowType::Float32));
        let large = ArrowType::LargeList(Arc::new(Field::new("element", ArrowType::Int64, false)));
        let unified = ArrowType::LargeList(Arc::new(Field::new("item", ArrowType::Int64, true)));
        assert_eq!(common(list(ArrowType::Int32), large), Some(unified));
    }

    #[test]
    fn decimals_and_times_take_the_wider_type() {
        let (narrow, wide) = (ArrowType::Decimal64(10, 2), ArrowType::Decimal128(38, 10));
        assert_eq!(common(narrow.clone(), ArrowType::Decimal32(5, 4)), Some(ArrowType::Decimal128(12, 4)));
        assert_eq!(common(wide.clone(), ArrowType::Decimal128(38, 0)), Some(ArrowType::Decimal256(48, 10)));
        assert_eq!(common(ArrowType::Decimal256(76, 0), ArrowType::Decimal256(76, 1)), None);
        let zoned = |unit, zone: &str| ArrowType::Timestamp(unit, Some(zone.into()));
        assert_eq!(
            common(zoned(TimeUnit::Second, "UTC"), zoned(TimeUnit::Microsecond, "Europe/Berlin")),
            Some(zoned(TimeUnit::Microsecond, "UTC"))
        );
        assert_eq!(common(zoned(TimeUnit::Second, "UTC"), ArrowType::Timestamp(TimeUnit::Second, None)), None);
        assert_eq!(common(ArrowType::Date32, ArrowType::Date64), Some(ArrowType::Date64));
    }

    #[test]
    fn nulls_agree_with_every_type_and_different_types_do_not() {
        assert_eq!(common(ArrowType::Null, list(ArrowType::Utf8)), Some(list(ArrowType::Utf8)));
        assert_eq!(common(list(ArrowType::Null), list(ArrowType::Utf8)), Some(list(ArrowType::Utf8)));
        assert_eq!(common(ArrowType::Null, ArrowType::Null), Some(ArrowType::Null));
        assert_eq!(common(ArrowType::Int64, ArrowType::Float64), None);
        assert_eq!(common(ArrowType::Utf8, ArrowType::Binary), None);
        assert_eq!(common(ArrowType::Boolean, ArrowType::Int8), None);
    }
}
