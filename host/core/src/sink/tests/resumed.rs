//! Outputs that another writer resumes from a checkpoint have the same bytes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use crate::format::{Compression, Format};
use crate::sink::{SinkLocation, SinkSpec, StagingDir, SyncedLength, open};
use crate::writeback::{Durability, Writeback};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", ArrowType::Int64, false),
        Field::new("text", ArrowType::Utf8, true),
        Field::new("score", ArrowType::Float64, false),
    ]))
}

fn batch(number: usize, rows: usize) -> RecordBatch {
    let ids = (0..rows).map(|row| (number * 1000 + row) as i64);
    let texts = (0..rows).map(|row| (row % 3 > 0).then(|| format!("text {}", (number * 31 + row) % 97)));
    let scores = (0..rows).map(|row| (row * number) as f64 / 7.0);
    let columns: Vec<arrow_array::ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids)),
        Arc::new(texts.collect::<StringArray>()),
        Arc::new(Float64Array::from_iter_values(scores)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Writes batches, and resumes with a new writer after each of these numbers of batches. Rows written after the last
/// checkpoint on the disk are written again, as after a loss of power, which makes a later checkpoint invalid.
fn write(folder: &Path, format: Format, compression: Compression, batches: &[RecordBatch], stops: &[usize]) -> Vec<u8> {
    let path = folder.join("out");
    let spec = SinkSpec {
        location: SinkLocation::Path(path.clone()),
        format,
        compression,
        non_finite: crate::format::NonFinite::Error,
        schema: schema(),
    };
    let mut synced: Option<SyncedLength> = None;
    let writeback = Writeback::default();
    let mut done = 0;
    for stop in stops.iter().copied().chain([batches.len()]) {
        let staging = StagingDir { folder, name: "sink-0", synced: synced.as_ref(), writeback: &writeback };
        let (encoder, mut writer) = open(&spec, Some("run"), Some(&staging)).unwrap();
        for batch in &batches[done..stop] {
            writer.write(encoder.encode(batch).unwrap()).unwrap();
        }
        if stop == batches.len() {
            writer.finish().unwrap();
            break;
        }
        synced = Some(writer.checkpoint(Durability::OnDisk).unwrap());
        writer.checkpoint_saved(Durability::OnDisk);
        done = stop;
        for batch in &batches[done..batches.len().min(done + 3)] {
            writer.write(encoder.encode(batch).unwrap()).unwrap();
        }
        writer.checkpoint(Durability::Written).unwrap();
        writer.checkpoint_saved(Durability::Written);
    }
    let written = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    written
}

#[test]
fn every_format_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let batches: Vec<_> = (0..20).map(|number| batch(number, number * 7 % 50)).collect();
    for (format, compression) in [
        (Format::JsonLines, Compression::None),
        (Format::JsonLines, Compression::Gzip),
        (Format::Csv, Compression::None),
        (Format::Csv, Compression::Zstd),
        (Format::Parquet, Compression::None),
        (Format::Arrow, Compression::None),
    ] {
        let expected = write(folder.path(), format, compression, &batches, &[]);
        for stops in [&[0][..], &[1, 2, 3], &[10, 10, 19]] {
            let written = write(folder.path(), format, compression, &batches, stops);
            assert!(expected == written, "{format} {compression} {stops:?}");
        }
    }
}

#[test]
fn row_groups_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    // Three and a half row groups, whose ends are inside batches.
    let batches: Vec<_> = (0..46).map(|number| batch(number, 10_000)).collect();
    let expected = write(folder.path(), Format::Parquet, Compression::None, &batches, &[]);
    for stops in [&[5, 12, 13, 14][..], &[26, 27, 45], &[13, 40]] {
        let written = write(folder.path(), Format::Parquet, Compression::None, &batches, stops);
        assert!(expected == written, "{stops:?}");
    }
    // Files that the last checkpoint does not need are removed. The rows of a group that never started are left.
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["sink-0.3.rows", "sink-0.4.rows", "sink-0.groups"]);
    let file = bytes::Bytes::from(expected);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let rows: Vec<_> = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [131_072, 131_072, 131_072, 66_784]);
    // The ids differ, the texts repeat, and so do the scores of the first batch.
    let has_dictionary = |column: &ColumnChunkMetaData| column.dictionary_page_offset().is_some();
    let groups = reader.metadata().row_groups().iter();
    let dictionaries: Vec<Vec<bool>> =
        groups.map(|group| group.columns().iter().map(has_dictionary).collect()).collect();
    assert_eq!(dictionaries[..2], [vec![false, true, true], vec![false, true, false]]);
    let read: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(read, 460_000);
}

/// Returns for each row group its number of rows, and whether its texts have statistics.
fn groups(file: &[u8]) -> Vec<(i64, bool)> {
    let file = bytes::Bytes::from(file.to_vec());
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let group = |group: &RowGroupMetaData| (group.num_rows(), group.column(1).statistics().is_some());
    reader.metadata().row_groups().iter().map(group).collect()
}

#[test]
fn a_row_group_without_statistics_starts_with_the_first_large_row() {
    let folder = tempfile::tempdir().unwrap();
    let large = |number: usize| {
        let mut columns = batch(number, 2).columns().to_vec();
        columns[1] = Arc::new(StringArray::from(vec!["x".repeat(9 << 20), "y".to_owned()]));
        RecordBatch::try_new(schema(), columns).unwrap()
    };
    let batches: Vec<_> =
        (0..12).map(|number| if matches!(number, 2 | 3 | 5 | 9) { large(number) } else { batch(number, 10) }).collect();
    let expected = write(folder.path(), Format::Parquet, Compression::None, &batches, &[]);
    assert_eq!(groups(&expected), [(20, true), (68, false)]);
    for stops in [&[1, 2][..], &[2, 3, 4], &[6, 11]] {
        assert!(expected == write(folder.path(), Format::Parquet, Compression::None, &batches, stops), "{stops:?}");
    }
    let file = bytes::Bytes::from(expected);
    let read = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let read: Vec<_> = read.map(Result::unwrap).collect();
    assert_eq!(concat_batches(&schema(), &read).unwrap(), concat_batches(&schema(), &batches).unwrap());
}
