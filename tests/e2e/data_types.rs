//! Every type of the contract as input and output of a step.

use std::fs::File;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use std::sync::Arc;
use stillbox_test_guests::{ADD_COLUMN, EVERY_TYPE, TEMPLATE};

use crate::harness::{Folder, PipelineFile, Table, pipeline, sink, source, step};

/// The columns of all types.
const COLUMNS: &str = r#"{ boolean = "boolean", integer = "integer", float = "float", text = "text", binary = "binary", json = "json", vector = "vector" }"#;

/// A pipeline whose input has all its columns declared.
fn declared(input: &str, guest: Table, output: &str) -> PipelineFile {
    PipelineFile::new().add(source(input).set("columns", COLUMNS)).add(guest).add(sink(output))
}

const ROWS: &str = r#"{"boolean":true,"integer":-9223372036854775808,"float":1.5,"text":"ü\u0000","binary":"AP8=","json":{"k" : [1]},"vector":[0.5,-1]}
{"boolean":null,"integer":null,"float":null,"text":null,"binary":null,"json":null,"vector":null}
{"boolean":false,"integer":9223372036854775807,"float":-1e300,"text":"","binary":"","json":"x","vector":[3.4028235e38,0]}
"#;

#[test]
fn every_type_passes_through_a_step_from_and_to_json_lines() {
    let folder = Folder::with(&[EVERY_TYPE]);
    folder.write("input.jsonl", ROWS);
    insta::assert_snapshot!(folder.output_of(declared("input.jsonl", step("every_type"), "output.jsonl")), @r#"
    {"boolean":true,"integer":-9223372036854775808,"float":1.5,"text":"ü\u0000","binary":"AP8=","json":{"k" : [1]},"vector":[0.5,-1.0],"not_boolean":false,"same_integer":-9223372036854775808,"same_float":1.5,"longer_text":"ü\u0000!","longer_binary":"AP8A/w==","list_json":["{\"k\" : [1]}"],"pair_vector":[-0.5,1.5]}
    {"boolean":null,"integer":null,"float":null,"text":null,"binary":null,"json":null,"vector":null,"not_boolean":false,"same_integer":-9223372036854775808,"same_float":0.5,"longer_text":"!","longer_binary":"AP8=","list_json":[null],"pair_vector":[0.0,1.5]}
    {"boolean":false,"integer":9223372036854775807,"float":-1e+300,"text":"","binary":"","json":"x","vector":[3.4028235e+38,0.0],"not_boolean":true,"same_integer":9223372036854775807,"same_float":-1e+300,"longer_text":"!","longer_binary":"AP8=","list_json":["\"x\""],"pair_vector":[3.4028235e+38,1.5]}
    "#);
}

#[test]
fn every_type_passes_through_a_step_from_and_to_csv() {
    let folder = Folder::with(&[EVERY_TYPE]);
    let csv = "boolean,integer,float,text,binary,json,vector\n\
               true,-1,1.5,ü,AP8=,\"{\"\"k\"\": [1]}\",\"[0.5,-1]\"\n,,,,,,\n";
    folder.write("input.csv", csv);
    folder.run(declared("input.csv", step("every_type"), "output.csv")).succeeded();
    insta::assert_snapshot!(folder.text("output.csv"), @r#"
    boolean,integer,float,text,binary,json,vector,not_boolean,same_integer,same_float,longer_text,longer_binary,list_json,pair_vector
    true,-1,1.5,ü,AP8=,"{""k"": [1]}","[0.5,-1.0]",false,-1,1.5,ü!,AP8A/w==,"[""{\""k\"": [1]}""]","[-0.5,1.5]"
    ,,,,,,,false,-9223372036854775808,0.5,!,AP8=,[null],"[0.0,1.5]"
    "#);
}

#[test]
fn every_type_passes_through_a_step_from_and_to_arrow() {
    let folder = Folder::with(&[EVERY_TYPE]);
    folder.write("input.jsonl", ROWS);
    folder.run(declared("input.jsonl", step("every_type"), "first.arrow")).succeeded();
    // The output is read again, also through Parquet.
    folder.run(pipeline("first.arrow", &["every_type"], "second.parquet")).succeeded();
    folder.run(pipeline("second.parquet", &["every_type"], "output.jsonl")).succeeded();
    let again = folder.text("output.jsonl");
    folder.run(declared("input.jsonl", step("every_type"), "output.jsonl")).succeeded();
    assert_eq!(again, folder.text("output.jsonl"));

    let batch = read(&folder, "first.arrow");
    assert_eq!(batch["boolean"].as_boolean().iter().collect::<Vec<_>>(), [Some(true), None, Some(false)]);
    let integers: Vec<_> = batch["integer"].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(integers, [Some(i64::MIN), None, Some(i64::MAX)]);
    assert_eq!(
        batch["float"].as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(1.5), None, Some(-1e300)]
    );
    assert_eq!(batch["binary"].as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&b"\0\xff"[..]), None, Some(b"")]);
    let vector = batch["pair_vector"].as_list::<i32>().value(0);
    assert_eq!(vector.as_primitive::<Float32Type>().values(), &[-0.5, 1.5]);
}

