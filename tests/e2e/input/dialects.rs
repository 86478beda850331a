//! CSV files in other dialects, and what is said about them.

use crate::harness::{Folder, Table, pipeline, source};

/// Reads a CSV file with settings, and returns the rows.
fn read(content: impl AsRef<[u8]>, csv: &str) -> String {
    let folder = Folder::new();
    folder.write("input.csv", content);
    folder.output_of(crate::harness::PipelineFile::new().add(table(csv)))
}

fn table(csv: &str) -> Table {
    let table = source("input.csv");
    if csv.is_empty() { table } else { table.set("csv", format_args!("{{ {csv} }}")) }
}

fn failure(content: &str) -> String {
    let folder = Folder::new();
    folder.write("input.csv", content);
    folder.run(pipeline("input.csv", &[], "output.jsonl")).failed(1)
}

#[test]
fn a_csv_file_with_cr_line_ends_is_read() {
    assert_eq!(read("id,text\r1,a\r2,b\r", ""), "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n");
}

#[test]
fn a_csv_file_with_another_delimiter_is_read_with_a_setting_and_not_without() {
    insta::assert_snapshot!(failure("id\tname\ttext\n1\tA\thello\n"), @r#"error: input.csv:1: the first line has no comma and 2 tabs; if its fields are separated by tabs, set `csv = { delimiter = "\t" }` in the source, otherwise `csv = { delimiter = "," }`"#);
    insta::assert_snapshot!(failure("id;name;text\n1;A;hello, world\n"), @r#"error: input.csv:1: the first line has no comma and 2 semicolons; if its fields are separated by semicolons, set `csv = { delimiter = ";" }` in the source, otherwise `csv = { delimiter = "," }`"#);
    assert_eq!(read("id\tname\n1\tA,B\n", r#"delimiter = "\t""#), "{\"id\":1,\"name\":\"A,B\"}\n");
    assert_eq!(read("id|name\n1|A\n", r#"delimiter = "|""#), "{\"id\":1,\"name\":\"A\"}\n");
    let folder = Folder::new();
    folder.write("input.tsv", "id\tname\n1\tA,B\n");
    assert_eq!(folder.output_of(pipeline("input.tsv", &[], "output.jsonl")), "{\"id\":1,\"name\":\"A,B\"}\n");
    insta::assert_snapshot!(folder.run(pipeline("input.tsv", &[], "output.tsv")).failed(2), @r#"
error: cannot determine the format of `output.tsv` from its file extension
 --> pipeline.toml:8:8
  |
8 | path = "output.tsv"
  |        ^^^^^^^^^^^^ unknown file extension
  |
  = help: set `format` in [[sink]] to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or .arrow, followed by .gz or .zst if the file is compressed
"#);
}

#[test]
fn a_header_without_names_is_read_with_a_warning() {
    let folder = Folder::new();
    folder.write("input.csv", ",text,text\n0,a,1.5\n");
    let outcome = folder.run(pipeline("input.csv", &[], "output.jsonl")).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"column_1\":0,\"text\":\"a\",\"text_2\":1.5}\n");
    let warnings: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("warning")).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"
warning: input.csv:1: column 1 has no name in the header; it is called `column_1`, unless `names` in `csv` sets another name
warning: input.csv:1: column 3 has the name `text`, as an earlier column; it is called `text_2`, unless `names` in `csv` sets another name
"#);
    let events = folder.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded().json_lines();
    assert_eq!(events.iter().filter(|event| event["event"] == "warning").count(), 2);
    assert!(folder.stillbox(["check", "pipeline.toml"]).succeeded().stderr.contains("warning: "));
    let quiet = folder.stillbox(["run", "pipeline.toml", "--progress", "none"]).succeeded();
    assert!(quiet.stderr.contains("warning: "), "{}", quiet.stderr);
    assert_eq!(read("a,b,\n1,2,\n", ""), "{\"a\":1,\"b\":2,\"column_3\":\"\"}\n");
    assert_eq!(read(",x\n1,2\n", r#"header = true, names = ["id", "x"]"#), "{\"id\":1,\"x\":2}\n");
}

#[test]
fn every_csv_setting_is_obeyed() {
    let settings = r##"delimiter = ";", quote = "'", escape = "\\", comment = "#", header = false, names = ["a", "b"], skip-lines = 1, nulls = "NA", encoding = "latin-1""##;
    assert_eq!(
        read(b"made by hand\n# no row\n'x;y';caf\xe9\nNA;\\;\n", settings),
        "{\"a\":\"x;y\",\"b\":\"café\"}\n{\"a\":null,\"b\":\";\"}\n"
    );
    let folder = Folder::new();
    folder.write("input.csv", "1,2\n3,4\n");
    insta::assert_snapshot!(folder.run(pipeline("input.csv", &[], "output.jsonl")).failed(1), @"error: input.csv:1: the first line has only numbers instead of names; if the file has no header, set `csv = { header = false }` in the source, otherwise `csv = { header = true }`");
    let wrong = r#"delimiter = ",", quote = ",", names = ["a"], encoding = "klingon""#;
    let pipeline = crate::harness::PipelineFile::new().add(table(wrong));
    folder.write_pipeline(pipeline);
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml"]).failed(2), @r#"
error: `names` in `csv` needs `header`, to know whether the first record is a row
 --> pipeline.toml:6:7
  |
6 | csv = { delimiter = ",", quote = ",", names = ["a"], encoding = "klingon" }
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `header` is missing
  |
  = help: add `header = false` if the files have no header, or `header = true` if the names replace those in the header

error: `quote` in `csv` is also the delimiter character
 --> pipeline.toml:6:34
  |
6 | csv = { delimiter = ",", quote = ",", names = ["a"], encoding = "klingon" }
  |                                  ^^^
  |
  = help: give a different character to each of them

error: `encoding` in `csv` is "klingon", which is not a known encoding
 --> pipeline.toml:6:65
  |
6 | csv = { delimiter = ",", quote = ",", names = ["a"], encoding = "klingon" }
  |                                                                 ^^^^^^^^^ not an encoding
  |
  = help: give a name such as "utf-8", "latin-1", "windows-1252", "utf-16", "shift_jis", "gb18030" or "big5"
"#);
}
