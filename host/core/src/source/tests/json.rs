//! JSON in other layouts than lines, and keys and values that do not fit.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::InputFolder;
use crate::data_type::DataType;
use crate::format::{Format, JsonLayout, JsonSettings, NanTokens, UnknownKeys};
use crate::policy::Then;

fn json(content: impl AsRef<[u8]>) -> InputFolder {
    InputFolder::from_content(Format::Json, content)
}

fn lines(content: impl AsRef<[u8]>, change: impl FnOnce(&mut JsonSettings)) -> InputFolder {
    InputFolder::from_content(Format::JsonLines, content).with(|spec| change(&mut spec.json))
}

#[test]
fn objects_are_read_in_every_layout() {
    let expected = "id: integer, t: text\n{\"id\":1,\"t\":\"a]}\"}\n{\"id\":2,\"t\":\"\\\"\"}\n";
    for text in [
        r#"[{"id":1,"t":"a]}"},{"id":2,"t":"\""}]"#,
        "\u{feff} [ {\"id\": 1,\n\"t\": \"a]}\"}\n,\n{\"id\":2,\"t\":\"\\\"\"} ]\n\n",
        "{\"id\":1,\n\"t\":\"a]}\"}{\"id\":2,\"t\":\"\\\"\"}",
        "{\"id\":1,\"t\":\"a]}\"}\n{\"id\":2,\"t\":\"\\\"\"}\n",
    ] {
        for rows in [1, 1000] {
            assert_eq!(json(text).batch_rows(rows).read().shown(), expected, "{text}");
        }
    }
    assert_eq!(lines("\n [{\"id\":1}]", |_| {}).read().json(), "{\"id\":1}\n");
    assert_eq!(json(" [ ] ").read().shown(), "empty");
    assert_eq!(json("").read().shown(), "empty");
    assert_eq!(json("[{\"id\":1},{\"id\":2}]").read().positions, ["in, row 1", "in, row 2"]);
}

