//! Parquet and Arrow IPC that would take far more memory than their size suggests.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, ListArray, ListViewArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
};
use arrow_buffer::ScalarBuffer;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType as ArrowType, Field};
use arrow_select::take::take;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::{InputFolder, encode_file};
use crate::format::Format;

const MIB: usize = 1 << 20;

/// An LZ4 frame starts with this number, after the length of the buffer.
const LZ4: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

fn batch(column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("a", column)]).unwrap()
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn stream(batch: &RecordBatch, compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn file(batch: &RecordBatch, compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

/// The error of an input with `max-row = "1MiB"`.
fn too_large(what: &str, bytes: u64, limit: &str) -> String {
    format!(
        "{what} would take {bytes} bytes of memory, and the limit is {limit} with `max-row = \"1MiB\"`; raise `max-row` in the source \
         if the file is right"
    )
}

/// Rows of one value of this size, which is there once.
fn repeated(bytes: usize, rows: usize) -> RecordBatch {
    let values = Arc::new(StringArray::from(vec!["x".repeat(bytes)]));
    let keys = Int32Array::from(vec![0; rows]);
    batch(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap()))
}

#[test]
fn chunks_end_at_16_mib_of_plain_values() {
    let rows = repeated(3 * MIB, 12);
    let plain = batch(Arc::new(StringArray::from(vec!["x".repeat(3 * MIB); 12])));
    let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    for (format, bytes) in [
        (Format::Parquet, parquet(&rows, zstd.clone())),
        (Format::Parquet, parquet(&plain, zstd)),
        (Format::Arrow, file(&rows, None)),
        (Format::Arrow, stream(&rows, None)),
        (Format::Arrow, stream(&plain, Some(CompressionType::ZSTD))),
    ] {
        let read = InputFolder::from_content(format, &bytes).read();
        assert_eq!(read.chunks, [5, 5, 2], "{format}");
        assert_eq!(read.positions[11], "in, row 12");
    }
}

#[test]
fn a_larger_row_makes_a_chunk_of_its_own() {
    for format in [Format::Parquet, Format::Arrow] {
        let bytes = encode_file(&batch(Arc::new(StringArray::from(vec!["x".repeat(20 * MIB); 3]))), format);
        assert_eq!(InputFolder::from_content(format, bytes).read().chunks, [1, 1, 1]);
    }
}

#[test]
fn a_row_beyond_the_limit_is_an_error_that_names_it() {
    let texts = StringArray::from(vec!["short".to_owned(), "x".repeat(2 * MIB)]);
    for format in [Format::Parquet, Format::Arrow] {
        let bytes = encode_file(&batch(Arc::new(texts.clone())), format);
        let input = InputFolder::from_content(format, bytes).with(|spec| spec.max_row = MIB as u64);
        assert_eq!(input.error(), too_large("in, row 2: this row", 2_097_160, "1MiB"), "{format}");
    }
}

#[test]
fn rows_far_larger_than_their_file_are_an_error_before_they_are_read() {
    // A gigabyte and some more, in a file of a megabyte.
    let rows = repeated(MIB, 1100);
    for bytes in [file(&rows, None), stream(&rows, None)] {
        let input = InputFolder::from_content(Format::Arrow, &bytes);
        assert_eq!(input.with(|spec| spec.max_row = 2 * MIB as u64).read().chunks.iter().sum::<usize>(), 1100);
    }
    let bytes = file(&repeated(MIB, 1_000_000), Some(CompressionType::ZSTD));
    let input = InputFolder::from_content(Format::Arrow, &bytes).with(|spec| spec.max_row = 2 * MIB as u64);
    let read = bytes.len();
    let error = input.error();
    // The sum ends where it exceeds the limit.
    assert!(error.starts_with("in, row 1: ") && error.contains("have rows of 2,163,245,296 bytes or more"), "{error}");
    assert!(error.contains("the limit is 2GiB with `max-row = \"2MiB\"`") && read < 10_000, "{read}: {error}");
}

/// A terabyte of text, whose UTF-8 would take minutes to check.
#[test]
fn views_are_measured_before_their_text_is_checked() {
    let one: ArrayRef = Arc::new(StringViewArray::from(vec!["x".repeat(MIB)]));
    let views = take(&one, &Int32Array::from(vec![0; MIB]), None).unwrap();
    let offsets = ScalarBuffer::from((0..1024).map(|row| row * 1024).collect::<Vec<i32>>());
    let element = Arc::new(Field::new("item", ArrowType::Utf8View, true));
    let lists = ListViewArray::new(element, offsets, vec![1024; 1024].into(), Arc::clone(&views), None);
    let keys = Int32Array::from(vec![0]);
    let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&views)).unwrap();
    let within = StructArray::from(vec![(Arc::new(Field::new("b", ArrowType::Utf8View, true)), Arc::clone(&views))]);
    for column in [views, Arc::new(within), Arc::new(lists), Arc::new(dictionary)] {
        let rows = batch(column);
        for bytes in [file(&rows, None), stream(&rows, Some(CompressionType::ZSTD))] {
            let input = InputFolder::from_content(Format::Arrow, &bytes).with(|spec| spec.max_row = 8 * MIB as u64);
            let error = input.error();
            assert!(error.contains("the limit is 8GiB with `max-row"), "{error}");
        }
    }
}

