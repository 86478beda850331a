//! CSV.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Float64Array, RecordBatch, StringArray};
use insta::assert_snapshot;
use proptest::prelude::*;

use super::{InputFolder, written};
use crate::data_type::DataType;
use crate::format::Format;

fn input(content: impl AsRef<[u8]>) -> InputFolder {
    InputFolder::from_content(Format::Csv, content)
}

#[test]
fn types_are_inferred() {
    let rows = input("b,i,f,t,zip,mixed,none,bign\ntrue,-1,1,x,01234,1,,1\n,2,1e3,,12345,true,,18446744073709551615\n");
    assert_snapshot!(rows.read().shown(), @r#"
b: boolean, i: integer, f: float, t: text, zip: text, mixed: text, none: text, bign: text
{"b":true,"i":-1,"f":1.0,"t":"x","zip":"01234","mixed":"1","none":"","bign":"1"}
{"b":null,"i":2,"f":1000.0,"t":"","zip":"12345","mixed":"true","none":"","bign":"18446744073709551615"}
"#);
}

#[test]
fn quoted_fields_have_line_breaks() {
    let rows = input("\u{feff}\n\"a\",b\r\n\"x\r\ny\n\",\"say \"\"hi\"\", ok\"\r\n\n5\" disk,\"\"\n\"\n\",z")
        .batch_rows(1)
        .read();
    assert_eq!(
        rows.json(),
        "{\"a\":\"x\\r\\ny\\n\",\"b\":\"say \\\"hi\\\", ok\"}\n{\"a\":\"5\\\" disk\",\"b\":\"\"}\n{\"a\":\"\\n\",\"b\":\"z\"}\n"
    );
    assert_eq!(rows.positions, ["in:3", "in:7", "in:8"]);
    assert_eq!(rows.chunks, [1, 1, 1]);
}

#[test]
fn a_header_alone_has_columns() {
    assert_eq!(input("a,b").read().shown(), "a: text, b: text\n");
    assert_eq!(input("").read().shown(), "empty");
    assert_eq!(input("\n\n").read().shown(), "empty");
    assert_eq!(input("").columns(&[("a", DataType::Integer)]).read().shown(), "a: integer\n");
}

#[test]
fn some_columns_are_declared() {
    let declared = [
        ("i", DataType::Integer),
        ("f", DataType::Float),
        ("j", DataType::Json),
        ("v", DataType::Vector),
        ("t", DataType::Text),
        ("y", DataType::Binary),
        ("b", DataType::Boolean),
    ];
    let rows = input("i,f,j,v,t,u,y,b\n+007,.5,\"{\"\"a\"\": 1}\",\"[1,2]\",1,1,AP8=,True\n,,,,,,,\n")
        .columns(&declared)
        .read();
    assert_snapshot!(rows.shown(), @r#"
i: integer, f: float, j: json, v: vector, t: text, u: integer, y: binary, b: boolean
{"i":7,"f":0.5,"j":{"a": 1},"v":[1.0,2.0],"t":"1","u":1,"y":"AP8=","b":true}
{"i":null,"f":null,"j":null,"v":null,"t":"","u":null,"y":null,"b":null}
"#);
}

#[test]
fn errors_name_malformed_records() {
    assert_snapshot!(input("a,b\n1,2\n\"\n\",2\n1,2,3\n").error(), @"in:5: this row has 3 fields, and the header has 2 fields");
    assert_snapshot!(input("a,b\n1\n").error(), @"in:2: this row has 1 field, and the header has 2 fields");
    assert_snapshot!(input("a,b\n1,\"x\"y\n").error(), @"in:2: field 2 has text after its closing quotation mark; write a quotation mark inside a quoted field twice");
    assert_snapshot!(input("a,b\n1,2\n1,\"x\n\n").error(), @"in:3: a quotation that starts in this row is never closed; write a quotation mark inside a quoted field twice");
    assert_snapshot!(input(b"a,b\n1,2\n\"\n\xff\",1\n").error(), @"in:4:1: byte 1 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line");
    assert_snapshot!(input("a,b\n").columns(&[("c", DataType::Text)]).error(), @"in:1: the declared column `c` is not in the header, which has `a`, `b`");
}

#[test]
fn an_error_about_a_late_field_suggests_a_declaration() {
    let late = |field: &str| input(format!("id,t\n{}{field},x\n", "1,x\n".repeat(1000))).error();
    assert_snapshot!(late("high"), @r#"in:1002: column `id` is of type integer, and this row has the field `high`; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "text" }"#);
    assert_snapshot!(late("1.5"), @r#"in:1002: column `id` is of type integer, and this row has the field `1.5`; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "float" }"#);
    assert_snapshot!(late("007"), @r#"in:1002: column `id` is of type integer, and this row has the field `007`; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "text" }"#);
    assert_snapshot!(input("a\nx\n").columns(&[("a", DataType::Json)]).error(), @r#"in:2: column `a` is of type json, and this row has the field `x`; declare it as "text" in the source, or correct the row"#);
}

#[test]
fn files_may_have_columns_in_another_order() {
    let input = InputFolder::new(Format::Csv, "*.csv")
        .file("1.csv", "a,b\n1,x\n")
        .file("2.csv", "b,a\ny,2\n")
        .file("3.csv", "");
    assert_eq!(input.read().json(), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n");
    let input = input.file("4.csv", "\nb,c\n");
    assert_snapshot!(input.error(), @"4.csv:2: the header is not that of 1.csv: it lacks `a`, and it adds `c`; all files of a source have the same columns");
}

#[test]
fn numbers_that_are_not_finite_round_trip() {
    let values =
        Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY), None, Some(-0.0)]);
    let batch = RecordBatch::try_from_iter([
        ("a", Arc::new(values) as _),
        ("b", Arc::new(Float64Array::from(vec![1.0; 5])) as _),
    ]);
    let text = written(&batch.unwrap(), Format::Csv);
    assert_eq!(text, "a,b\nNaN,1.0\ninf,1.0\n-inf,1.0\n,1.0\n-0.0,1.0\n");
    let back = input(&text).read().batch.unwrap();
    assert_eq!(written(&back, Format::Csv), text);
    assert!(back.column(0).as_primitive::<Float64Type>().value(4).is_sign_negative());
}

proptest! {
    #[test]
    fn texts_round_trip(texts in prop::collection::vec(("[a\",\n\r\u{e9} ]{0,6}", any::<String>()), 1..20), rows in 1..5usize) {
        let (a, b): (Vec<_>, Vec<_>) = texts.into_iter().unzip();
        let column = |texts: &[String]| Arc::new(StringArray::from_iter_values(texts)) as _;
        let batch = RecordBatch::try_from_iter([("a", column(&a)), ("b,\n", column(&b))]).unwrap();
        let declared = [("a", DataType::Text), ("b,\n", DataType::Text)];
        let text = written(&batch, Format::Csv);
        let back = input(&text).columns(&declared).batch_rows(rows).read().batch.unwrap();
        prop_assert_eq!(back.columns(), batch.columns());
    }

    #[test]
    fn one_column_round_trips(texts in prop::collection::vec("[a\",\n\r ]{0,3}", 1..20)) {
        let column = Arc::new(StringArray::from_iter_values(&texts)) as _;
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let back = input(written(&batch, Format::Csv)).columns(&[("a", DataType::Text)]).read().batch.unwrap();
        prop_assert_eq!(back.columns(), batch.columns());
    }

    #[test]
    fn no_text_panics(text in "[a\",\n\r\u{e9}]{0,40}", rows in 1..4usize) {
        drop(input(text).batch_rows(rows).try_read());
    }
}
