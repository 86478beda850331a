//! JSON Lines.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::InputFolder;
use crate::data_type::DataType;
use crate::format::Format;

fn input(content: impl AsRef<[u8]>) -> InputFolder {
    InputFolder::from_content(Format::JsonLines, content)
}

#[test]
fn types_are_inferred() {
    let rows = input(concat!(
        r#"{"b": true, "i": 1, "f": 1, "t": "a", "o": {"x": [1, 2]}, "m": 1, "n": null, "big": 1}"#,
        "\n",
        r#"{"b": null, "i": -9223372036854775808, "f": 0.5, "t": "b", "o": [ ], "m": "x", "late": 1e3, "big": 18446744073709551615}"#,
        "\n",
    ));
    assert_snapshot!(rows.read().shown(), @r#"
b: boolean, i: integer, f: float, t: text, o: json, m: json, n: json, big: json, late: float
{"b":true,"i":1,"f":1.0,"t":"a","o":{"x": [1, 2]},"m":1,"n":null,"big":1,"late":null}
{"b":null,"i":-9223372036854775808,"f":0.5,"t":"b","o":[ ],"m":"x","n":null,"big":18446744073709551615,"late":1000.0}
"#);
}

#[test]
fn integers_without_an_exact_float_keep_their_digits_next_to_floats() {
    let rows = input("{\"a\": 9007199254740993}\n{\"a\": 0.5}\n").read();
    assert_eq!(rows.shown(), "a: json\n{\"a\":9007199254740993}\n{\"a\":0.5}\n");
}

#[test]
fn json_keeps_its_text() {
    let value = r#"{ "b":1.50, "a" : 1e2,"a":"\u00e9\ud800", "n":123456789012345678901234567890}"#;
    let rows = input(format!("{{\"a\":{value} }}\r\n{{\"a\":\"text\"}}\n{{\"a\":\"null\"}}")).read();
    assert_eq!(rows.shown(), format!("a: json\n{{\"a\":{value}}}\n{{\"a\":\"text\"}}\n{{\"a\":\"null\"}}\n"));
}

#[test]
fn deep_nesting_is_preserved() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let line = format!("{{\"a\":{deep}}}\n");
    assert_eq!(input(&line).read().json(), line);
}

#[test]
fn deep_nesting_in_a_text_column_is_an_error() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let error = input(format!("{{\"a\":{deep}}}\n")).columns(&[("a", DataType::Text)]).error();
    assert!(error.starts_with("in:1: column `a` is of type text, and this row has the list [[["), "{error}");
}