#[test]
fn a_view_that_is_not_utf_8_is_an_error_with_its_row() {
    let text: ArrayRef = Arc::new(StringViewArray::from(vec!["short", "a text of more than twelve bytes", "\u{e9}"]));
    let within = StructArray::from(vec![(Arc::new(Field::new("b", ArrowType::Utf8View, true)), Arc::clone(&text))]);
    for column in [text, Arc::new(within)] {
        let bytes = file(&batch(column), None);
        assert_eq!(InputFolder::from_content(Format::Arrow, &bytes).read().chunks, [3]);
        let at = bytes.windows(9).position(|window| window == b"more than").unwrap();
        let mut changed = bytes.clone();
        changed[at] = 0xff;
        let error = InputFolder::from_content(Format::Arrow, &changed).error();
        let expected = "in, row 2: a value cannot be read without a change: column `a` has a text that is not UTF-8";
        assert_eq!(error, expected);
    }
}

#[test]
fn a_page_or_batch_beyond_the_limit_is_an_error() {
    let texts = batch(Arc::new(StringArray::from(vec!["x".repeat(5 * MIB)])));
    let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let input =
        InputFolder::from_content(Format::Parquet, parquet(&texts, zstd)).with(|spec| spec.max_row = MIB as u64);
    assert_eq!(input.error(), too_large("in: a page", 5_242_884, "4MiB"));
    for bytes in [file(&texts, Some(CompressionType::ZSTD)), stream(&texts, Some(CompressionType::LZ4_FRAME))] {
        let input = InputFolder::from_content(Format::Arrow, bytes).with(|spec| spec.max_row = MIB as u64);
        assert_eq!(input.error(), too_large("in: a batch", 5_242_888, "4MiB"));
    }
}

#[test]
fn pages_of_all_columns_are_bounded_by_the_size_of_the_file() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(MIB * 9 / 10)]));
    let columns = (0..16).map(|number| (format!("c{number}"), Arc::clone(&text)));
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let bytes = parquet(&rows, zstd.set_dictionary_enabled(false).build());
    assert!(bytes.len() < 20_000, "{}", bytes.len());
    let input = InputFolder::from_content(Format::Parquet, &bytes).with(|spec| spec.max_row = MIB as u64);
    let what = "in: the pages of all columns that are read at once";
    assert_eq!(input.error(), too_large(what, 4_718_610, "4MiB"));
    // The same pages in a file of their size are read; here the row is too large.
    let bytes = parquet(&rows, WriterProperties::builder().set_dictionary_enabled(false).build());
    let input = InputFolder::from_content(Format::Parquet, &bytes).with(|spec| spec.max_row = MIB as u64);
    assert!(input.error().starts_with("in, row 1: this row"));
}

