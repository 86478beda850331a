//! Writes complete outputs like a run, and checks bytes, files and messages.

mod resumed;
mod samples;
mod types;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::{Float64Type, Int8Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, FixedSizeListArray,
    Float32Array, Float64Array, Int64Array, LargeStringArray, ListArray, NullArray, RecordBatch, StringArray,
    StringViewArray, StructArray, Time32SecondArray, TimestampMicrosecondArray, UInt64Array, UnionArray,
};
use arrow_schema::{DataType as ArrowType, Field, Schema};
use insta::assert_snapshot;

use super::*;
use crate::data_type::DataType;
use crate::json::json_texts;

fn spec(path: &Path, format: Format, batch: &RecordBatch) -> SinkSpec {
    let location = SinkLocation::Path(path.to_path_buf());
    SinkSpec { location, format, compression: Compression::None, non_finite: NonFinite::Error, schema: batch.schema() }
}

fn write(spec: &SinkSpec, batches: &[&RecordBatch]) -> Result<(), SinkError> {
    let (encoder, mut writer) = open(spec, None, None)?;
    for batch in batches {
        writer.write(encoder.encode(batch)?)?;
    }
    writer.finish()
}

/// Returns a batch as text in a format.
fn text(format: Format, batch: &RecordBatch) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    write(&spec(&path, format, batch), &[batch]).unwrap();
    fs::read_to_string(path).unwrap()
}

/// Returns the error for rows that cannot be written.
fn error(format: Format, batch: &RecordBatch) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let error = write(&spec(&path, format, batch), &[batch]).expect_err("the format does not support this");
    assert_eq!(names(folder.path()), [""; 0]);
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn one_column(array: impl Array + 'static) -> RecordBatch {
    batch(vec![("a", Arc::new(array))])
}

fn json(texts: &[Option<&str>]) -> RecordBatch {
    let schema = Schema::new(vec![DataType::Json.field("a", true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from_iter(texts))]).unwrap()
}

/// Returns a batch with a column of every type of the contract and of the formats.
fn all_types() -> RecordBatch {
    let vectors = FixedSizeListArray::try_new(
        Arc::new(Field::new("item", ArrowType::Float32, false)),
        2,
        Arc::new(Float32Array::from(vec![0.1, 1.0, 0.0, 0.0])),
        Some(vec![true, false].into()),
    );
    let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
    dictionary.append_value("say \"x\"");
    dictionary.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), ListBuilder::new(StringBuilder::new()));
    map.keys().append_value("k");
    map.values().append_value([Some("v"), None]);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let inner = batch(vec![
        ("binary", Arc::new(BinaryArray::from(vec![Some(b"\0\xff".as_slice()), None]))),
        ("float", Arc::new(Float64Array::from(vec![Some(1.0), None]))),
    ]);
    batch(vec![
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("integer", Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ("large", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("float", Arc::new(Float64Array::from(vec![Some(1.0), None]))),
        ("float32", Arc::new(Float32Array::from(vec![Some(0.1), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("é\u{7f}\u{1}\"\\/\n,"), None]))),
        ("large text", Arc::new(LargeStringArray::from(vec![Some("\"x\""), None]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("v"), None]))),
        ("binary", Arc::new(BinaryArray::from(vec![Some(b"\0\xff".as_slice()), None]))),
        ("vector", Arc::new(vectors.unwrap())),
        ("date", Arc::new(Date32Array::from(vec![Some(19_000), None]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None]).with_timezone("+00:00"))),
        (
            "decimal",
            Arc::new(Decimal128Array::from(vec![Some(-12_340), None]).with_precision_and_scale(38, 3).unwrap()),
        ),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]))),
        ("struct", Arc::new(StructArray::from(inner))),
        ("map", Arc::new(map.finish())),
        ("dictionary", Arc::new(dictionary.finish())),
        ("null", Arc::new(NullArray::new(2))),
    ])
}