#[test]
fn blank_lines_are_counted_and_skipped() {
    let rows = input("\u{feff}\n \t\r\n{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}").read();
    assert_eq!(rows.json(), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(rows.positions, ["in:3", "in:4", "in:6"]);
}

#[test]
fn an_input_without_rows_is_empty() {
    assert_eq!(input("").read().shown(), "empty");
    assert_eq!(input("\n \n").read().shown(), "empty");
    assert_eq!(input("").columns(&[("a", DataType::Json)]).read().shown(), "a: json\n");
    assert_eq!(input("{}\n{}").read().shown(), "\n{}\n{}\n");
}

#[test]
fn missing_keys_are_null() {
    let rows = input("{\"a\":1,\"b\":\"x\"}\n{\"b\":null}\n{\"b\":\"y\",\"a\":2}\n").read();
    assert_eq!(rows.json(), "{\"a\":1,\"b\":\"x\"}\n{\"a\":null,\"b\":null}\n{\"a\":2,\"b\":\"y\"}\n");
}

#[test]
fn declared_columns_determine_names_and_types() {
    let declared = [
        ("t", DataType::Text),
        ("f", DataType::Float),
        ("j", DataType::Json),
        ("v", DataType::Vector),
        ("y", DataType::Binary),
    ];
    let rows = input(concat!(
        r#"{"f": 3, "t": "a", "j": "b", "y": "AP8="}"#,
        "\n",
        r#"{"v": [1, 0.5], "f": -0, "j": null}"#,
        "\n"
    ))
    .columns(&declared)
    .read();
    assert_snapshot!(rows.shown(), @r#"
t: text, f: float, j: json, v: vector, y: binary
{"t":"a","f":3.0,"j":"b","v":null,"y":"AP8="}
{"t":null,"f":-0.0,"j":null,"v":[1.0,0.5],"y":null}
"#);
}

/// Returns the error for a line after 1000 rows that fit.
fn late(line: &str) -> String {
    let mut text =
        (0..1000).map(|id| format!("{{\"id\":{id},\"score\":1.5,\"t\":\"x\"}}\n")).collect::<Vec<_>>().concat();
    text.push_str(line);
    input(text).error()
}

#[test]
fn an_error_about_a_late_row_suggests_a_declaration() {
    assert_snapshot!(late(r#"{"id":1,"score":"high","t":""}"#), @r#"in:1001: column `score` is of type float, and this row has the text "high"; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "integer", score = "json", t = "text" }"#);
    assert_snapshot!(late(r#"{"id":1.5}"#), @r#"in:1001: column `id` is of type integer, and this row has the number 1.5; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "float", score = "float", t = "text" }"#);
    assert_snapshot!(late(r#"{"t":{"a":"b"}}"#), @r#"in:1001: column `t` is of type text, and this row has the object {"a":"b"}; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "integer", score = "float", t = "json" }"#);
    assert_snapshot!(late(r#"{"score":9007199254740993}"#), @r#"in:1001: column `score` is of type float, and this row has the number 9007199254740993; its type is inferred from the first 1000 rows; declare it in the source: columns = { id = "integer", score = "json", t = "text" }"#);
    assert_snapshot!(late(r#"{"id":1,"odd key":1}"#), @r#"in:1001: the key `odd key` is not a column: the first 1000 rows do not have it; declare all columns in the source: columns = { id = "integer", score = "float", t = "text", "odd key" = "json" }, or set `json = { unknown-keys = "ignore" }`"#);
}

#[test]
fn errors_name_malformed_lines() {
    let error = |line: &[u8]| input([b"{\"a\":\"x\"}\n", line].concat()).error();
    assert_snapshot!(error(b"{\"a\":\"x\",}"), @"in:2:10: this is not valid JSON: a comma is followed by `}`; remove the comma");
    assert_snapshot!(error(b"{\"a\":\"x\"} 1"), @"in:2:11: this is not valid JSON: text follows the end of the object: `1`");
    assert_snapshot!(error(b"{\"a\":\"x"), @"in:2:7: this is not valid JSON: a text in quotation marks does not end on this line");
    assert_snapshot!(error(b"[1]"), @r#"in:2: a row is an object, as in {"key": "value"}; this row starts with [1]"#);
    assert_snapshot!(error(b"{\"a\":\"x\",\"a\":\"y\"}"), @"in:2: this object has the key `a` twice; remove one of them");
    assert_snapshot!(error(b"{\"a\":\"\\ud800\"}"), @r#"in:2:13: this is not valid JSON: an escape is half of a surrogate pair, so the text was cut within a character; correct it, or declare the column as "json", which keeps escapes as they are"#);
    assert_snapshot!(error(b"\n{\"a\":\"\xff\"}"), @"in:3:7: byte 7 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line");
    assert_snapshot!(error(b"\xff\xfe{"), @"in:2:1: byte 1 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line");
}

#[test]
fn undeclared_keys_and_other_types_are_errors() {
    let declared = [("a", DataType::Integer), ("b", DataType::Text)];
    let error = |line: &str| input(line).columns(&declared).error();
    assert_snapshot!(error("{\"c\":1}"), @r#"in:1: the key `c` is not a column: the source declares `a`, `b`; add c = "json" to its `columns`, or set `json = { unknown-keys = "ignore" }`"#);
    assert_snapshot!(error("{\"a\":\"\\u001b[31m\"}"), @r#"in:1: column `a` is of type integer, and this row has the text "\u001b[31m"; declare it as "json" in the source, or correct the row"#);
    assert_snapshot!(input("{\"v\":[]}").columns(&[("v", DataType::Vector)]).error(), @r#"column `v` is declared as a vector, but none of the first 1 rows has a vector to take the width from; declare it as "json""#);
    assert_snapshot!(input("{\"v\":[1,2]}\n{\"v\":[1]}").columns(&[("v", DataType::Vector)]).error(), @r#"in:2: column `v` is of type vector (of 2 numbers), and this row has the list [1]; declare it as "json" in the source, or correct the row"#);
}

#[test]
fn the_earlier_of_two_errors_is_reported() {
    let error = input(b"{\"a\":1}\n{\"a\":}\n{\"a\":\xff}\n").error();
    assert!(error.starts_with("in:2:6: "), "{error}");
}

#[test]
fn a_huge_key_is_shortened_in_an_error() {
    let key = "k".repeat(10 << 20);
    let error = input(format!("{{\"{key}\":1}}\n{{\"{key}\":1,\"{key}\":2}}")).error();
    assert_eq!(error, format!("in:2: this object has the key `{}…` twice; remove one of them", "k".repeat(80)));
}

#[test]
fn too_many_columns_are_an_error() {
    let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"{key}\":1")).collect();
    assert_snapshot!(input(format!("{{{}}}", keys.join(","))).error(), @r#"in:1: the rows have more than 10000 columns; nest the values in one object and declare it as "json""#);
}

#[test]
fn all_files_are_read_and_empty_ones_are_skipped() {
    let input = InputFolder::new(Format::JsonLines, "*.jsonl");
    let input = input.file("b.jsonl", "{\"a\":2}\n").file("a.jsonl", "{\"a\":1}").file("c.jsonl", "");
    let rows = input.read();
    assert_eq!(rows.json(), "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(rows.positions, ["a.jsonl:1", "b.jsonl:1"]);
    assert_eq!(rows.chunks, [1, 1]);
}

proptest! {
    #[test]
    fn texts_round_trip(texts in prop::collection::vec(any::<String>(), 1..20)) {
        let lines = texts.iter().map(|text| format!("{}\n", serde_json::json!({ "a": text }))).collect::<Vec<_>>().concat();
        prop_assert_eq!(input(&lines).read().json(), lines);
    }

    #[test]
    fn integers_round_trip(values in prop::collection::vec(any::<i64>(), 1..20)) {
        let lines = values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect::<Vec<_>>().concat();
        prop_assert_eq!(input(&lines).read().json(), lines);
    }

    #[test]
    fn floats_round_trip(values in prop::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..20)) {
        let lines = values.iter().map(|value| format!("{}\n", serde_json::json!({ "a": value }))).collect::<Vec<_>>().concat();
        prop_assert_eq!(input(&lines).read().json(), lines);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(input(bytes).try_read());
    }

    #[test]
    fn no_text_like_json_panics(text in "[{}\\[\\],:\"a1\\\\u\n\r .e-]{0,60}") {
        drop(input(&text).try_read());
        drop(input(text).columns(&[("a", DataType::Text), ("1", DataType::Vector)]).try_read());
    }
}
