//! JSON files in other layouts than lines, and keys and values that do not fit.

use crate::harness::{Folder, PipelineFile, pipeline, source};

/// Reads a file with settings, and returns the rows.
fn read(name: &str, content: &str, json: &str) -> String {
    let folder = Folder::new();
    folder.write(name, content);
    let table = source(name);
    let table = if json.is_empty() { table } else { table.set("json", format_args!("{{ {json} }}")) };
    folder.output_of(PipelineFile::new().add(table))
}

const ROWS: &str = "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n";

#[test]
fn a_file_that_is_one_array_is_read() {
    let compact = r#"[{"id":1,"text":"a"},{"id":2,"text":"b"}]"#;
    assert_eq!(read("input.json", compact, ""), ROWS);
    assert_eq!(read("input.jsonl", compact, ""), ROWS);
    let pretty = "[\n  {\n    \"id\": 1,\n    \"text\": \"a\"\n  },\n  {\"id\": 2, \"text\": \"b\"}\n]\n";
    assert_eq!(read("input.json", pretty, ""), ROWS);
    assert_eq!(read("input.json", &pretty[2..pretty.len() - 3].replacen("},", "}", 1), ""), ROWS);
    assert_eq!(read("input.json", ROWS, ""), ROWS);
}

#[test]
fn a_json_error_says_what_is_wrong_and_where() {
    let folder = Folder::new();
    let failure = |name: &str, content: &str| {
        folder.write(name, content);
        folder.run(pipeline(name, &[], "output.jsonl")).failed(1)
    };
    insta::assert_snapshot!(failure("a.json", "[{\"id\":1},\n {\"id\": NaN}]"), @r#"error: a.json:2:9: this is not valid JSON: `NaN` is not a number in JSON; to read it, set `json = { nan = "null" }` or `json = { nan = "float" }` in the source"#);
    insta::assert_snapshot!(failure("a.json", "[{\"id\":1},\n {\"id\":"), @"error: a.json:2:8: the file ends before a value does; is it truncated, or is a quotation mark or bracket missing?");
    insta::assert_snapshot!(failure("a.jsonl", "{\"id\":1,\n\"text\":2}\n"), @r#"error: a.jsonl:1:8: this is not valid JSON: the object does not end on this line; if objects are on several lines, set `format = "json"` in the source"#);
    insta::assert_snapshot!(failure("a.jsonl", "{\"id\":\"\\ud83d\"}\n"), @r#"error: a.jsonl:1:14: this is not valid JSON: an escape is half of a surrogate pair, so the text was cut within a character; correct it, or declare the column as "json", which keeps escapes as they are"#);
}

#[test]
fn keys_that_come_late_are_ignored_or_collected_by_a_setting() {
    let mut input: String = (0..1000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    input.push_str("{\"id\":1000,\"edited\":true}\n{\"id\":1001,\"score\":[1]}\n");
    let ignored = read("input.jsonl", &input, r#"unknown-keys = "ignore""#);
    assert_eq!((ignored.lines().count(), ignored.lines().last()), (1002, Some("{\"id\":1001}")));
    let collected = read("input.jsonl", &input, r#"unknown-keys = { into = "rest" }"#);
    let last: Vec<&str> = collected.lines().skip(999).collect();
    assert_eq!(
        last,
        [r#"{"id":999,"rest":null}"#, r#"{"id":1000,"rest":{"edited":true}}"#, r#"{"id":1001,"rest":{"score":[1]}}"#]
    );
}

#[test]
fn nan_tokens_are_read_by_a_setting() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1,\"loss\":0.5}\n{\"id\":2,\"loss\":NaN}\n{\"id\":3,\"loss\":-Infinity}\n");
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &[], "out.csv")).failed(1), @r#"error: input.jsonl:2:16: this is not valid JSON: `NaN` is not a number in JSON; to read it, set `json = { nan = "null" }` or `json = { nan = "float" }` in the source"#);
    let with = |rule: &str| {
        let table = source("input.jsonl").set("json", format_args!("{{ nan = {rule:?} }}"));
        folder.run(PipelineFile::new().add(table).add(crate::harness::sink("out.csv"))).succeeded();
        folder.text("out.csv")
    };
    assert_eq!(with("float"), "id,loss\n1,0.5\n2,NaN\n3,-inf\n");
    assert_eq!(with("null"), "id,loss\n1,0.5\n2,\n3,\n");
}