#[test]
fn every_type_has_json() {
    assert_snapshot!(text(Format::JsonLines, &all_types()), @r#"
{"boolean":true,"integer":-9223372036854775808,"large":18446744073709551615,"float":1.0,"float32":0.1,"text":"é\u0001\"\\/\n,","large text":"\"x\"","view":"v","binary":"AP8=","vector":[0.1,1.0],"date":"2022-01-08","time":"1970-01-01T00:00:01.500Z","decimal":-12.340,"list":[1,null],"struct":{"binary":"AP8=","float":1.0},"map":{"k":["v",null]},"dictionary":"say \"x\"","null":null}
{"boolean":null,"integer":null,"large":null,"float":null,"float32":null,"text":null,"large text":null,"view":null,"binary":null,"vector":null,"date":null,"time":null,"decimal":null,"list":null,"struct":{"binary":null,"float":null},"map":null,"dictionary":null,"null":null}
"#);
}

#[test]
fn every_type_has_csv() {
    assert_snapshot!(text(Format::Csv, &all_types()), @r#"
boolean,integer,large,float,float32,text,large text,view,binary,vector,date,time,decimal,list,struct,map,dictionary,null
true,-9223372036854775808,18446744073709551615,1.0,0.1,"é""\/
,","""x""",v,AP8=,"[0.1,1.0]",2022-01-08,1970-01-01T00:00:01.500Z,-12.340,"[1,null]","{""binary"":""AP8="",""float"":1.0}","{""k"":[""v"",null]}","say ""x""",
,,,,,,,,,,,,,,"{""binary"":null,""float"":null}",,,
"#);
}

#[test]
fn json_keeps_its_text_on_one_line() {
    let rows = json(&[Some("{\r\n \"a\\n\": [1,\n2.50]\n}"), None, Some("null"), Some("\"x\"")]);
    let lines = "{\"a\":{ \"a\\n\": [1,2.50]}}\n{\"a\":null}\n{\"a\":null}\n{\"a\":\"x\"}\n";
    assert_eq!(text(Format::JsonLines, &rows), lines);
    assert_eq!(text(Format::Csv, &json(&[Some("\"x\""), None])), "a\n\"\"\"x\"\"\"\n\"\"\n");
}

#[test]
fn nested_columns_become_json_texts() {
    let rows = all_types();
    let texts = |name: &str| {
        let (index, field) = rows.schema_ref().column_with_name(name).unwrap();
        json_texts(rows.column(index), field, NonFinite::Error).unwrap()
    };
    assert_eq!(texts("list"), StringArray::from(vec![Some("[1,null]"), None]));
    assert_eq!(texts("struct").value(0), "{\"binary\":\"AP8=\",\"float\":1.0}");
    assert_eq!(texts("map"), StringArray::from(vec![Some("{\"k\":[\"v\",null]}"), None]));
    assert_eq!(texts("null"), StringArray::new_null(2));
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>([None, Some(vec![Some(f64::NAN)])]);
    let list: ArrayRef = Arc::new(list);
    let field = Field::new("a", list.data_type().clone(), true);
    let error = json_texts(&list, &field, NonFinite::Error).expect_err("NaN is no JSON");
    assert_eq!(error.to_string(), "row 1 has NaN, which JSON cannot represent");
}

#[test]
fn numbers_that_are_not_finite_are_an_error_in_json() {
    let floats = one_column(Float64Array::from(vec![Some(1.0), None, Some(f64::NEG_INFINITY)]));
    let advice = "set `nan = \"null\"` in the sink, or replace it in a step";
    let message = |value: &str| format!("out: column a has {value}, which JSON cannot represent; {advice}");
    assert_eq!(error(Format::JsonLines, &floats), message("-inf"));
    let nested = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(f64::NAN)])]);
    assert_eq!(error(Format::JsonLines, &one_column(nested)), message("NaN"));
    let time = Time32SecondArray::from(vec![86_401]);
    assert_snapshot!(error(Format::JsonLines, &one_column(time)), @"out: column a has a value that cannot be written: a time of day outside of 00:00:00 to 24:00:00");
    let dates = one_column(Date64Array::from(vec![i64::MAX]));
    assert_eq!(text(Format::JsonLines, &dates), "{\"a\":\"+292278994-08-17T07:12:55.807\"}\n");
}

#[test]
fn unsupported_types_are_an_error_before_the_first_row() {
    let union = UnionArray::try_new(
        [(0, Arc::new(Field::new("n", ArrowType::Int64, true)))].into_iter().collect(),
        vec![0_i8].into(),
        None,
        vec![Arc::new(Int64Array::from(vec![1])) as ArrayRef],
    );
    let rows = one_column(union.unwrap());
    for format in [Format::JsonLines, Format::Csv, Format::Parquet] {
        let message = error(format, &rows);
        assert!(
            message.contains(&format!("which {format} cannot hold; drop the column, or write another format")),
            "{message}"
        );
    }
    assert_eq!(
        open(&spec(Path::new("-"), Format::Arrow, &rows), None, None).map(drop).map_err(|error| error.to_string()),
        Ok(())
    );
}

#[test]
fn rows_with_other_columns_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (encoder, _writer) = open(&spec(&folder.path().join("a"), Format::Parquet, &all_types()), None, None).unwrap();
    let error = encoder.encode(&one_column(NullArray::new(1))).expect_err("the columns differ");
    assert!(error.to_string().ends_with(": the rows do not have the columns that this output was opened for"));
}

