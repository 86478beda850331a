//! A column of every Arrow type, with a null in it.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{Float32Type, Int8Type, Int32Type, Int64Type};
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, ScalarBuffer, i256};
use arrow_schema::extension::Uuid;
use arrow_schema::{DataType as ArrowType, Field, Fields};
use parquet::data_type::AsBytes as _;

use crate::data_type::DataType;

/// A column, with a value and a null.
pub(super) struct Sample {
    pub(super) field: Field,
    pub(super) array: ArrayRef,
}

fn sample(array: impl Array + 'static) -> Sample {
    let array: ArrayRef = Arc::new(array);
    Sample { field: Field::new("a", array.data_type().clone(), true), array }
}

/// Returns samples of all types that a sink of every format supports.
pub(super) fn all() -> Vec<Sample> {
    [numbers(), times(), texts(), nested()].into_iter().flatten().collect()
}

fn numbers() -> Vec<Sample> {
    let decimal = |value: i128| vec![Some(value), None];
    vec![
        sample(NullArray::new(2)),
        sample(BooleanArray::from(vec![Some(true), None])),
        sample(Int8Array::from(vec![Some(i8::MIN), None])),
        sample(Int16Array::from(vec![Some(i16::MIN), None])),
        sample(Int32Array::from(vec![Some(i32::MIN), None])),
        sample(Int64Array::from(vec![Some(i64::MIN), None])),
        sample(UInt8Array::from(vec![Some(u8::MAX), None])),
        sample(UInt16Array::from(vec![Some(u16::MAX), None])),
        sample(UInt32Array::from(vec![Some(u32::MAX), None])),
        sample(UInt64Array::from(vec![Some(u64::MAX), None])),
        sample(Float16Array::from(vec![Some(parquet_half(1.5)), None])),
        sample(Float32Array::from(vec![Some(0.1), None])),
        sample(Float64Array::from(vec![Some(0.1), None])),
        sample(Decimal32Array::from(vec![Some(-12_345), None]).with_precision_and_scale(9, 2).unwrap()),
        sample(Decimal64Array::from(vec![Some(-12_345), None]).with_precision_and_scale(18, 4).unwrap()),
        sample(Decimal128Array::from(decimal(i128::pow(10, 38) - 1)).with_precision_and_scale(38, 2).unwrap()),
        sample(Decimal128Array::from(decimal(-123)).with_precision_and_scale(5, -2).unwrap()),
        sample(
            Decimal256Array::from(vec![Some(i256::from_i128(i128::MAX)), None])
                .with_precision_and_scale(76, 10)
                .unwrap(),
        ),
    ]
}

/// A float of 16 bits, whose crate is no dependency.
fn parquet_half(value: f32) -> <types::Float16Type as ArrowPrimitiveType>::Native {
    <types::Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
}

fn times() -> Vec<Sample> {
    let zoned =
        |zone: &str| TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_001), None]).with_timezone(zone);
    vec![
        sample(Date32Array::from(vec![Some(19_000), None])),
        sample(Date64Array::from(vec![Some(19_000 * 86_400_000), None])),
        sample(Time32SecondArray::from(vec![Some(3_723), None])),
        sample(Time32MillisecondArray::from(vec![Some(3_723_004), None])),
        sample(Time64MicrosecondArray::from(vec![Some(3_723_004_005), None])),
        sample(Time64NanosecondArray::from(vec![Some(3_723_004_005_006), None])),
        sample(TimestampSecondArray::from(vec![Some(253_402_300_799), None])),
        sample(TimestampMillisecondArray::from(vec![Some(-1), None])),
        sample(TimestampMicrosecondArray::from(vec![Some(-1), None])),
        sample(TimestampNanosecondArray::from(vec![Some(-1), None])),
        sample(zoned("UTC")),
        sample(zoned("Europe/Berlin")),
        sample(zoned("+05:30")),
        sample(DurationSecondArray::from(vec![Some(-90), None])),
        sample(DurationMillisecondArray::from(vec![Some(1_500), None])),
        sample(DurationMicrosecondArray::from(vec![Some(1), None])),
        sample(DurationNanosecondArray::from(vec![Some(1), None])),
        sample(IntervalYearMonthArray::from(vec![Some(14), None])),
        sample(IntervalDayTimeArray::from(vec![Some(IntervalDayTime::new(3, 1_500)), None])),
        sample(IntervalMonthDayNanoArray::from(vec![Some(IntervalMonthDayNano::new(14, 3, 3_723_000_000_000)), None])),
    ]
}

