//! Inputs that are right, made by code, and the parts that have a meaning in their formats.

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

pub(crate) const TEXT_TOKENS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b"\n",
    b"\r\n",
    b"\r",
    b",",
    b";",
    b"\t",
    b"\\",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xff",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"null",
    b"true",
    b"-",
    b"1e999",
    b"-0",
    b"0.1",
    b"9223372036854775808",
    b"NaN",
    b"\\u0000",
    b"\\ud800",
    b"\\ud83d\\ude00",
    b"{\"a\":",
    b"[[[[[[[[[[[[[[[[",
    b"id",
    b"#",
    b"2024-02-30",
    b"\xc3\xbc",
    b"\xf0\x9f\xa6\x80",
    b" ",
];

pub(crate) const PIPELINE_TOKENS: &[&[u8]] = &[
    b"[[step]]",
    b"[[source]]",
    b"[[sink]]",
    b"[pipeline]",
    b"[limits]",
    b"[rejects]",
    b"name = ",
    b"\"",
    b"'''",
    b"\"\"\"",
    b"from = ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b".",
    b"\n",
    b"#",
    b"1_0",
    b"0x",
    b"nan",
    b"inf",
    b"1979-05-27",
    b"\\u202e",
    b"\xe2\x80\xae",
    b"route = ",
    b"combine = \"columns\"",
    b"batch-rows = 99999999999999999999",
    b"columns = ",
    b"list<struct<a: list<",
    b"time = \"",
    b"1h1s",
    b"18446744073709551616GiB",
];

pub(crate) const SHOWN_TOKENS: &[&[u8]] = &[
    b"##[",
    b"##vso[",
    b"##teamcity[",
    b"::error::",
    b"::",
    b"##",
    b"[",
    b"#",
    b"\n",
    b"\r",
    b"\t",
    b"\x1b[2J",
    b"\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xf3\xa0\x81\x81",
    b"section_start:1:a",
    b" ",
    b"\\",
    b"\"",
];

pub(crate) const BINARY_TOKENS: &[&[u8]] = &[
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x80\x80\x80\x80\x10",
    b"\xff\xff\xff\xff\x0f",
    b"PAR1",
    b"ARROW1",
    b"\x7f",
    b"\x15\x00",
];

pub(crate) fn csv() -> Vec<Vec<u8>> {
    vec![
        b"id,text,score\n1,a,0.5\n2,\"b \"\"c\"\" \n d\",\n3,\xc3\xa9,-1e3\n".to_vec(),
        b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n".to_vec(),
        b"a\n\n1\n\"\"\n".to_vec(),
        b"a,b\r1,2\r3,4\r".to_vec(),
        "id,t\n".bytes().chain((0..200).flat_map(|row| format!("{row},text {row}\n").into_bytes())).collect(),
    ]
}

pub(crate) fn jsonl() -> Vec<Vec<u8>> {
    vec![
        b"{\"id\":1,\"text\":\"a\\n\\u00e9\",\"f\":0.5,\"b\":true,\"n\":null}\n{\"id\":2,\"text\":\"\",\"f\":1e10,\"b\":false,\"n\":[1,{\"a\":\"x\"}]}\n".to_vec(),
        b"{\"a\":{\"b\":[1,2.5,\"c\"]},\"v\":[0.5,1.5]}\r\n\r\n{\"a\":null,\"v\":[1]}".to_vec(),
        b"{\"t\":\"\\ud83d\\ude00\",\"i\":9223372036854775807}\n{\"i\":-9223372036854775808,\"t\":\"x\"}\n".to_vec(),
        (0..200).flat_map(|row| format!("{{\"id\":{row},\"t\":\"text {row}\"}}\n").into_bytes()).collect(),
    ]
}

pub(crate) fn json() -> Vec<Vec<u8>> {
    vec![
        b"[{\"id\":1,\"text\":\"a\"},\n {\"id\":2,\"text\":\"b\"}]".to_vec(),
        b"{\n \"id\": 1,\n \"a\": [1, 2]\n}\n{\"id\": 2, \"a\": null}".to_vec(),
        b" [ ] ".to_vec(),
    ]
}

