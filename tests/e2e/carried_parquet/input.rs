//! Tables of many types, as Parquet files.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Fields};
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

fn maybe<T>(row: i64, value: T) -> Option<T> {
    (row % 7 != 3).then_some(value)
}

/// Rows with a text that steps read, an id, and columns of many types with nulls.
pub(super) fn table(rows: Range<i64>) -> RecordBatch {
    let all: Vec<i64> = rows.collect();
    let each = || all.iter().copied();
    let text = |row: i64| if row == 30_000 { "abc".to_owned() } else { format!("the text {row}") };
    let dictionary: DictionaryArray<Int32Type> =
        each().map(|row| ["red", "green", "blue"].get((row % 4) as usize).copied()).collect();
    let mut list = ListBuilder::new(Int32Builder::new());
    each().for_each(|row| list.append_option(maybe(row, (0..row % 4).map(|n| maybe(n + row, n as i32)))));
    let inner: [ArrayRef; 2] = [
        Arc::new(each().map(|row| maybe(row + 1, row as i32)).collect::<Int32Array>()),
        Arc::new(each().map(|row| maybe(row + 2, format!("inner {row}"))).collect::<StringArray>()),
    ];
    let fields: Fields = vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8, true)].into();
    let nulls = each().map(|row| row % 5 != 0).collect::<Vec<bool>>().into();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(each().map(|row| Some(text(row))).collect::<StringArray>())),
        ("id", Arc::new(each().map(Some).collect::<Int64Array>())),
        ("n", Arc::new(each().map(|row| maybe(row, (row * 31 % 1000) as i32)).collect::<Int32Array>())),
        ("f", Arc::new(each().map(|row| maybe(row, row as f64 / 3.0)).collect::<Float64Array>())),
        ("flag", Arc::new(each().map(|row| maybe(row, row % 2 == 0)).collect::<BooleanArray>())),
        ("words", Arc::new(each().map(|row| maybe(row, format!("value {}", row % 900))).collect::<StringArray>())),
        ("bytes", Arc::new(each().map(|row| maybe(row, row.to_le_bytes())).collect::<BinaryArray>())),
        ("color", Arc::new(dictionary)),
        ("list", Arc::new(list.finish())),
        ("struct", Arc::new(StructArray::new(fields, inner.to_vec(), Some(nulls)))),
        ("day", Arc::new(each().map(|row| maybe(row, row as i32)).collect::<Date32Array>())),
        ("time", Arc::new(each().map(|row| maybe(row, row * 1000)).collect::<TimestampMicrosecondArray>())),
        (
            "decimal",
            Arc::new(
                each()
                    .map(|row| maybe(row, i128::from(row)))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(20, 3)
                    .unwrap(),
            ),
        ),
        ("none", Arc::new(each().map(|_| None::<i64>).collect::<Int64Array>())),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Rows whose text has the guest `give_reasons` keep, reject and drop them.
pub(super) fn with_reasons(rows: i64) -> RecordBatch {
    let texts = ["kept one", "short", "reject", "kept two", "silent", "kept three"];
    let table = table(0..rows);
    let texts: StringArray = (0..rows as usize).map(|row| Some(texts[row % texts.len()])).collect();
    let mut columns = table.columns().to_vec();
    columns[0] = Arc::new(texts);
    RecordBatch::try_new(table.schema(), columns).unwrap()
}

/// The same rows with wider integers in `n`.
pub(super) fn in_other_types(table: &RecordBatch) -> RecordBatch {
    let schema = table.schema();
    let columns = schema.fields().iter().zip(table.columns()).map(|(field, column)| {
        let wide = || {
            let numbers = column.as_any().downcast_ref::<Int32Array>().unwrap();
            Arc::new(numbers.iter().map(|number| number.map(i64::from)).collect::<Int64Array>()) as ArrayRef
        };
        (field.name().clone(), if field.name() == "n" { wide() } else { Arc::clone(column) }, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

/// Writes a file with row groups of this many rows.
pub(super) fn write(path: &Path, table: &RecordBatch, group_rows: usize) {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties = properties.set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), table.schema(), Some(properties)).unwrap();
    writer.write(table).unwrap();
    writer.close().unwrap();
}

/// Reads all rows of a file.
pub(super) fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    plain(&concat_batches(&schema, &batches).unwrap())
}

/// The same rows without dictionaries and metadata.
pub(super) fn plain(table: &RecordBatch) -> RecordBatch {
    let schema = table.schema();
    let columns = schema.fields().iter().zip(table.columns()).map(|(field, column)| {
        let column = match column.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
            Some(dictionary) => {
                let texts = dictionary.downcast_dict::<StringArray>().unwrap();
                Arc::new(texts.into_iter().collect::<StringArray>()) as ArrayRef
            }
            None => Arc::clone(column),
        };
        (field.name().clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}
