//! Files of another kind than the format, and types of Parquet that Arrow does not have.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use insta::assert_snapshot;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::open;
use super::{InputFolder, encode_file};
use crate::format::Format;

fn error(format: Format, content: impl AsRef<[u8]>) -> String {
    InputFolder::from_content(format, content).error()
}

#[test]
fn files_of_another_kind_are_named_and_not_called_corrupt() {
    let rows = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as _)]).unwrap();
    let parquet = encode_file(&rows, Format::Parquet);
    let arrow = encode_file(&rows, Format::Arrow);
    assert_snapshot!(error(Format::JsonLines, &parquet), @r#"in: this is a Parquet file; set `format = "parquet"` in the source"#);
    assert_snapshot!(error(Format::Arrow, &parquet), @r#"in: this is a Parquet file; set `format = "parquet"` in the source"#);
    assert_snapshot!(error(Format::Csv, &arrow), @r#"in: this is an Arrow file; set `format = "arrow"` in the source"#);
    assert_snapshot!(error(Format::Parquet, &arrow), @r#"in: this is an Arrow file; set `format = "arrow"` in the source"#);
    assert_snapshot!(error(Format::Parquet, "{\"a\":1}\n"), @"in: this is a text file; correct `format` in the source");
    assert_snapshot!(error(Format::Arrow, "a,b\n1,2\n"), @"in: this is a text file; correct `format` in the source");
    assert_snapshot!(error(Format::Arrow, b"FEA1\0\0\0\0"), @"in: this is a Feather file of version 1; write it in version 2, which is Arrow IPC");
    assert_snapshot!(error(Format::Parquet, b"PARE\x15\x04\0\0\0\0PARE"), @"in: this is an encrypted Parquet file; decrypt it first");
    assert_snapshot!(error(Format::Csv, "<!DOCTYPE html>\n<html>\n"), @"in: this is an HTML page; download the file again; a server may have sent an error page");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 5\n";
    assert_snapshot!(error(Format::Csv, pointer), @"in: this is a pointer of Git LFS, not the file itself; run `git lfs pull`");
    assert_snapshot!(error(Format::Parquet, pointer), @"in: this is a pointer of Git LFS, not the file itself; run `git lfs pull`");
    let truncated = error(Format::Parquet, &parquet[..parquet.len() - 3]);
    assert!(truncated.contains("is it corrupt"), "{truncated}");
}

#[test]
fn a_header_that_is_json_is_an_error() {
    let message = "in:1: the first line looks like JSON; set `format = \"jsonl\"` or \"json\" in the source, or \
                   `csv = { header = true }` if it is CSV";
    for text in [
        "{\"a\":1}\n{\"a\":2}\n",
        "[{\"a\": 1, \"b\": 2}]",
        "{ \"a\": 1 }",
        "[\n  {\n    \"a\": 1\n",
        "{}\n",
        "{\"a\":\"x;y;z\"}",
    ] {
        assert_eq!(error(Format::Csv, text), message, "{text}");
    }
    let declared = InputFolder::from_content(Format::Csv, "{\"a\":1}\nx\n").with(|spec| spec.csv.header = Some(true));
    assert_eq!(declared.read().json(), "{\"{\\\"a\\\":1}\":\"x\"}\n");
    assert_eq!(InputFolder::from_content(Format::Csv, "{a},[b]\n1,2\n").read().json(), "{\"{a}\":1,\"[b]\":2}\n");
}

/// Writes a file with a JSON column and others.
fn annotated() -> Vec<u8> {
    let schema = "message m { required binary j (JSON); required binary b (BSON); required int64 t (TIME(MICROS,true)); \
                  required int64 u (TIME(MICROS,false)); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for value in ["{\"a\": 1.50}", "\u{5}"] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(value)], None, None).unwrap();
        column.close().unwrap();
    }
    for _ in 0..2 {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1_000_000], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn annotated_columns_of_parquet_are_json_or_warned_about() {
    let input = InputFolder::from_content(Format::Parquet, annotated());
    assert_snapshot!(input.read().shown(), @r#"
j: json, b: binary, t: text, u: text
{"j":{"a": 1.50},"b":"BQ==","t":"00:00:01","u":"00:00:01"}
"#);
    let warnings = open(&input.spec).unwrap().warnings.join("\n");
    assert_snapshot!(input.anonymous(&warnings), @r#"
in: column `b` has the type BSON of Parquet, which Arrow does not have; its values are read as they are stored, and outputs do not have the type
in: column `t` has the type TIME in UTC of Parquet, which Arrow does not have; its values are read as they are stored, and outputs do not have the type
"#);
}
