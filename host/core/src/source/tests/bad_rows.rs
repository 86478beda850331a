//! Rows that cannot be read and are rejected.

use insta::assert_snapshot;

use super::super::text::ROW_BYTES;
use super::InputFolder;
use crate::data_type::DataType;
use crate::format::Format;
use crate::policy::Then;

fn rejecting(format: Format, content: impl AsRef<[u8]>) -> InputFolder {
    InputFolder::from_content(format, content).with(|spec| spec.on_bad_row = Then::Reject)
}

/// Returns the rows and the bad rows, which do not depend on the size of batches.
fn read(input: InputFolder) -> (String, String) {
    let whole = input.read();
    let (json, bad) = (whole.json(), whole.bad(&input));
    let input = input.batch_rows(1);
    let single = input.read();
    assert_eq!((single.json(), single.bad(&input)), (json.clone(), bad.clone()));
    assert_eq!(single.positions, whole.positions);
    (json, bad)
}

#[test]
fn lines_that_are_not_rows_are_rejected() {
    let text = b"nonsense\n{\"id\":1,\"t\":\"a\"}\n{\"id\":2,\"t\":\"b\"\n\n{\"id\":\"x\"}\n{\"id\":3,\"id\":4}\n{\"t\":\"\xff\",\"id\":5}\n\
        {\"other\":1}\n[]\n{\"id\":6,\"t\":\"c\"}";
    let columns = [("id", DataType::Integer), ("t", DataType::Text)];
    let (json, bad) = read(rejecting(Format::JsonLines, text).columns(&columns));
    assert_eq!(json, "{\"id\":1,\"t\":\"a\"}\n{\"id\":6,\"t\":\"c\"}\n");
    assert_snapshot!(bad, @r#"
in:1: a row is an object, as in {"key": "value"}; this row starts with nonsense | nonsense
in:3:15: this is not valid JSON: the object does not end on this line; if objects are on several lines, set `format = "json"` in the source | {\"id\":2,\"t\":\"b\"
in:5: column `id` is of type integer, and this row has the text "x"; declare it as "json" in the source, or correct the row | {\"id\":\"x\"}
in:6: this object has the key `id` twice; remove one of them | {\"id\":3,\"id\":4}
in:7:7: byte 7 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | {\"t\":\"�\",\"id\":5}
in:8: the key `other` is not a column: the source declares `id`, `t`; add other = "json" to its `columns`, or set `json = { unknown-keys = "ignore" }` | {\"other\":1}
in:9: a row is an object, as in {"key": "value"}; this row starts with [] | []
"#);
}

#[test]
fn elements_of_an_array_are_rejected_where_the_next_one_is_certain() {
    let text = b"[{\"id\":1},\n,tru,{\"id\":[1,2]}, {\"id\":2,},{id:3},\"x\",{\"id\":\"\xff\"},\n{\"id\":3},]";
    let (json, bad) = read(rejecting(Format::Json, text).columns(&[("id", DataType::Integer)]));
    assert_eq!(json, "{\"id\":1}\n{\"id\":3}\n");
    assert_snapshot!(bad, @r#"
in:2:1: a comma is here where a value is expected; remove it | \n,
in:2:2: a row is an object, as in {"key": "value"}; this row starts with tru | tru
in:2:6: column `id` is of type integer, and this row has the list [1,2]; declare it as "json" in the source, or correct the row | {\"id\":[1,2]}
in:2:28: this is not valid JSON: a comma is followed by `}`; remove the comma | {\"id\":2,}
in:2:31: this is not valid JSON: the key `id` is not in quotation marks | {id:3}
in:2:37: a row is an object, as in {"key": "value"}; this row starts with "x" | \"x\"
in:2:48: byte 48 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | {\"id\":\"�\"}
in:3:10: a comma is here where a value is expected; remove it | ]
"#);
    let (json, bad) = read(rejecting(
        Format::Json,
        b"[{\"t\":\"\xff\xc3\xa9\xff\"},{\"t\":\"a\"},{\"t\":\"\xf0\x9f\"},{\"t\":\"b\"}]",
    ));
    assert_eq!(json, "{\"t\":\"a\"}\n{\"t\":\"b\"}\n");
    assert_snapshot!(bad, @r#"
in:1:8: byte 8 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | {\"t\":\"�é�\"}
in:1:31: byte 31 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | {\"t\":\"�\"}
"#);
    let one = |text: &str| rejecting(Format::Json, text).error();
    assert_snapshot!(one("[{\"id\":1},\n{\"id\":[2}, {\"id\":3}]"), @"in:2:9: `}` is here where `]` is expected, so the next row cannot be found; correct the brackets");
    assert_snapshot!(one("[{\"id\":1},{\"id\":2]},{\"id\":3}]"), @"in:1:18: `]` is here where `}` is expected, so the next row cannot be found; correct the brackets");
    assert_snapshot!(one("[{\"id\":1} {\"id\":2}]"), @"in:1:11: a comma or the end of the array is expected after a value");
    assert_snapshot!(one("[{\"id\":1},{\"id\":2"), @"in:1:18: the file ends before a value does; is it truncated, or is a quotation mark or bracket missing?");
    assert_snapshot!(one("{\"id\":1},{\"id\":2}"), @"in:1:9: a comma is here where a value is expected; remove it");
}

#[test]
fn columns_are_inferred_from_rows_that_can_be_read() {
    let (json, bad) = read(rejecting(Format::JsonLines, "{\"x\":1,\n{\"y\":1,\"y\":2}\n{\"id\":1}\n"));
    assert_eq!((json.as_str(), bad.lines().count()), ("{\"id\":1}\n", 2));
    let (json, bad) = read(rejecting(Format::Csv, "id,t\nx\n\"y\"z,1\n1,a\n"));
    assert_eq!((json.as_str(), bad.lines().count()), ("{\"id\":1,\"t\":\"a\"}\n", 2));
}

#[test]
fn records_that_are_not_rows_are_rejected() {
    let text = b"id,t\n1,a\n2\n3,b,c\nx,d\n4,\"e\n5,f\n6,\"g\"\n7,\xff\n8,\"h\n\xff\"\n9,\"i";
    let (json, bad) = read(rejecting(Format::Csv, text).columns(&[("id", DataType::Integer)]));
    assert_snapshot!(json, @r#"
{"id":1,"t":"a"}
{"id":5,"t":"f"}
{"id":6,"t":"g"}
"#);
    assert_snapshot!(bad, @r#"
in:3: this row has 1 field, and the header has 2 fields | 2
in:4: this row has 3 fields, and the header has 2 fields | 3,b,c
in:5: column `id` is of type integer, and this row has the field `x`; declare it as "text" in the source, or correct the row | x,d
in:6: field 2 has text after its closing quotation mark; write a quotation mark inside a quoted field twice | 4,\"e
in:9:3: byte 3 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | 7,�
in:11:1: byte 1 of this line is not UTF-8; set `encoding` in `csv` or `json` of the source, or correct the line | 8,\"h\n�\"
in:12: a quotation that starts in this row is never closed; write a quotation mark inside a quoted field twice | 9,\"i
"#);
}

#[test]
fn rows_that_are_too_long_are_rejected() {
    let long = "x".repeat(ROW_BYTES + 1);
    let (json, bad) = read(rejecting(Format::JsonLines, format!("{{\"a\":1}}\n{long}\n{{\"a\":2}}\n")));
    assert_eq!(json, "{\"a\":1}\n{\"a\":2}\n");
    assert!(bad.starts_with("in:2: this row is longer than 64 MiB, the limit for one row | xxx"), "{}", &bad[..80]);
    let (json, bad) = read(rejecting(Format::Csv, format!("a,b\n1,\"\n{long}\n2,y\n")));
    assert_eq!(json, "{\"a\":2,\"b\":\"y\"}\n");
    assert_eq!(bad.lines().count(), 2);
}

#[test]
fn a_file_of_quotations_without_end_takes_no_square_of_time() {
    let text = format!("a,b\n1,2\n{}", "x\",\"\n".repeat(1 << 20));
    let input = rejecting(Format::Csv, text);
    let rows = input.read();
    assert_eq!(rows.json(), "{\"a\":1,\"b\":2}\n");
    assert!(!rows.bad.is_empty());
}

#[test]
fn elements_that_are_not_rows_are_rejected() {
    let text = "[{\"a\":1}, {\"a\":x}, 5, {\"a\":2},\n {\"b\":1}]";
    let (json, bad) = read(rejecting(Format::Json, text).columns(&[("a", DataType::Integer)]));
    assert_eq!(json, "{\"a\":1}\n{\"a\":2}\n");
    assert_snapshot!(bad, @r#"
in:1:16: this is not valid JSON: `x` is neither a text in quotation marks, nor a number, true, false or null | {\"a\":x}
in:1:20: a row is an object, as in {"key": "value"}; this row starts with 5 | 5
in:2:2: the key `b` is not a column: the source declares `a`; add b = "json" to its `columns`, or set `json = { unknown-keys = "ignore" }` | {\"b\":1}
"#);
}