#[test]
fn errors_name_the_place_in_an_array() {
    let error = |text: &str| json(text).error();
    assert_snapshot!(error("[{\"a\":1},\n  {\"a\":,}]"), @"in:2:8: this is not valid JSON: a value is missing before the comma");
    assert_snapshot!(error("[{\"a\":1},\n 5]"), @r#"in:2:2: a row is an object, as in {"key": "value"}; this row starts with 5"#);
    assert_snapshot!(error("[{\"a\":1} {\"a\":1}]"), @"in:1:10: a comma or the end of the array is expected after a value");
    assert_snapshot!(error("[{\"a\":1},]"), @"in:1:10: a comma is here where a value is expected; remove it");
    assert_snapshot!(error("[{\"a\":1},,{\"a\":1}]"), @"in:1:10: a comma is here where a value is expected; remove it");
    assert_snapshot!(error("[{\"a\":1},\n{\"a\":1"), @"in:2:7: the file ends before a value does; is it truncated, or is a quotation mark or bracket missing?");
    // Rows are read in batches of several sizes, which may end with the file.
    assert_snapshot!(error("[{\"a\":1},"), @"in:1:10: the file ends before the array does; is it truncated, or is a quotation mark or bracket missing?");
    assert_snapshot!(error("[{\"a\":1}"), @"in:1:9: the file ends before the array does; is it truncated, or is a quotation mark or bracket missing?");
    assert_snapshot!(error("[{\"a\":1}]\n{}"), @"in:2:1: text follows the end of the array; a file has one array");
    assert_snapshot!(error("{\"a\":1} ]"), @r#"in:1:9: a row is an object, as in {"key": "value"}; this row starts with ]"#);
    assert_snapshot!(error("{\"a\":1},{\"a\":2}"), @"in:1:8: a comma is here where a value is expected; remove it");
    assert_snapshot!(json("{}").with(|spec| spec.json.layout = Some(JsonLayout::Array)).error(), @r#"in:1:1: this file does not start with `[`, and the layout of the source is "array"; correct `layout` in `json`"#);
    assert_snapshot!(error("x"), @r#"in:1:1: a row is an object, as in {"key": "value"}; this row starts with x"#);
}

#[test]
fn messages_say_what_is_not_json() {
    let error = |line: &str| {
        let message = lines(line, |_| {}).error();
        message.split_once("not valid JSON: ").map_or(message.clone(), |(_, reason)| reason.to_owned())
    };
    let wrong = [
        r#"{"a":NaN}"#,
        r#"{"a":-Infinity}"#,
        r#"{"a":nan}"#,
        r#"{"a":None}"#,
        r#"{"a":True}"#,
        r#"{"a":01}"#,
        r#"{"a":+1}"#,
        r#"{"a":.5}"#,
        r#"{"a":0x1F}"#,
        r#"{"a":abc}"#,
        "{a:1}",
        "{'a':1}",
        r#"{"a":'x'}"#,
        "{“a”:1}",
        r#"{"a":1,}"#,
        r#"{"a":1} // one"#,
        r#"{"a":1 /* one */}"#,
        r#"{"a":1} # one"#,
        r#"{"a":1}{"a":2}"#,
        r#"{"a":1},"#,
        r#"{"a":1"#,
        r#"{"a":"x"#,
        r#"{"a" 1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":}"#,
        r#"{"a":,"b":1}"#,
        r#"{,"a":1}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\ud83d"}"#,
        r#"{"a":"\ud83d \ude00"}"#,
        "{\"a\":\"x\ty\"}",
        "\u{feff}\u{feff}{\"a\":1}",
    ];
    let visible = |line: &str| line.replace('\t', "<TAB>").replace('\u{feff}', "<BOM>");
    let all: Vec<String> = wrong.iter().map(|line| format!("{} | {}", visible(line), error(line))).collect();
    assert_snapshot!(all.join("\n"), @r#"
{"a":NaN} | `NaN` is not a number in JSON; to read it, set `json = { nan = "null" }` or `json = { nan = "float" }` in the source
{"a":-Infinity} | `-Infinity` is not a number in JSON; to read it, set `json = { nan = "null" }` or `json = { nan = "float" }` in the source
{"a":nan} | `nan` is not a value in JSON; a missing value is null
{"a":None} | `None` is not a value in JSON; a missing value is null
{"a":True} | `True` is not a value in JSON; booleans are true and false
{"a":01} | `01` is not a number in JSON
{"a":+1} | `+1` is not a number in JSON
{"a":.5} | `.5` is not a number in JSON
{"a":0x1F} | `0x1F` is not a number in JSON
{"a":abc} | `abc` is neither a text in quotation marks, nor a number, true, false or null
{a:1} | the key `a` is not in quotation marks
{'a':1} | texts and keys are in single quotation marks; JSON has double ones
{"a":'x'} | texts and keys are in single quotation marks; JSON has double ones
{“a”:1} | `“` is not the quotation mark of JSON, which is `"`
{"a":1,} | a comma is followed by `}`; remove the comma
{"a":1} // one | JSON has no comments; remove it
{"a":1 /* one */} | JSON has no comments; remove it
{"a":1} # one | JSON has no comments; remove it
{"a":1}{"a":2} | another object follows on the same line; if objects are not one per line, set `format = "json"` in the source
{"a":1}, | a comma follows the object; remove it, or, if the file is one array, begin it with `[`
{"a":1 | the object does not end on this line; if objects are on several lines, set `format = "json"` in the source
{"a":"x | a text in quotation marks does not end on this line
{"a" 1} | a colon is missing after the key
{"a":1 "b":2} | a comma or the closing bracket is missing here
{"a":} | a value is missing before `}`
{"a":,"b":1} | a value is missing before the comma
{,"a":1} | a value is missing before the comma
{"a":"\x"} | `\x` is not an escape in JSON; a backslash is written twice
{"a":"\ud83d"} | an escape is half of a surrogate pair, so the text was cut within a character; correct it, or declare the column as "json", which keeps escapes as they are
{"a":"\ud83d \ude00"} | an escape is half of a surrogate pair, so the text was cut within a character; correct it, or declare the column as "json", which keeps escapes as they are
{"a":"x<TAB>y"} | a text has the control character U+0009, which is written as an escape in JSON
<BOM><BOM>{"a":1} | a byte order mark is within the file, as when files were joined; remove it
"#);
}

#[test]
fn unknown_keys_are_ignored_or_collected() {
    let text = "{\"id\":1,\"x\":{\"y\": [1]},\"z\\n\":null}\n{\"id\":2}\n{\"q\":1,\"id\":3}\n";
    let declared = [("id", DataType::Integer)];
    let ignored = lines(text, |json| json.unknown_keys = UnknownKeys::Ignore).columns(&declared);
    assert_eq!(ignored.read().json(), "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    let into = |json: &mut JsonSettings| json.unknown_keys = UnknownKeys::Into("rest".into());
    let collected = lines(text, into).columns(&declared).read();
    assert_snapshot!(collected.shown(), @r#"
id: integer, rest: json
{"id":1,"rest":{"x":{"y": [1]},"z\n":null}}
{"id":2,"rest":null}
{"id":3,"rest":{"q":1}}
"#);
    assert_snapshot!(lines("{\"id\":1,\"x\":1,\"x\":2}", into).columns(&declared).error(), @"in:1: this object has the key `x` twice; remove one of them");
    assert_snapshot!(lines("{\"id\":1,\"rest\":1}", into).columns(&declared).error(), @"in:1: the key `rest` is the name of the column for other keys; choose another name in `unknown-keys`");
    assert_snapshot!(lines("{\"rest\":1}", into).error(), @"the key `rest` is the name of the column for other keys; choose another name in `unknown-keys`");
    let late = format!("{}{{\"id\":1,\"late\":2}}\n", "{\"id\":0}\n".repeat(1000));
    assert!(lines(late, into).read().json().ends_with("{\"id\":1,\"rest\":{\"late\":2}}\n"));
}

#[test]
fn tokens_that_are_not_numbers_are_nulls_or_floats() {
    let text = "{\"f\":0.5,\"j\":[NaN]}\n{\"f\":NaN,\"j\":1}\n{\"j\":\"NaN\",\"f\":-Infinity}\n";
    let nulls = lines(text, |json| json.nan = NanTokens::Null).read();
    assert_snapshot!(nulls.shown(), @r#"
f: float, j: json
{"f":0.5,"j":[null]}
{"f":null,"j":1}
{"f":null,"j":"NaN"}
"#);
    let floats = |text: &str| lines(text, |json| json.nan = NanTokens::Float);
    let batch = floats("{\"f\":1}\n{\"f\":NaN}\n{\"f\":-Infinity}\n").read().batch.unwrap();
    assert_eq!(super::written(&batch, Format::Csv), "f\n1.0\nNaN\n-inf\n");
    assert_snapshot!(floats(text).error(), @r#"in:1: the value of `j` contains NaN or Infinity, which JSON does not have; set `json = { nan = "null" }` in the source"#);
    assert_snapshot!(floats("{\"i\":NaN}").columns(&[("i", DataType::Integer)]).error(), @r#"in:1: column `i` is of type integer, and this row has NaN; declare it as "float" in the source, or correct the row"#);
    assert_snapshot!(floats("{\"i\":NaN}").columns(&[("i", DataType::Text)]).error(), @r#"in:1: column `i` is of type text, and this row has NaN; declare it as "float" in the source, or correct the row"#);
    assert_snapshot!(lines("{\"f\":NaN, \"g\":x}", |json| json.nan = NanTokens::Null).error(), @"in:1:15: this is not valid JSON: `x` is neither a text in quotation marks, nor a number, true, false or null");
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a\"\\\\{}\\[\\],\n é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Value::from))
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_the_layout(values in prop::collection::vec(any_value(), 1..6), rows in 1..4usize) {
        let objects: Vec<serde_json::Value> = values.iter().map(|value| serde_json::json!({ "v": value })).collect();
        let compact: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let read = |input: InputFolder| input.columns(&[("v", DataType::Json)]).batch_rows(rows).read().json();
        let expected = format!("{}\n", compact.join("\n"));
        prop_assert_eq!(read(lines(&expected, |_| {})), expected.clone());
        prop_assert_eq!(read(json(format!("[{}]", compact.join(" ,\n")))), expected.clone());
        prop_assert_eq!(read(json(compact.concat())), expected);
        let pretty = read(json(serde_json::to_string_pretty(&objects).unwrap()));
        let parsed = serde_json::Deserializer::from_str(&pretty).into_iter().collect::<Result<Vec<serde_json::Value>, _>>();
        prop_assert_eq!(parsed.unwrap(), objects);
    }

    #[test]
    fn no_bytes_panic_in_any_layout(
        bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\1aNaN \n\xff\xc3\xa9\0".to_vec()), 0..40),
        layout in prop::sample::select(vec![None, Some(JsonLayout::Array), Some(JsonLayout::Objects), Some(JsonLayout::Lines)]),
        nan in prop::sample::select(vec![NanTokens::Error, NanTokens::Null, NanTokens::Float]),
        unknown in prop::sample::select(vec![UnknownKeys::Ignore, UnknownKeys::Into("o".into())]),
        rejects in any::<bool>(),
        rows in 1..4usize,
    ) {
        let action = if rejects { Then::Reject } else { Then::Stop };
        let input = lines(bytes, |json| (json.layout, json.nan, json.unknown_keys) = (layout, nan, unknown));
        drop(input.batch_rows(rows).with(|spec| spec.on_bad_row = action).try_read());
    }
}