fn texts() -> Vec<Sample> {
    let text = || vec![Some("ü\""), None];
    let bytes = || vec![Some(&[0, 255][..]), None];
    let json = Sample {
        field: DataType::Json.field("a", true),
        array: Arc::new(StringArray::from(vec![Some("{\"k\": 1.50}"), None])),
    };
    let identifier = [Some(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes()), None];
    let mut uuid = sample(FixedSizeBinaryArray::try_from_sparse_iter_with_size(identifier.into_iter(), 16).unwrap());
    uuid.field = uuid.field.with_extension_type(Uuid);
    vec![
        sample(StringArray::from(text())),
        sample(LargeStringArray::from(text())),
        sample(StringViewArray::from(text())),
        json,
        sample(BinaryArray::from(bytes())),
        sample(LargeBinaryArray::from(bytes())),
        sample(BinaryViewArray::from(bytes())),
        sample(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size([Some([1, 2, 3].as_bytes()), None].into_iter(), 3)
                .unwrap(),
        ),
        uuid,
        sample([Some("a"), None].into_iter().collect::<DictionaryArray<Int8Type>>()),
        sample(
            DictionaryArray::<Int8Type>::try_new(
                Int8Array::from(vec![Some(1), None]),
                Arc::new(Int64Array::from(vec![5, 7])),
            )
            .unwrap(),
        ),
        sample(
            RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 2]), &StringArray::from(vec![Some("r"), None]))
                .unwrap(),
        ),
    ]
}

fn nested() -> Vec<Sample> {
    let numbers = || [Some(vec![Some(1), None]), None];
    let list = || ListArray::from_iter_primitive::<Int64Type, _, _>(numbers());
    let mut fixed = FixedSizeListBuilder::new(Int64Builder::new(), 2);
    fixed.values().append_slice(&[1, 2]);
    fixed.append(true);
    fixed.values().append_nulls(2);
    fixed.append(false);
    let mut by_text = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    by_text.keys().append_value("k");
    by_text.values().append_null();
    by_text.append(true).unwrap();
    by_text.append(false).unwrap();
    let mut by_number = MapBuilder::new(None, Int64Builder::new(), StringBuilder::new());
    by_number.keys().append_value(7);
    by_number.values().append_value("v");
    by_number.append(true).unwrap();
    by_number.append(false).unwrap();
    let mut deep = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    deep.values().values().append_value("x");
    deep.values().append(true);
    deep.append(true);
    deep.append(false);
    vec![
        sample(list()),
        sample(LargeListArray::from_iter_primitive::<Int64Type, _, _>(numbers())),
        sample(fixed.finish()),
        sample(list_view()),
        sample(ListArray::from_iter_primitive::<Float32Type, _, _>([Some(vec![Some(0.5), Some(-1.0)]), None])),
        sample(deep.finish()),
        sample(structs()),
        sample(by_text.finish()),
        sample(by_number.finish()),
    ]
}

/// A list view whose elements are not in the order of its rows.
fn list_view() -> ListViewArray {
    let element = Arc::new(Field::new("item", ArrowType::Int64, true));
    let elements = Arc::new(Int64Array::from(vec![9, 1, 2]));
    let nulls = vec![true, false].into();
    let (offsets, sizes) = (ScalarBuffer::from(vec![1, 0]), ScalarBuffer::from(vec![2, 1]));
    ListViewArray::try_new(element, offsets, sizes, elements, Some(nulls)).unwrap()
}

fn structs() -> StructArray {
    let fields =
        Fields::from(vec![Field::new("when", ArrowType::Date32, true), Field::new("raw", ArrowType::Binary, true)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![Some(0), None])),
        Arc::new(BinaryArray::from(vec![Some(&b"a"[..]), None])),
    ];
    StructArray::try_new(fields, columns, Some(vec![true, false].into())).unwrap()
}