#[test]
fn an_output_without_rows_is_valid() {
    let rows = one_column(StringArray::from(vec!["x"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for (format, expected) in [(Format::JsonLines, ""), (Format::Csv, "a\n")] {
        write(&spec(&path, format, &rows), &[]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        let compressed = SinkSpec { compression: Compression::Gzip, ..spec(&path, format, &rows) };
        write(&compressed, &[]).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap()),
            &mut text,
        )
        .unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn compressed_outputs_are_members_and_frames() {
    let rows = one_column(StringArray::from(vec!["x", "y"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for compression in [Compression::Gzip, Compression::Zstd] {
        let spec = SinkSpec { compression, ..spec(&path, Format::Csv, &rows) };
        write(&spec, &[&rows, &rows.slice(0, 0), &rows]).unwrap();
        let bytes = fs::read(&path).unwrap();
        write(&spec, &[&rows, &rows]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let mut text = String::new();
        let mut reader: Box<dyn std::io::Read> = match compression {
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(&*bytes)),
            _ => Box::new(zstd::stream::read::Decoder::new(&*bytes).unwrap()),
        };
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nx\ny\nx\ny\n");
    }
}

#[test]
fn binary_formats_inside_a_compression_are_an_error() {
    let rows = one_column(StringArray::from(vec!["x"]));
    let spec =
        SinkSpec { compression: Compression::Zstd, ..spec(Path::new("out.parquet.zst"), Format::Parquet, &rows) };
    assert_snapshot!(open(&spec, None, None).map(drop).expect_err("twice").to_string(), @"out.parquet.zst: cannot write parquet inside zstd: parquet compresses its own data; remove the ending or the setting");
}

#[test]
fn binary_formats_have_the_same_bytes_each_time() {
    let rows = all_types();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Parquet, Format::Arrow] {
        let rows = if format == Format::Parquet { rows.project(&[0, 1, 3, 5, 8, 9]).unwrap() } else { rows.clone() };
        let file = |name: &str| {
            let path = folder.path().join(name);
            write(&spec(&path, format, &rows), &[&rows, &rows]).unwrap();
            fs::read(path).unwrap()
        };
        assert_eq!(file("1"), file("2"));
    }
}

#[test]
fn an_existing_file_is_unchanged_until_the_end() {
    let rows = one_column(StringArray::from(vec!["x"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    fs::write(&path, "earlier").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    for format in Format::WRITTEN {
        let (encoder, mut writer) = open(&spec(&path, format, &rows), None, None).unwrap();
        writer.write(encoder.encode(&rows).unwrap()).unwrap();
        let found = names(folder.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(".out."), "{found:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "earlier");
        drop(writer);
        assert_eq!(names(folder.path()), ["out"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "earlier");
    }
    write(&spec(&path, Format::Csv, &rows), &[&rows]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\nx\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_symbolic_link_is_followed_and_not_replaced() {
    let rows = one_column(StringArray::from(vec!["x"]));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let (link, file) = (folder.path().join("link"), folder.path().join("data/file"));
    symlink("data/file", &link).unwrap();
    for _ in 0..2 {
        write(&spec(&link, Format::Csv, &rows), &[&rows]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(fs::read_to_string(&link).unwrap(), "a\nx\n");
    }
}

#[test]
fn errors_name_outputs_that_cannot_be_written() {
    let rows = one_column(StringArray::from(vec!["x"]));
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &str| {
        let error = write(&spec(&folder.path().join(path), Format::JsonLines, &rows), &[&rows]);
        error.expect_err("no file can be created there").to_string().replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    assert_snapshot!(error("missing/out"), @r#"FOLDER/missing/out: cannot create a file in the folder "FOLDER/missing"; check that it exists and that you may write there"#);
    assert_snapshot!(error(""), @"FOLDER/: this is a directory; name a file in it");
    symlink("loop", folder.path().join("loop")).unwrap();
    assert_snapshot!(error("loop"), @"FOLDER/loop: cannot open this output");
    assert_eq!(names(folder.path()), ["loop"]);
}

#[test]
fn a_full_disk_is_an_error() {
    let rows = one_column(StringArray::from(vec!["x"]));
    for format in Format::WRITTEN {
        let error = write(&spec(Path::new("/dev/full"), format, &rows), &[&rows]).expect_err("the disk is full");
        assert_eq!(error.to_string(), "/dev/full: cannot write this output");
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::StorageFull), "{format}");
    }
}

#[test]
fn a_device_is_written_directly() {
    let rows = one_column(StringArray::from(vec!["x"]));
    write(&spec(Path::new("/dev/null"), Format::Parquet, &rows), &[&rows]).unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_closed_reader_has_an_error_kind_of_its_own() {
    let gone = SinkError::io(&"out".into(), "write this output", std::io::ErrorKind::BrokenPipe.into());
    assert!(gone.is_closed());
    assert_eq!(gone.to_string(), "out: the reader has closed it");
}
