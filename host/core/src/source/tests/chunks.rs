//! Files, compression, and the limits of chunks.

use std::fs;
use std::io::Write as _;

use insta::assert_snapshot;

use super::super::text::{CHUNK_BYTES, ROW_BYTES};
use super::{InputFolder, SourceLocation, open};
use crate::format::{Compression, Format};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn chunks_have_as_many_rows_as_a_batch() {
    let text = (0..25).map(|id| format!("{{\"a\":{id}}}\n\n")).collect::<Vec<_>>().concat();
    let rows = InputFolder::from_content(Format::JsonLines, &text).batch_rows(10).read();
    assert_eq!(rows.chunks, [10, 10, 5]);
    assert_eq!(rows.positions[24], "in:49");
    assert_eq!(rows.bytes_read.last(), Some(&(text.len() as u64)));
}

#[test]
fn wide_rows_make_smaller_chunks() {
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(CHUNK_BYTES / 3));
    let rows = InputFolder::from_content(Format::JsonLines, line.repeat(5)).read();
    assert_eq!(rows.chunks, [2, 2, 1]);
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(CHUNK_BYTES));
    assert_eq!(InputFolder::from_content(Format::JsonLines, line.repeat(2)).read().chunks, [1, 1]);
}

#[test]
fn rows_above_the_size_limit_are_an_error() {
    let long = "x".repeat(ROW_BYTES + 1);
    assert_snapshot!(InputFolder::from_content(Format::JsonLines, format!("{{}}\n{long}")).error(), @"in:2: this row is longer than 64 MiB, the limit for one row");
    assert_snapshot!(InputFolder::from_content(Format::Csv, format!("a\n1\n\"\n{long}")).error(), @"in:3: this row is longer than 64 MiB, the limit for one row; is a quotation mark missing?");
}

#[test]
fn blank_lines_without_end_take_no_memory_and_are_counted() {
    let text = format!("{}{{\"a\":1}}", "\n".repeat(CHUNK_BYTES + 5));
    let rows = InputFolder::from_content(Format::JsonLines, text).read();
    assert_eq!(rows.positions, [format!("in:{}", CHUNK_BYTES + 6)]);
}

#[test]
fn compressed_members_and_frames_are_one_file() {
    let lines = ["{\"a\":1}\n{\"a\"", ":2}\n"];
    let members = lines.map(|part| gzip(part.as_bytes())).concat();
    let frames = lines.map(|part| zstd::bulk::compress(part.as_bytes(), 1).unwrap()).concat();
    for (name, bytes) in [("in.jsonl.gz", &members), ("in.jsonl.zst", &frames)] {
        let rows = InputFolder::new(Format::JsonLines, name).file(name, bytes).read();
        assert_eq!(rows.json(), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(rows.bytes_read, [bytes.len() as u64]);
        let empty = InputFolder::new(Format::JsonLines, name).file(name, "").error();
        assert!(empty.contains("data is truncated: the file ends too early"), "{empty}");
    }
}

#[test]
fn corrupt_compression_is_an_error() {
    let text = "{\"a\":1}\n".repeat(1000);
    let gzipped = gzip(text.as_bytes());
    let zstd = zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    let error = |compression, bytes: &[u8]| {
        InputFolder::from_content(Format::JsonLines, bytes).compression(compression).error()
    };
    let first_line = |error: String| error.lines().next().unwrap().to_owned();
    for (compression, bytes) in [(Compression::Gzip, &gzipped), (Compression::Zstd, &zstd)] {
        let cut = first_line(error(compression, &bytes[..bytes.len() - 4]));
        assert!(cut.starts_with(&format!("in: the {compression} data is truncated: ")), "{cut}");
        let plain = first_line(error(compression, text.as_bytes()));
        assert!(plain.starts_with(&format!("in: this file is not {compression}, ")), "{plain}");
    }
}

#[test]
fn errors_name_files_that_cannot_be_read() {
    assert_snapshot!(InputFolder::new(Format::JsonLines, "in").error(), @r#"
in: cannot open this input
  No such file or directory (os error 2)
"#);
    let input = InputFolder::new(Format::JsonLines, "in");
    fs::create_dir(input.path().join("in")).unwrap();
    assert_snapshot!(input.error(), @r#"in: this is a directory; name a file, or a pattern such as "*.jsonl" for the files in it"#);
    assert_snapshot!(InputFolder::new(Format::JsonLines, "*.jsonl").error(), @r#"no file matches "*.jsonl"; check the path and the working directory"#);
    assert_snapshot!(InputFolder::new(Format::JsonLines, "[a").error(), @r#""[a" is not a pattern of file names: a `[` has no closing `]`"#);
}

#[test]
fn an_existing_path_is_not_a_pattern() {
    let input = InputFolder::new(Format::JsonLines, "a[b]*");
    let input = input.file("ab", "{\"a\":1}").file("a[b]*", "{\"a\":2}");
    assert_eq!(input.read().json(), "{\"a\":2}\n");
    fs::remove_file(input.path().join("a[b]*")).unwrap();
    assert_eq!(input.read().json(), "{\"a\":1}\n");
}

#[test]
fn files_are_read_in_byte_order() {
    let mut input = InputFolder::new(Format::JsonLines, "*");
    for name in ["b", "a-1", "a", "B", "é", "a1"] {
        input = input.file(name, format!("{{\"a\":\"{name}\"}}"));
    }
    fs::create_dir(input.path().join("folder")).unwrap();
    let source = open(&input.spec).unwrap();
    let names: Vec<_> = source.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["B", "a", "a-1", "a1", "b", "é"]);
    assert_eq!(source.total_bytes, Some(9 + 9 + 11 + 10 + 9 + 10));
}

#[test]
fn a_device_has_no_length() {
    let mut input = InputFolder::new(Format::JsonLines, "in");
    input.spec.location = SourceLocation::path("/dev/null".into());
    let source = open(&input.spec).unwrap();
    assert_eq!(source.total_bytes, None);
    assert_eq!(input.read().shown(), "empty");
}
