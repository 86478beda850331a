//! Values of types outside the contract in the standard steps, in several files of one source, and in sinks.

use std::fs::File;
use std::sync::Arc;

use arrow_array::types::{Float64Type, Int8Type, TimestampMicrosecondType};
use arrow_array::{
    ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, DurationSecondArray, Float32Array, Float64Array,
    Int32Array, Int64Array, LargeStringArray, ListArray, NullArray, PrimitiveArray, RecordBatch, StringArray,
    UInt64Array, UnionArray,
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType as ArrowType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::harness::{Folder, PipelineFile, Table, component_step, pipeline, sink, source};

/// A standard step.
fn standard(name: &str) -> Table {
    let (_, component) = stillbox_test_guests::ALL.iter().find(|(guest, _)| *guest == name).unwrap();
    component_step(name, component)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn write_arrow(folder: &Folder, name: &str, batch: &RecordBatch) {
    let mut writer = FileWriter::try_new(File::create(folder.join(name)).unwrap(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

fn write_parquet(folder: &Folder, name: &str, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(folder.join(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn names(count: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..count).map(|row| char::from(b'a' + row as u8).to_string())))
}

/// Runs a step on a column `v`, with batches of two rows, and returns the names of the rows that come out.
fn names_after(step: Table, values: ArrayRef) -> String {
    let folder = Folder::new();
    write_arrow(&folder, "input.arrow", &batch(vec![("name", names(values.len())), ("v", values)]));
    let pipeline = PipelineFile::new().batch_rows(2).add(source("input.arrow")).add(step);
    folder.run(pipeline.add(sink("output.jsonl").set("select", "[\"name\"]"))).succeeded();
    folder.json_lines("output.jsonl").iter().map(|row| row["name"].as_str().unwrap()).collect()
}

fn sorted(values: ArrayRef) -> String {
    names_after(standard("sort").parameters("keys = [{ column = \"v\" }]"), values)
}

fn distinct(values: ArrayRef) -> String {
    names_after(standard("deduplicate").parameters("columns = [\"v\"]"), values)
}

fn decimals(values: &[i128]) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, 2).unwrap())
}

fn zoned(values: Vec<i64>, zone: &str) -> ArrayRef {
    Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from_iter_values(values).with_timezone(zone))
}

#[test]
fn wide_decimals_and_integers_are_compared_exactly() {
    let large = 10_i128.pow(30);
    assert_eq!(distinct(decimals(&[large, large + 1, large])), "ab");
    assert_eq!(sorted(decimals(&[large + 1, large, -large - 1, -large])), "cdba");
    assert_eq!(distinct(Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, u64::MAX]))), "ab");
}

#[test]
fn durations_instants_and_bytes_are_ordered_by_value() {
    assert_eq!(sorted(Arc::new(DurationSecondArray::from(vec![90, 172_800, 5, -1]))), "dcab");
    assert_eq!(sorted(zoned(vec![1_500_000, 1_000_000, 1_000_001], "UTC")), "bca");
    // The offset changes between these instants, so the order of their texts is another.
    let autumn = 1_729_990_800_000_000;
    assert_eq!(sorted(zoned(vec![autumn + 3_600_000_000, autumn, autumn + 1_800_000_000], "Europe/Berlin")), "bca");
    assert_eq!(sorted(Arc::new(BinaryArray::from(vec![&b"\xff"[..], b"\x00", b"z"]))), "bca");
}

#[test]
fn nan_is_the_last_number_and_equal_to_itself() {
    let floats = vec![f64::NAN, 1.0, f64::NEG_INFINITY, -f64::NAN, f64::INFINITY];
    assert_eq!(sorted(Arc::new(Float64Array::from(floats.clone()))), "cbead");
    assert_eq!(distinct(Arc::new(Float64Array::from(floats))), "abce");
    assert_eq!(distinct(Arc::new(Float32Array::from(vec![0.0, -0.0, 0.1]))), "ac");
}

