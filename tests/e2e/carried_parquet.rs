//! Columns of Parquet that no step reads and that only Parquet sinks write are copied, or decoded late. Most tests compare the output with
//! that of a pipeline with a sink of another format, for which all columns are decoded.

mod input;

use std::fs;

use arrow_array::RecordBatch;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use stillbox_test_guests::{ADD_COLUMN, EXPAND_WORDS, GIVE_REASONS, KEEP_LONG, REVERSE};

use crate::harness::{Folder, PipelineFile, component_step, sink, source, step};
use input::{table, write};

/// Reads all rows of a file.
fn rows(folder: &Folder, name: &str) -> RecordBatch {
    input::read(&folder.join(name))
}

/// Checks that files have the same rows if all columns are decoded as well. Returns the rows of the first one.
fn same(folder: &Folder, pipeline: &PipelineFile, from: &str, files: &[&str]) -> RecordBatch {
    let mut versions = Vec::new();
    for decodes in [false, true] {
        let all = sink("all.arrow").from(&[from]);
        let pipeline = pipeline.clone();
        folder.run(if decodes { pipeline.add(all) } else { pipeline }).succeeded();
        versions.push(files.iter().map(|file| rows(folder, file)).collect::<Vec<_>>());
    }
    assert!(versions[0] == versions[1], "{versions:?}");
    versions.swap_remove(0).swap_remove(0)
}

/// The rows of each row group, and the compression of a column's chunk in it.
fn groups(folder: &Folder, name: &str, column: &str) -> Vec<(i64, String)> {
    let file = fs::File::open(folder.join(name)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let group = |group: &parquet::file::metadata::RowGroupMetaData| {
        let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts()[0] == column).unwrap();
        (group.num_rows(), format!("{}", chunk.compression()))
    };
    reader.metadata().row_groups().iter().map(group).collect()
}

fn keep_long(bytes: usize) -> PipelineFile {
    let step = step("keep_long").from(&["in"]).parameters(format_args!("min-bytes = {bytes}"));
    PipelineFile::new().batch_rows(1000).add(source("input.parquet").name("in")).add(step)
}

#[test]
fn a_row_group_without_changes_is_copied() {
    let folder = Folder::with(&[KEEP_LONG]);
    let table = table(0..50_000);
    write(&folder.join("input.parquet"), &table, 20_000);
    folder.run(keep_long(0).add(sink("output.parquet").from(&["keep_long"]))).succeeded();
    assert!(rows(&folder, "output.parquet") == input::plain(&table));
    // The step's column is encoded by the host, with Zstandard.
    let copied = |rows: i64| (rows, "SNAPPY".to_owned());
    assert_eq!(groups(&folder, "output.parquet", "n"), [copied(20_000), copied(20_000), copied(10_000)]);
    assert!(groups(&folder, "output.parquet", "text").iter().all(|(_, codec)| codec.starts_with("ZSTD")));
    let statistics = |name: &str| {
        let reader = SerializedFileReader::new(fs::File::open(folder.join(name)).unwrap()).unwrap();
        let groups = reader.metadata().row_groups().to_vec();
        groups.iter().map(|group| group.column(2).statistics().cloned()).collect::<Vec<_>>()
    };
    assert!(statistics("input.parquet").iter().all(Option::is_some));
    assert_eq!(statistics("output.parquet"), statistics("input.parquet"));
    same(&folder, &keep_long(0).add(sink("output.parquet").from(&["keep_long"])), "keep_long", &["output.parquet"]);
}

#[test]
fn row_groups_with_dropped_rows_are_decoded_and_others_are_copied() {
    let folder = Folder::with(&[KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..100_000), 20_000);
    // The only text of 3 bytes is the 30,000th.
    let pipeline = keep_long(4).add(sink("output.parquet").from(&["keep_long"]));
    let output = same(&folder, &pipeline, "keep_long", &["output.parquet"]);
    assert_eq!(output.num_rows(), 99_999);
    folder.run(pipeline).succeeded();
    let groups = groups(&folder, "output.parquet", "n");
    assert_eq!(groups.iter().map(|(rows, _)| *rows).collect::<Vec<_>>(), [20_000, 19_999, 20_000, 20_000, 20_000]);
    assert_eq!(groups.iter().filter(|(_, codec)| codec == "SNAPPY").count(), 4);
}

