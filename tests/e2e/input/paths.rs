//! Lists of paths, patterns, and folders as columns.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use crate::harness::{Folder, PipelineFile, pipeline, source};

#[test]
fn a_pattern_next_to_a_name_that_is_not_utf_8_matches() {
    let folder = Folder::new();
    folder.write("data/a.jsonl", "{\"id\":1}\n");
    fs::write(folder.join("data").join(OsStr::from_bytes(b"caf\xe9.txt")), "").expect("the folder is there");
    assert_eq!(folder.output_of(pipeline("data/*.jsonl", &[], "output.jsonl")), "{\"id\":1}\n");
    fs::write(folder.join("data").join(OsStr::from_bytes(b"caf\xe9.jsonl")), "{\"id\":2}\n").expect("as before");
    fs::create_dir(folder.join("data").join(OsStr::from_bytes(b"d\xe9"))).expect("as before");
    folder.run(pipeline("**/*.jsonl", &[], "output.csv")).succeeded();
    // `**` finds the output of the run before, too.
    assert_eq!(folder.text("output.csv"), "id\n1\n2\n1\n");
}

#[test]
fn a_list_of_paths_has_patterns_with_braces() {
    let folder = Folder::new();
    for (name, id) in [("data/b.csv", 2), ("data/a.csv", 1), ("more/x.csv", 3), ("more/y.csv", 4), ("more/z.csv", 5)] {
        folder.write(name, format!("id\n{id}\n"));
    }
    symlink("../data", folder.join("data/loop")).expect("the folder is there");
    let list = |paths: &str| {
        let text = PipelineFile::new().add(source("x.csv")).to_string().replace("path = \"x.csv\"", paths);
        folder.run(text).succeeded();
        folder.text("output.jsonl")
    };
    let expected = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n{\"id\":4}\n";
    assert_eq!(list(r#"path = ["data/**/*.csv", "more/{y,x}.csv", "data/a.csv"]"#), expected);
    let text =
        PipelineFile::new().add(source("x.csv")).to_string().replace("\"x.csv\"", r#"["data/*.csv", "none*.csv"]"#);
    insta::assert_snapshot!(folder.run(text).failed(2), @r#"
error: no file matches "none*.csv"; check the path and the working directory
 --> pipeline.toml:5:9
  |
5 | path = ["data/*.csv", "none*.csv"]
  |         ^^^^^^^^^^^^
"#);
}

#[test]
fn folders_are_columns_by_a_setting() {
    let folder = Folder::new();
    folder.write("sales/year=2024/city=S%C3%A3o Paulo/1.jsonl", "{\"n\":1}\n");
    folder.write("sales/year=2023/city=__HIVE_DEFAULT_PARTITION__/1.jsonl", "{\"n\":2}\n");
    let table = source("sales/**/*.jsonl").set("hive", true);
    insta::assert_snapshot!(folder.output_of(PipelineFile::new().add(table)), @r#"
{"n":2,"year":2023,"city":null}
{"n":1,"year":2024,"city":"São Paulo"}
"#);
}