#[test]
fn cast_and_sinks_write_nan_as_null() {
    let folder = Folder::new();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None]));
    write_arrow(&folder, "input.arrow", &batch(vec![("v", floats)]));
    let cast = standard("cast").parameters("column = \"v\", type = \"float\", invalid = \"null\"");
    let expected = "{\"v\":1.5}\n{\"v\":null}\n{\"v\":null}\n";
    assert_eq!(folder.output_of(PipelineFile::new().add(source("input.arrow")).add(cast)), expected);
    let nulls = |path: &str| sink(path).set("nan", "\"null\"");
    let input = || PipelineFile::new().add(source("input.arrow"));
    folder.run(input().add(nulls("nulls.jsonl"))).succeeded();
    assert_eq!(folder.text("nulls.jsonl"), expected);
    folder.run(input().add(nulls("nulls.csv"))).succeeded();
    assert_eq!(folder.text("nulls.csv"), "v\n1.5\n\"\"\n\"\"\n");
    folder.run(input().add(sink("output.csv"))).succeeded();
    assert_eq!(folder.text("output.csv"), "v\n1.5\nNaN\n\"\"\n");
    folder.write_pipeline(input().add(nulls("nulls.parquet")));
    let refused = folder.stillbox(["check", "pipeline.toml"]);
    assert!(refused.failed(2).contains("`nan` in [[sink]] applies to jsonl and csv only, but this sink is parquet"));
}