#[test]
fn values_of_a_nested_column_are_bounded_before_they_are_read() {
    // A list of equal numbers takes some bytes.
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>([Some(vec![Some(7); MIB])]);
    let bytes = parquet(&batch(Arc::new(list)), WriterProperties::builder().build());
    assert!(bytes.len() < 20_000, "{}", bytes.len());
    let input = InputFolder::from_content(Format::Parquet, &bytes).with(|spec| spec.max_row = MIB as u64);
    let what = "in: the values of a column that are read at once";
    assert_eq!(input.error(), too_large(what, 12_582_912, "4MiB"));
    assert_eq!(InputFolder::from_content(Format::Parquet, &bytes).read().chunks, [1]);
}

#[test]
fn texts_with_common_prefixes_are_bounded() {
    let texts: Vec<String> = (0..2000).map(|number| format!("{}{number:04}", "x".repeat(20_000))).collect();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_column_encoding(ColumnPath::from("a"), Encoding::DELTA_BYTE_ARRAY)
        .build();
    let bytes = parquet(&batch(Arc::new(StringArray::from(texts))), properties);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let read = InputFolder::from_content(Format::Parquet, bytes).read();
    assert_eq!((read.chunks.iter().sum::<usize>(), read.chunks[0]), (2000, 838));
}

#[test]
fn lengths_of_compressed_buffers_are_checked() {
    let numbers = batch(Arc::new(Int64Array::from(vec![7; 1000])));
    for bytes in [stream(&numbers, Some(CompressionType::LZ4_FRAME)), file(&numbers, Some(CompressionType::LZ4_FRAME))]
    {
        let at = bytes.windows(4).position(|window| window == LZ4).unwrap() - 8;
        for length in [1_i64 << 60, 1 << 40, 1 << 30] {
            let mut claims = bytes.clone();
            claims[at..at + 8].copy_from_slice(&length.to_le_bytes());
            let error = InputFolder::from_content(Format::Arrow, claims).error();
            assert!(error.contains(&format!("claims to have {length} when decompressed")), "{error}");
        }
    }
}

#[test]
fn no_changed_byte_of_a_file_aborts_or_takes_gigabytes() {
    let texts = (0..50).map(|row| (row % 7 != 0).then(|| format!("text {}", row % 5))).collect::<StringArray>();
    let rows = batch(Arc::new(texts));
    let gzip = WriterProperties::builder().set_compression(Compression::GZIP(GzipLevel::default())).build();
    let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    for (format, bytes) in [
        (Format::Parquet, parquet(&rows, gzip)),
        (Format::Parquet, parquet(&rows, snappy)),
        (Format::Arrow, stream(&rows, Some(CompressionType::LZ4_FRAME))),
        (Format::Arrow, file(&rows, None)),
    ] {
        for at in 0..bytes.len() {
            for change in [0x01, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                // An error or other rows; that the test ends is what counts.
                let input = InputFolder::from_content(format, changed);
                let _ = input.try_read();
            }
        }
    }
}

/// The library reads the header of the next page ahead, to see whether a row of a nested column ends there.
#[test]
fn nested_columns_of_many_pages_are_read() {
    let rows = (0..5000_i64).map(|row| Some((0..row % 7).map(|element| Some(row * element)).collect::<Vec<_>>()));
    let list = batch(Arc::new(ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(rows)));
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())] {
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .set_compression(compression)
                .set_data_page_row_count_limit(300)
                .set_write_batch_size(100)
                .build();
            let read = InputFolder::from_content(Format::Parquet, parquet(&list, properties)).read();
            assert_eq!(read.chunks.iter().sum::<usize>(), 5000, "{version:?} {compression}");
            assert!(read.batch.unwrap().column(0) == list.column(0), "{version:?} {compression}");
        }
    }
}
