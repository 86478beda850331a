//! Parquet and Arrow IPC.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType as ArrowType, Field, Schema};
use insta::assert_snapshot;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter};

use super::{InputFolder, encode_file};
use crate::data_type::DataType;
use crate::format::{Compression, Format};

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter(columns.iter().cloned()).unwrap()
}

fn integers(range: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn chunks_have_as_many_rows_as_a_batch() {
    let rows = batch(&[("a", integers(0..25))]);
    for (format, bytes) in [
        (Format::Parquet, encode_file(&rows, Format::Parquet)),
        (Format::Arrow, encode_file(&rows, Format::Arrow)),
        (Format::Arrow, stream(&rows)),
    ] {
        let read = InputFolder::from_content(format, &bytes).batch_rows(10).read();
        assert_eq!(read.chunks, [10, 10, 5], "{format}");
        assert_eq!(read.positions[24], "in, row 25");
        assert_eq!(read.batch.as_ref(), Some(&rows));
        assert!(read.bytes_read.is_sorted() && read.bytes_read[2] >= bytes.len() as u64 / 2, "{:?}", read.bytes_read);
    }
}

#[test]
fn a_stream_may_be_compressed() {
    let rows = batch(&[("a", integers(0..3))]);
    let bytes = zstd::bulk::compress(&stream(&rows), 1).unwrap();
    let read = InputFolder::new(Format::Arrow, "in.arrows.zst").file("in.arrows.zst", bytes).read();
    assert_eq!(read.batch, Some(rows));
}

#[test]
fn json_columns_are_detected_and_checked() {
    let schema = Arc::new(Schema::new(vec![DataType::Json.field("a", true)]));
    let json = |texts_: &[&str]| RecordBatch::try_new(Arc::clone(&schema), vec![texts(texts_)]).unwrap();
    for format in [Format::Parquet, Format::Arrow] {
        let read = InputFolder::from_content(format, encode_file(&json(&["{\"a\": 1}", "null"]), format)).read();
        assert_eq!(read.shown(), "a: json\n{\"a\":{\"a\": 1}}\n{\"a\":null}\n");
        let error = InputFolder::from_content(format, encode_file(&json(&["1", "{"]), format)).error();
        assert_eq!(error, "in, row 2: column `a` is JSON, and its value { is not: EOF while parsing an object");
    }
}

#[test]
fn files_must_agree_in_names_and_types() {
    let first = batch(&[("a", integers(0..2)), ("b", texts(&["x", "y"]))]);
    let swapped = batch(&[("b", texts(&["z"])), ("a", integers(2..3))]);
    for format in [Format::Parquet, Format::Arrow] {
        let input = InputFolder::new(format, "*")
            .file("1", encode_file(&first, format))
            .file("2", encode_file(&swapped, format));
        assert_eq!(input.read().json(), "{\"a\":0,\"b\":\"x\"}\n{\"a\":1,\"b\":\"y\"}\n{\"a\":2,\"b\":\"z\"}\n");
        let other = batch(&[("a", Arc::new(Float32Array::from(vec![1.0])) as _), ("b", texts(&["x"]))]);
        let input = input.file("3", encode_file(&other, format));
        assert_eq!(
            input.error(),
            "3: the schema is not that of 1: column `a` is of type Float32 here and of type Int64 there; all files of a \
             source have the same columns"
        );
        let input = input.file("3", encode_file(&batch(&[("c", integers(0..1))]), format));
        assert_eq!(
            input.error(),
            "3: the schema is not that of 1: it lacks `a`, `b`, and it adds `c`; all files of a source have the same columns"
        );
    }
}

#[test]
fn a_column_that_is_nullable_in_one_file_is_nullable() {
    let strict = Arc::new(Schema::new(vec![Field::new("a", ArrowType::Int64, false)]));
    let strict = RecordBatch::try_new(strict, vec![integers(0..1)]).unwrap();
    let loose = Arc::new(Schema::new(vec![Field::new("a", ArrowType::Int64, true)]));
    let loose = RecordBatch::try_new(loose, vec![Arc::new(Int64Array::from(vec![None]))]).unwrap();
    let input = InputFolder::new(Format::Parquet, "*");
    let input = input.file("1", encode_file(&strict, Format::Parquet)).file("2", encode_file(&loose, Format::Parquet));
    assert_eq!(input.read().json(), "{\"a\":0}\n{\"a\":null}\n");
}

#[test]
fn errors_name_inputs_that_cannot_be_read() {
    let parquet = encode_file(&batch(&[("a", integers(0..2))]), Format::Parquet);
    let arrow = encode_file(&batch(&[("a", integers(0..2))]), Format::Arrow);
    let first_line = |input: InputFolder| input.error().lines().next().unwrap().to_owned();
    assert_snapshot!(first_line(InputFolder::from_content(Format::Parquet, "")), @"in: cannot read this input as parquet; is it corrupt, or in another format?");
    assert_snapshot!(first_line(InputFolder::from_content(Format::Arrow, "{\"a\":1}")), @"in: this is a text file; correct `format` in the source");
    assert_snapshot!(first_line(InputFolder::from_content(Format::Parquet, &parquet[..parquet.len() - 9])), @"in: cannot read this input as parquet; is it corrupt, or in another format?");
    assert_snapshot!(first_line(InputFolder::from_content(Format::Parquet, &parquet).compression(Compression::Gzip)), @"in: cannot read Parquet inside gzip: Parquet compresses its own data; decompress the file first");
    let gzipped = zstd::bulk::compress(&arrow, 1).unwrap();
    assert_snapshot!(first_line(InputFolder::from_content(Format::Arrow, gzipped).compression(Compression::Zstd)), @"in: the file format of Arrow IPC can be read from an uncompressed file only; it has its index at the end; use its stream format here");
    assert_snapshot!(first_line(InputFolder::from_content(Format::Arrow, &arrow).columns(&[("a", DataType::Text)])), @"arrow has a schema of its own; remove `columns` from the source");
    let twice = Schema::new(vec![Field::new("a", ArrowType::Int64, true), Field::new("a", ArrowType::Int64, true)]);
    let twice = RecordBatch::try_new(Arc::new(twice), vec![integers(0..1), integers(0..1)]).unwrap();
    assert_snapshot!(first_line(InputFolder::from_content(Format::Arrow, stream(&twice))), @"in: two columns have the name `a`; rename one of them");
}

#[test]
fn corrupt_files_return_an_error_or_rows() {
    let rows = batch(&[("a", integers(0..20)), ("b", texts(&["some text"; 20]))]);
    for (format, bytes) in [(Format::Parquet, encode_file(&rows, Format::Parquet)), (Format::Arrow, stream(&rows))] {
        for at in (0..bytes.len()).step_by(7) {
            let mut corrupt = bytes.clone();
            corrupt[at] ^= 0x55;
            drop(InputFolder::from_content(format, corrupt).try_read());
        }
    }
}

/// Returns a Parquet file whose row group states another number of rows, and so does its footer.
fn with_row_count(file: &[u8], rows: i64) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(file.to_vec())).unwrap();
    let groups = metadata.row_groups().iter();
    let groups = groups.map(|group| group.clone().into_builder().set_num_rows(rows).build().unwrap()).collect();
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap()) as usize;
    let mut out = file[..file.len() - 8 - footer].to_vec();
    let changed = ParquetMetaData::new(metadata.file_metadata().clone(), groups);
    ParquetMetaDataWriter::new(&mut out, &changed).finish().unwrap();
    out
}

#[test]
fn the_numbers_of_rows_in_a_parquet_file_agree() {
    let file = encode_file(&batch(&[("a", integers(0..20))]), Format::Parquet);
    let input = |bytes: Vec<u8>| InputFolder::from_content(Format::Parquet, bytes);
    assert_eq!(input(with_row_count(&file, 20)).read().chunks, [20]);
    let error = input(with_row_count(&file, 25)).error();
    assert_eq!(error, "in: the file is corrupt: its footer states 25 rows, and its pages have 20");
    // In the footer, the number of rows (20 as a signed varint) is in front of the list of row groups.
    let place = file.windows(3).rposition(|bytes| bytes == [0x16, 40, 0x19]).unwrap() + 1;
    let mut changed = file;
    changed[place] = 50;
    let error = input(changed).error();
    assert_eq!(error, "in: the file is corrupt: its footer states 25 rows, and its row groups have 20");
}