fn read(folder: &Folder, name: &str) -> RecordBatch {
    let mut reader = FileReader::try_new(File::open(folder.join(name)).unwrap(), None).unwrap();
    reader.next().unwrap().unwrap()
}

#[test]
fn arrow_types_outside_the_contract_reach_steps_as_text_or_bypass_them() {
    let folder = Folder::with(&[ADD_COLUMN]);
    let mut list = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    for value in [1.0, 2.0] {
        list.values().append_slice(&[value, value]);
        list.append(true);
    }
    let columns: [(&str, ArrayRef); 7] = [
        ("text", Arc::new(Date32Array::from(vec![0, 19_000]))),
        ("decimal", Arc::new(Decimal128Array::from(vec![1, -12_345]).with_precision_and_scale(20, 2).unwrap())),
        ("list", Arc::new(list.finish())),
        ("binary", Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff"]))),
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("float", Arc::new(Float64Array::from(vec![0.1, 2.0]))),
        ("integer", Arc::new(Int64Array::from(vec![1, 2]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = FileWriter::try_new(File::create(folder.join("input.arrow")).unwrap(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    insta::assert_snapshot!(folder.output_of(pipeline("input.arrow", &["add_column"], "output.jsonl")), @r#"
    {"text":"1970-01-01","decimal":0.01,"list":[1.0,1.0],"binary":"YQ==","boolean":true,"float":0.1,"integer":1,"length":10}
    {"text":"2022-01-08","decimal":-123.45,"list":[2.0,2.0],"binary":"/w==","boolean":null,"float":2.0,"integer":2,"length":10}
    "#);
    folder.run(pipeline("input.arrow", &["add_column"], "output.arrow")).succeeded();
    let output = read(&folder, "output.arrow");
    assert_eq!(output.column_by_name("decimal").unwrap(), batch.column_by_name("decimal").unwrap());
    assert_eq!(output.column_by_name("list").unwrap(), batch.column_by_name("list").unwrap());
}

#[test]
fn an_integer_is_read_as_float_only_if_exact() {
    let folder = Folder::with(&[EVERY_TYPE]);
    let input = r#"{"boolean":true,"integer":1,"float":7,"text":"","binary":"","json":1,"vector":[1]}
{"boolean":true,"integer":1,"float":9007199254740993,"text":"","binary":"","json":1,"vector":[1]}
"#;
    folder.write("input.jsonl", input);
    let columns = COLUMNS.replace("float = \"float\"", "float = \"integer\"");
    let pipeline = PipelineFile::new().add(source("input.jsonl").set("columns", columns)).add(step("every_type"));
    insta::assert_snapshot!(folder.run(pipeline).failed(1), @r#"
    incompatible in step every_type: the column "float" cannot be read as float
      at: input.jsonl:2 (batch 0)
      caused by: the integer 9007199254740993 has no exact float
    "#);
}

#[test]
fn a_step_can_read_a_column_of_any_type_as_json() {
    let folder = Folder::with(&[TEMPLATE]);
    folder.write("input.jsonl", ROWS);
    let template = "{boolean} {integer} {float} {text} {binary} {json} {vector}";
    let parameters = format!("template = '{template}', into = \"text\"");
    let pipeline = declared("input.jsonl", step("template").parameters(parameters), "output.jsonl");
    folder.run(pipeline).succeeded();
    let rows = folder.json_lines("output.jsonl");
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let expected = [
        "true -9223372036854775808 1.5 ü\0 AP8= {\"k\" : [1]} [0.5,-1.0]",
        "      ",
        "false 9223372036854775807 -1e+300   x [3.4028235e+38,0.0]",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn vectors_pass_from_one_step_to_the_next() {
    let folder = Folder::with(&[EVERY_TYPE]);
    folder.write("input.jsonl", ROWS);
    // The second step reads the vectors of the first.
    let first = declared("input.jsonl", step("every_type"), "output.jsonl");
    let twice = first.clone().add(step("every_type").name("again"));
    let once = folder.output_of(first);
    assert_eq!(folder.output_of(twice), once);
}