/// A batch with columns of many types.
fn batch() -> RecordBatch {
    let texts = StringArray::from(vec![Some("a"), None, Some("\u{e9}"), Some("a long text that is repeated")]);
    let numbers = Int64Array::from(vec![Some(1), Some(i64::MIN), None, Some(4)]);
    let lists = [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(3)])];
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), Some("y"), None, Some("x")].into_iter().collect();
    let nested: Vec<(Arc<Field>, ArrayRef)> =
        vec![(Arc::new(Field::new("n", DataType::Int64, true)), Arc::new(numbers.clone()))];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(numbers)),
        ("text", Arc::new(texts)),
        ("float", Arc::new(Float64Array::from(vec![0.5, f64::MAX, -0.0, 1e-300]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\xff"[..], b"", b"ab", b"\0"]))),
        ("time", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(i64::MAX / 2), Some(-1)]))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ("name", Arc::new(dictionary)),
        ("struct", Arc::new(StructArray::from(nested))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("the columns have the same length")
}

pub(crate) fn parquet() -> Vec<Vec<u8>> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let file = |compression, version, is_dictionary| {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_writer_version(version)
            .set_dictionary_enabled(is_dictionary)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(Some(3))
            .build();
        let batch = batch();
        let mut writer =
            ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("the types can be written");
        writer.write(&batch).expect("memory can be written to");
        writer.into_inner().expect("memory can be written to")
    };
    vec![
        file(Compression::UNCOMPRESSED, WriterVersion::PARQUET_1_0, true),
        file(Compression::SNAPPY, WriterVersion::PARQUET_2_0, false),
        file(zstd, WriterVersion::PARQUET_2_0, true),
    ]
}

pub(crate) fn arrow() -> Vec<Vec<u8>> {
    let batch = batch();
    let options = |compression| IpcWriteOptions::default().try_with_compression(compression).expect("it is built in");
    let compressions = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
    let file = |compression| {
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options(compression))
            .expect("the types can be written");
        writer.write(&batch).and_then(|()| writer.write(&batch)).expect("memory can be written to");
        writer.into_inner().expect("memory can be written to")
    };
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("the types can be written");
    stream.write(&batch).expect("memory can be written to");
    compressions.into_iter().map(file).chain([stream.into_inner().expect("memory can be written to")]).collect()
}

/// Compressed JSON Lines with a checksum, and the ends of the names of their files.
pub(crate) fn compressed() -> Vec<(&'static str, Vec<u8>)> {
    let text = jsonl().swap_remove(3);
    let room = "memory can be written to";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&text).expect(room);
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).expect(room);
    zstd.include_checksum(true).and_then(|()| zstd.write_all(&text)).expect(room);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&text).expect(room);
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 3);
    xz.write_all(&text).expect(room);
    vec![
        ("gz", gzip.finish().expect(room)),
        ("zst", zstd.finish().expect(room)),
        ("bz2", bzip2.finish().expect(room)),
        ("xz", xz.finish().expect(room)),
    ]
}

pub(crate) fn pipelines() -> Vec<Vec<u8>> {
    vec![
        br#"limits = { time = "5s", memory = "64MiB" }

[pipeline]
name = "clean-text"
batch-rows = 1000

[[source]]
name = "texts"
path = ["data/*.jsonl", "more/{a,b}.jsonl"]
columns = { id = "integer", messages = "list<struct<role: text, content: text>>" }
csv = { delimiter = "\t", header = false, names = ["id", "text"], nulls = ["", "NA"] }
on-bad-row = "reject"

[[step]]
name = "filter"
component = "steps/filter"
parameters = { column = "text", min-words = 5 }
on-failure = { retry = 2, backoff = "100ms", then = "reject" }
limits = { fuel = 1_000_000 }
instance = "worker"

[[step]]
name = "second"
from = ["texts", "filter"]
combine = "columns"
component = "b.wasm"
rename = { a = "b" }
select = ["b", "c"]
cache = true

[[sink]]
path = "out.parquet"
from = "second"
route = { shard = "0/2" }

[rejects]
path = "rejects.jsonl"
max-rejects = "5%"
"#
        .to_vec(),
        b"[pipeline]\nname = \"x\"\n[[source]]\npath = \"-\"\nformat = \"jsonl\"\n[[sink]]\npath = \"-\"\nformat = \"csv\"\n".to_vec(),
    ]
}

/// The record and the lock of a run.
pub(crate) fn run_files() -> Vec<Vec<u8>> {
    vec![
        br#"{"run":"1-2","name":"a","pipeline":"/a/p.toml","started":1,"written":2,"state":"running","rows":5,"pid":7,"parts":["/a/.o.1-2.part",[47,255]],"outputs":["/a/o"],"has_own_outputs":true,"unrepeatable":null}"#.to_vec(),
        br#"{"run":"1-2","parts":["/a/.o.1-2.part",[47,255,46,49,45,50,46,112,97,114,116]]}"#.to_vec(),
    ]
}

pub(crate) fn components() -> Vec<Vec<u8>> {
    let kinds = stillbox_hostile::KINDS.iter().map(|kind| kind.component(1));
    let small = kinds.filter(|component| component.len() < 100_000);
    std::iter::once(stillbox_hostile::harmless()).chain(small).collect()
}