#[test]
fn groups_and_extremes_follow_the_value() {
    let folder = Folder::new();
    let large = 10_i128.pow(30);
    let columns = vec![
        ("k", decimals(&[large, large + 1, large])),
        ("took", Arc::new(DurationSecondArray::from(vec![5, 172_800, 90])) as ArrayRef),
    ];
    write_arrow(&folder, "input.arrow", &batch(columns));
    let parameters = "columns = [\"k\"], aggregates = [{ function = \"max\", column = \"took\", into = \"longest\" }]";
    let step = standard("group-by").parameters(parameters);
    insta::assert_snapshot!(folder.output_of(PipelineFile::new().add(source("input.arrow")).add(step)), @r#"
    {"k":10000000000000000000000000000.00,"took":"PT5S","longest":"PT90S"}
    {"k":10000000000000000000000000000.01,"took":"PT172800S","longest":"PT172800S"}
    "#);
}

#[test]
fn timestamps_in_named_zones_are_written_by_every_text_sink_and_read_by_steps() {
    let folder = Folder::new();
    let times = zoned(vec![1_700_000_000_000_000, -3_000_000_000_000_000], "Europe/Berlin");
    write_parquet(&folder, "input.parquet", &batch(vec![("at", times)]));
    let template = standard("template").parameters("template = \"at {at}\", into = \"line\"");
    let pipeline_file = PipelineFile::new().add(source("input.parquet")).add(template);
    // Before 1893, the offset of Berlin was not in whole minutes.
    insta::assert_snapshot!(folder.output_of(pipeline_file), @r#"
    {"at":"2023-11-14T23:13:20+01:00","line":"at 2023-11-14T23:13:20+01:00"}
    {"at":"1874-12-07T18:40:00Z","line":"at 1874-12-07T18:40:00Z"}
    "#);
    folder.run(pipeline("input.parquet", &[], "output.csv")).succeeded();
    assert_eq!(folder.text("output.csv"), "at\n2023-11-14T23:13:20+01:00\n1874-12-07T18:40:00Z\n");
}

#[test]
fn files_of_one_source_may_store_a_type_in_several_ways() {
    let texts: [ArrayRef; 4] = [
        Arc::new(StringArray::from(vec!["s"])),
        Arc::new(LargeStringArray::from(vec!["l"])),
        Arc::new(DictionaryArray::<Int8Type>::from_iter(["d"])),
        Arc::new(NullArray::new(1)),
    ];
    let integers: [ArrayRef; 4] = [
        Arc::new(Int64Array::from(vec![i64::MIN])),
        Arc::new(Int32Array::from(vec![2])),
        Arc::new(UInt64Array::from(vec![3])),
        Arc::new(NullArray::new(1)),
    ];
    for first in 0..4 {
        let folder = Folder::new();
        for place in 0..4 {
            let index = (first + place) % 4;
            let columns = vec![("t", Arc::clone(&texts[index])), ("n", Arc::clone(&integers[index]))];
            write_parquet(&folder, &format!("{place}.parquet"), &batch(columns));
        }
        folder.run(pipeline("*.parquet", &[], "output.jsonl")).succeeded();
        let mut lines: Vec<String> = folder.text("output.jsonl").lines().map(str::to_owned).collect();
        lines.rotate_right(first);
        let expected = [
            "{\"t\":\"s\",\"n\":-9223372036854775808}",
            "{\"t\":\"l\",\"n\":2}",
            "{\"t\":\"d\",\"n\":3}",
            "{\"t\":null,\"n\":null}",
        ];
        assert_eq!(lines, expected, "from file {first} on");
        // The same, as two sources that are combined.
        let combined = PipelineFile::new()
            .add(source("0.parquet").name("one"))
            .add(source("1.parquet").name("two"))
            .add(sink("combined.jsonl").from(&["one", "two"]).set("combine", "\"rows\""));
        folder.run(combined).succeeded();
        assert_eq!(folder.text("combined.jsonl").lines().count(), 2);
    }
}

#[test]
fn a_value_that_does_not_fit_the_common_type_of_the_files_is_named_by_its_row() {
    let folder = Folder::new();
    write_parquet(&folder, "0.parquet", &batch(vec![("n", Arc::new(Int64Array::from(vec![-1])))]));
    write_parquet(&folder, "1.parquet", &batch(vec![("n", Arc::new(UInt64Array::from(vec![1, u64::MAX])))]));
    insta::assert_snapshot!(folder.run(pipeline("*.parquet", &[], "output.jsonl")).failed(1), @"error: 1.parquet, row 2: a value cannot be read without a change: column `n` as Int64, the common type of the files: Cast error: Can't cast value 18446744073709551615 to type Int64");
}

#[test]
fn check_refuses_a_type_that_a_sink_or_step_cannot_take() {
    let folder = Folder::new();
    let fields = [(0, Arc::new(Field::new("n", ArrowType::Int64, true)))].into_iter().collect();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let union: ArrayRef = Arc::new(UnionArray::try_new(fields, vec![0_i8].into(), None, vec![numbers]).unwrap());
    write_arrow(&folder, "input.arrow", &batch(vec![("u", union)]));
    for output in ["output.jsonl", "output.csv", "output.parquet"] {
        folder.write_pipeline(pipeline("input.arrow", &[], output));
        let message = folder.stillbox(["check", "pipeline.toml"]).failed(2);
        assert!(message.contains("cannot hold; drop the column, or write another format"), "{message}");
    }
    folder.run(pipeline("input.arrow", &[], "output.arrow")).succeeded();
    let step = standard("template").parameters("template = \"{u}\", into = \"line\"");
    folder.write_pipeline(PipelineFile::new().add(source("input.arrow")).add(step).add(sink("output.arrow")));
    let message = folder.stillbox(["check", "pipeline.toml"]).failed(2);
    assert!(message.contains("reads the column \"u\" as json"), "{message}");
}

#[test]
fn metadata_of_files_and_columns_reaches_the_output_until_a_column_changes() {
    let folder = Folder::new();
    let field = Field::new("text", ArrowType::Utf8, true).with_metadata([("PARQUET:field_id", "7")]);
    let features = r#"{"info":{"features":{"text":{},"id":{"_type":"ClassLabel"}}}}"#;
    let metadata = [("avro.schema", "{}"), ("own", "kept"), ("huggingface", features)];
    let schema = Schema::new(vec![field, Field::new("id", ArrowType::Int64, true)]).with_metadata(metadata);
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec!["a b"])), Arc::new(Int64Array::from(vec![1]))];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    write_parquet(&folder, "input.parquet", &batch);
    let schema_of = |name: &str| {
        let file = File::open(folder.join(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let keys = |name: &str| reader.schema().metadata().get(name).cloned();
        let id = reader.schema().field(0).metadata().get("PARQUET:field_id").cloned();
        (keys("avro.schema"), keys("own"), keys("huggingface"), id)
    };
    let some = |text: &str| Some(text.to_owned());
    folder.run(pipeline("input.parquet", &[], "same.parquet")).succeeded();
    assert_eq!(schema_of("same.parquet"), (some("{}"), some("kept"), some(features), some("7")));
    let normalize = standard("normalize-text").parameters("column = \"text\"");
    let changed = PipelineFile::new().add(source("input.parquet")).add(normalize);
    folder.run(changed.add(sink("changed.parquet").set("rename", "{ id = \"label\" }"))).succeeded();
    let label = some(r#"{"info":{"features":{"label":{"_type":"ClassLabel"}}}}"#);
    assert_eq!(schema_of("changed.parquet"), (None, some("kept"), label, None));
}

#[test]
fn steps_that_read_json_fail_on_nan_and_name_the_row() {
    let folder = Folder::new();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN]));
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.5)]),
        Some(vec![Some(f64::INFINITY)]),
    ]));
    write_arrow(&folder, "input.arrow", &batch(vec![("v", floats), ("list", list)]));
    let failure = |step: Table| {
        folder.run(PipelineFile::new().add(source("input.arrow")).add(step).add(sink("output.jsonl"))).failed(1)
    };
    let template = standard("template").parameters("template = \"{v}\", into = \"line\"");
    insta::assert_snapshot!(failure(template), @r#"
incompatible in step template: the column "v" cannot be read as json
  at: input.arrow, row 2 (batch 0)
  caused by: row 1 has NaN, which JSON cannot represent
"#);
    let expand = standard("expand-list").parameters("column = \"list\", type = \"float\"");
    insta::assert_snapshot!(failure(expand), @r#"
incompatible in step expand-list: the column "list" cannot be read as json
  at: input.arrow, row 2 (batch 0)
  caused by: row 1 has inf, which JSON cannot represent
"#);
    let extract = standard("json-extract").parameters("column = \"list\", pointer = \"/0\", into = \"x\"");
    insta::assert_snapshot!(failure(extract), @r#"
incompatible in step json-extract: the column "list" cannot be read as json
  at: input.arrow, row 2 (batch 0)
  caused by: row 1 has inf, which JSON cannot represent
"#);
}

#[test]
fn declared_and_inferred_lists_of_objects_are_lists_of_structs_in_parquet_and_arrow() {
    let folder = Folder::new();
    let input = "{\"id\":1,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n\
                 {\"id\":2,\"messages\":null}\n{\"id\":3,\"messages\":[{\"role\":\"x\",\"content\":null}]}\n";
    folder.write("input.jsonl", input);
    let declared = "{ id = \"integer\", messages = \"list<struct<role: text, content: text>>\" }";
    for (key, value) in [("columns", declared), ("nested", "\"arrow\"")] {
        for format in ["parquet", "arrow"] {
            let output = format!("output.{format}");
            let source = source("input.jsonl").set(key, value);
            folder.run(PipelineFile::new().batch_rows(1).add(source).add(sink(&output))).succeeded();
            // A list is written as JSON again, and a step reads it as JSON.
            folder.run(pipeline(&output, &[], "again.jsonl")).succeeded();
            assert_eq!(folder.text("again.jsonl"), input, "{key} {format}");
        }
        let file = File::open(folder.join("output.parquet")).unwrap();
        let schema = Arc::clone(ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema());
        let messages = schema.field(1).data_type().to_string();
        assert_eq!(messages, "List(Struct(\"role\": Utf8, \"content\": Utf8), field: 'element')");
    }
}

#[test]
fn a_nested_value_that_does_not_fit_its_type_is_named_by_its_line_and_place() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"m\":[{\"a\":1}]}\n\n{\"m\":[{\"a\":1},{\"b\":2}]}\n");
    let typed =
        |columns: &str| PipelineFile::new().add(source("input.jsonl").set("columns", columns)).add(sink("o.arrow"));
    let message = folder.run(typed("{ m = \"list<struct<a: integer>>\" }")).failed(1);
    let expected = "input.jsonl:3: `m`[] is of type struct<a: integer>, and this row has the key b";
    assert!(message.contains(expected), "{message}");
    folder.write_pipeline(typed("{ m = \"list<struct<a: int>>\" }"));
    let message = folder.stillbox(["check", "pipeline.toml"]).failed(2);
    assert!(message.contains("which is not a type: at byte 16 there is"), "{message}");
}