#[test]
fn carried_columns_are_those_of_their_rows_in_any_order() {
    let folder = Folder::with(&[REVERSE, EXPAND_WORDS, KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..7_000), 1500);
    let pipeline = PipelineFile::new()
        .batch_rows(700)
        .add(source("input.parquet").name("in"))
        .add(step("reverse").from(&["in"]))
        .add(step("expand_words").from(&["in"]).set("drop", "[\"n\"]"))
        .add(step("keep_long").from(&["reverse"]).parameters("min-bytes = 12").set("rename", "{ list = \"other\" }"))
        .add(sink("reversed.parquet").from(&["reverse"]))
        .add(sink("words.parquet").from(&["expand_words"]))
        .add(sink("long.parquet").from(&["keep_long"]))
        .add(sink("some.parquet").from(&["reverse"]).select(&["bytes", "id", "n"]));
    let files = ["words.parquet", "reversed.parquet", "long.parquet", "some.parquet"];
    let words = same(&folder, &pipeline, "in", &files);
    assert!(words.num_rows() > 7_000);
}

#[test]
fn carried_columns_follow_their_rows_through_routes() {
    let folder = Folder::with(&[KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..60_000), 20_000);
    let pipeline = PipelineFile::new()
        .batch_rows(700)
        .add(
            source("input.parquet")
                .name("in")
                .set("route", r#"{ to = ["left", "keep_long"], by = "sample", seed = 3 }"#),
        )
        .add(step("keep_long").parameters("min-bytes = 4"))
        .add(sink("left.parquet").name("left"))
        .add(sink("right.parquet").from(&["keep_long"]))
        .add(sink("all.parquet").from(&["in"]));
    let files = ["left.parquet", "right.parquet", "all.parquet"];
    let left = same(&folder, &pipeline, "in", &files);
    let right = rows(&folder, "right.parquet");
    assert!(left.num_rows() > 20_000 && right.num_rows() > 20_000, "{} and {}", left.num_rows(), right.num_rows());
    assert!(rows(&folder, "all.parquet") == input::plain(&table(0..60_000)));
}

#[test]
fn small_row_groups_are_joined() {
    let folder = Folder::with(&[KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..30_000), 100);
    let pipeline = keep_long(0).add(sink("output.parquet").from(&["keep_long"]));
    let output = same(&folder, &pipeline, "keep_long", &["output.parquet"]);
    assert_eq!(output, input::plain(&table(0..30_000)));
    folder.run(pipeline).succeeded();
    assert_eq!(groups(&folder, "output.parquet", "n").len(), 1);
}

#[test]
fn a_large_row_group_is_copied_whole_and_split_once_a_row_is_dropped() {
    let folder = Folder::with(&[KEEP_LONG]);
    // Row 30,000 has a text of three bytes, as no other row has.
    write(&folder.join("input.parquet"), &table(100_000..300_000), 200_000);
    let pipeline = keep_long(0).add(sink("output.parquet").from(&["keep_long"]));
    folder.run(pipeline).succeeded();
    assert_eq!(groups(&folder, "output.parquet", "n"), [(200_000, "SNAPPY".to_owned())]);
    write(&folder.join("input.parquet"), &table(0..200_000), 200_000);
    let pipeline = keep_long(4).add(sink("output.parquet").from(&["keep_long"]));
    same(&folder, &pipeline, "keep_long", &["output.parquet"]);
    folder.run(pipeline).succeeded();
    let groups = groups(&folder, "output.parquet", "n");
    assert_eq!(groups.iter().map(|(rows, _)| *rows).collect::<Vec<_>>(), [131_072, 68_927]);
    assert!(groups.iter().all(|(_, codec)| codec.starts_with("ZSTD")));
}

#[test]
fn files_whose_columns_differ_are_read_together() {
    let folder = Folder::with(&[KEEP_LONG]);
    fs::create_dir(folder.join("in")).unwrap();
    write(&folder.join("in/1.parquet"), &table(0..17_000), 17_000);
    write(&folder.join("in/2.parquet"), &input::in_other_types(&table(17_000..34_000)), 17_000);
    write(&folder.join("in/3.parquet"), &table(34_000..35_000), 1000);
    let step = step("keep_long").from(&["in"]).parameters("min-bytes = 0");
    let pipeline = PipelineFile::new().batch_rows(1000).add(source("in/*.parquet").name("in")).add(step);
    let pipeline = pipeline.add(sink("output.parquet").from(&["keep_long"]));
    same(&folder, &pipeline, "keep_long", &["output.parquet"]);
    folder.run(pipeline).succeeded();
    // The type of `n` differs, that of `id` does not.
    assert!(groups(&folder, "output.parquet", "n").iter().all(|(_, codec)| codec.starts_with("ZSTD")));
    let copied = groups(&folder, "output.parquet", "id");
    assert_eq!(copied.iter().map(|(_, codec)| codec == "SNAPPY").collect::<Vec<_>>(), [true, true, true]);
}

#[test]
fn rejected_and_dropped_rows_have_their_carried_columns() {
    let folder = Folder::with(&[GIVE_REASONS]);
    write(&folder.join("input.parquet"), &input::with_reasons(3_000), 1_000);
    let give = step("give_reasons").on_failure("reject");
    let pipeline = PipelineFile::new().batch_rows(70).add(source("input.parquet").name("in")).add(give.from(&["in"]));
    let pipeline = pipeline.add(sink("output.parquet").from(&["give_reasons"])).rejects();
    let pipeline = pipeline.toml("[dropped]\npath = \"dropped.jsonl\"");
    let mut versions = Vec::new();
    for decodes in [false, true] {
        let all = sink("all.arrow").from(&["give_reasons"]);
        let pipeline = pipeline.clone();
        folder.run(if decodes { pipeline.add(all) } else { pipeline }).succeeded();
        let values = |name| folder.json_lines(name).into_iter().map(|mut line| line["row"].take()).collect::<Vec<_>>();
        versions.push((values("rejects.jsonl"), values("dropped.jsonl")));
    }
    assert!(versions[0] == versions[1], "{versions:?}");
    assert_eq!(versions[0].0.len(), 500);
    assert!(versions[0].0.iter().any(|row| row["list"].is_array() && row["n"].is_number()), "{:?}", versions[0].0);
    same(&folder, &pipeline, "give_reasons", &["output.parquet"]);
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = Folder::with(&[KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..70_000), 20_000);
    folder.write_pipeline(keep_long(4).add(sink("output.parquet").from(&["keep_long"])));
    let written = ["1", "2", "8"].map(|threads| {
        folder.stillbox(["run", "pipeline.toml", "--threads", threads]).succeeded();
        folder.bytes("output.parquet")
    });
    assert!(written[0] == written[1] && written[1] == written[2]);
}

#[test]
fn a_run_that_is_killed_and_resumed_copies_the_same_bytes() {
    let folder = Folder::with(&[KEEP_LONG, ADD_COLUMN]);
    write(&folder.join("input.parquet"), &table(0..90_000), 20_000);
    let keep = component_step("keep", "keep_long.wasm").from(&["in"]).parameters("min-bytes = 4");
    let pipeline = PipelineFile::new().batch_rows(100).add(source("input.parquet").name("in")).add(keep);
    let pipeline = pipeline.add(step("add_column").from(&["keep"]));
    let pipeline = pipeline.add(sink("kept.parquet").from(&["keep"])).add(sink("output.parquet").from(&["add_column"]));
    let pipeline = pipeline.add(sink("untouched.parquet").from(&["in"]));
    folder.write_pipeline(&pipeline);
    folder.stillbox(["run", "pipeline.toml"]).succeeded();
    let outputs = ["kept.parquet", "output.parquet", "untouched.parquet"];
    let expected = outputs.map(|name| folder.bytes(name));
    for kills in 0..6 {
        let mut resume: Vec<&str> = Vec::new();
        for _ in 0..=kills {
            if !crate::resume::killed_after(&folder, &resume, 60 + 90 * kills) {
                break;
            }
            resume = vec!["--resume"];
        }
        folder.stillbox(["run", "pipeline.toml", "--resume", "--threads", "3"]).succeeded();
        for (name, expected) in outputs.iter().zip(&expected) {
            assert!(folder.bytes(name) == *expected, "{name} after {kills} kills");
        }
    }
}

#[test]
fn a_corrupt_page_of_a_carried_column_is_an_error_that_names_it() {
    let folder = Folder::with(&[KEEP_LONG]);
    write(&folder.join("input.parquet"), &table(0..20_000), 20_000);
    let path = folder.join("input.parquet");
    let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let (start, length) = reader.metadata().row_group(0).column(2).byte_range();
    // The header of the first page: its type becomes unknown.
    let mut bytes = fs::read(&path).unwrap();
    bytes[start as usize..(start + length.min(40)) as usize].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let error = folder.run(keep_long(0).add(sink("output.parquet").from(&["keep_long"]))).failed(1);
    assert!(error.contains("input.parquet") && error.contains("column `n` in row group 0"), "{error}");
    assert!(!folder.contains("output.parquet"));
}
