//! The step `look-up` with Parquet files.

use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, Int32Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use stillbox_test_guests::LOOK_UP;

use crate::harness::{Folder, PipelineFile, sink, source, step};

const ROWS: usize = 2_500;
const COLUMNS: [&str; 10] = ["n", "u", "x", "y", "yes", "text", "day", "price", "list", "struct"];

fn rows() -> RecordBatch {
    let all = 0..ROWS as i32;
    let some = |row: i32| row % 7 != 0;
    let text = |row: i32| format!("te\"xt é {}", row % 5);
    let mut price = Decimal128Builder::new().with_precision_and_scale(9, 2).unwrap();
    let mut list = ListBuilder::new(Int32Builder::new());
    for row in all.clone() {
        price.append_value(i128::from(row) - 1000);
        list.values().append_option(some(row).then_some(row));
        list.append(row % 3 != 0);
    }
    let texts: StringArray = all.clone().map(|row| some(row).then(|| text(row))).collect();
    let inner: ArrayRef = Arc::new(texts.clone());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(StringArray::from_iter_values(all.clone().map(|row| format!("k{row}"))))),
        ("n", Arc::new(all.clone().map(|row| some(row).then_some((row % 100) as i8 - 50)).collect::<Int8Array>())),
        ("u", Arc::new(UInt64Array::from_iter_values(all.clone().map(|row| u64::MAX - row as u64)))),
        ("x", Arc::new(Float32Array::from_iter_values(all.clone().map(|row| row as f32 / 7.0)))),
        ("y", Arc::new(Float64Array::from_iter_values(all.clone().map(|row| f64::from(row) * 1e300)))),
        ("yes", Arc::new(all.clone().map(|row| some(row).then_some(row % 2 == 0)).collect::<BooleanArray>())),
        ("text", Arc::new(texts)),
        ("day", Arc::new(Date32Array::from_iter_values(all.clone().map(|row| row - 100)))),
        ("price", Arc::new(price.finish())),
        ("list", Arc::new(list.finish())),
        ("struct", Arc::new(StructArray::from(vec![(Arc::new(Field::new("a", DataType::Utf8, true)), inner)]))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(all.map(i64::from)))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(folder: &Folder, compression: Compression, version: WriterVersion) {
    let rows = rows();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(version)
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(300)
        .set_write_batch_size(100)
        .build();
    folder.write("data/rows.parquet", "");
    let file = File::create(folder.join("data/rows.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

fn look_up(source: PipelineFile, columns: &[&str]) -> PipelineFile {
    let parameters = format!(
        "file = \"/data/rows.parquet\", column = \"key\", key = \"key\", columns = {columns:?}, type = \"json\""
    );
    let step = step("look_up").parameters(parameters).allow_dir("data", "");
    source.add(step).add(sink("output.jsonl").select(&[&["key"], columns].concat()))
}

fn reading() -> PipelineFile {
    PipelineFile::new().add(source("data/rows.parquet"))
}

#[test]
fn values_of_parquet_files_are_those_that_the_host_reads() {
    let folder = Folder::with(&[LOOK_UP]);
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for compression in compressions {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            write(&folder, compression, version);
            let all = [&["key"], &COLUMNS[..]].concat();
            let expected = folder.output_of(reading().add(sink("output.jsonl").select(&all)));
            assert_eq!(expected.lines().count(), ROWS);
            assert!(folder.output_of(look_up(reading(), &COLUMNS)) == expected, "{compression:?} {version:?}");
        }
    }
}

#[test]
fn what_is_not_supported_of_a_parquet_file_is_named() {
    let folder = Folder::with(&[LOOK_UP]);
    write(&folder, Compression::BROTLI(BrotliLevel::default()), WriterVersion::PARQUET_1_0);
    let failure = |columns: &[&str]| folder.run(look_up(reading(), columns)).failed(1);
    assert!(failure(&["n"]).contains("the column `key` is compressed with BROTLI"));
    assert!(failure(&["at"]).contains("the column `at` has the type Timestamp"));
    assert!(failure(&["none"]).contains("it has no column `none`"));
    folder.write("data/rows.parquet", "PAR1");
    folder.write("input.jsonl", "{\"key\":\"k1\"}\n");
    let errors = folder.run(look_up(PipelineFile::new(), &["n"])).failed(1);
    assert!(errors.contains("it is not a Parquet file"), "{errors}");
}
