//! INT96 timestamps and intervals of Parquet.

use std::sync::Arc;

use insta::assert_snapshot;
use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::InputFolder;
use crate::format::Format;

const EPOCH_DAY: i64 = 2_440_588;
const DAY_NANOSECONDS: i64 = 86_400_000_000_000;

/// An INT96 value for the days since 1970 and the nanoseconds of the day.
fn int96(days: i64, nanoseconds: i64) -> Int96 {
    let mut value = Int96::new();
    value.set_data(nanoseconds as u32, (nanoseconds >> 32) as u32, (days + EPOCH_DAY) as u32);
    value
}

fn interval(months: u32, days: u32, milliseconds: u32) -> FixedLenByteArray {
    let bytes: Vec<u8> = [months, days, milliseconds].iter().flat_map(|part| part.to_le_bytes()).collect();
    ByteArray::from(bytes).into()
}

/// Writes a file with an INT96 column, a list of them in a struct, and a column of numbers.
fn timestamps(values: &[Int96]) -> Vec<u8> {
    let schema = "message m { optional int96 at; optional group s { optional group l (LIST) { repeated group list { \
                  optional int96 element; } } } required int32 n; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(values, Some(&vec![1; values.len()]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let levels = (vec![4; values.len()], vec![0; values.len()]);
    column.typed::<Int96Type>().write_batch(values, Some(&levels.0), Some(&levels.1)).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let numbers: Vec<i32> = (0..values.len() as i32).collect();
    column.typed::<Int32Type>().write_batch(&numbers, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn intervals(values: &[FixedLenByteArray]) -> Vec<u8> {
    let schema = "message m { required fixed_len_byte_array(12) took (INTERVAL); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<FixedLenByteArrayType>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn read(bytes: Vec<u8>) -> InputFolder {
    InputFolder::from_content(Format::Parquet, bytes)
}

#[test]
fn int96_timestamps_keep_years_beyond_those_of_nanoseconds() {
    let values = [
        int96(-354_285, 0),
        int96(10_957, 11_045_678_901_000),
        int96(2_932_896, DAY_NANOSECONDS - 1_000_000_000),
        int96(-719_528, 1_000),
    ];
    let input = read(timestamps(&values));
    assert_snapshot!(input.batch_rows(2).read().json(), @r#"
    {"at":"1000-01-01T00:00:00","s":{"l":["1000-01-01T00:00:00"]},"n":0}
    {"at":"2000-01-01T03:04:05.678901","s":{"l":["2000-01-01T03:04:05.678901"]},"n":1}
    {"at":"9999-12-31T23:59:59","s":{"l":["9999-12-31T23:59:59"]},"n":2}
    {"at":"0000-01-01T00:00:00.000001","s":{"l":["0000-01-01T00:00:00.000001"]},"n":3}
    "#);
}

#[test]
fn int96_timestamps_keep_nanoseconds_if_the_first_rows_have_them() {
    let input = read(timestamps(&[int96(0, 1), int96(106_751, 0)]));
    assert_snapshot!(input.read().json(), @r#"
    {"at":"1970-01-01T00:00:00.000000001","s":{"l":["1970-01-01T00:00:00.000000001"]},"n":0}
    {"at":"2262-04-11T00:00:00","s":{"l":["2262-04-11T00:00:00"]},"n":1}
    "#);
}

#[test]
fn an_int96_timestamp_that_fits_no_unit_of_the_file_is_an_error_with_its_row() {
    assert_snapshot!(read(timestamps(&[int96(0, 1), int96(0, 0), int96(2_932_896, 0)])).error(), @r#"in, row 3: a value cannot be read without a change: column "at": an INT96 timestamp does not fit nanoseconds, from the years 1677 to 2262, which the first 1000 rows need"#);
    let mut late = vec![int96(0, 0); 1500];
    late[1400] = int96(0, 1);
    assert_snapshot!(read(timestamps(&late)).batch_rows(100).error(), @r#"in, row 1401: a value cannot be read without a change: column "at": an INT96 timestamp does not fit microseconds, and the first 1000 rows need no finer ones"#);
    // The days have 32 bits, so they reach far beyond the years of microseconds.
    let far = [int96(i64::from(i32::MAX) - EPOCH_DAY, 0)];
    assert!(read(timestamps(&far)).error().contains("in, row 1: a value cannot be read without a change"));
}

#[test]
fn intervals_keep_their_months() {
    let values = [interval(1, 0, 0), interval(14, 3, 3_723_000), interval(0, 2, 0), interval(0, 0, u32::MAX)];
    assert_snapshot!(read(intervals(&values)).read().json(), @r#"
    {"took":"P1M"}
    {"took":"P14M3DT3723S"}
    {"took":"P2D"}
    {"took":"PT4294967.295S"}
    "#);
    assert_snapshot!(read(intervals(&[interval(0, 0, 0), interval(u32::MAX, 0, 0)])).error(), @r#"in, row 2: a value cannot be read without a change: column "took": an interval of more than 2,147,483,647 months or days"#);
}
