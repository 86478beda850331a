//! Lists of paths, and folders as columns.

use insta::assert_snapshot;

use super::super::{SourceLocation, SourcePath};
use super::{InputFolder, encode_file, open};
use crate::data_type::DataType;
use crate::format::Format;

fn hive(pattern: &str) -> InputFolder {
    InputFolder::new(Format::Csv, pattern).with(|spec| spec.hive = true)
}

#[test]
fn folders_are_columns_after_those_of_the_files() {
    let input = hive("**/*.csv")
        .file("year=2024/city=a%2Fb/1.csv", "n\n1\n2\n")
        .file("year=2023/city=__HIVE_DEFAULT_PARTITION__/1.csv", "n\n3\n");
    assert_snapshot!(input.read().shown(), @r#"
n: integer, year: integer, city: text
{"n":3,"year":2023,"city":null}
{"n":1,"year":2024,"city":"a/b"}
{"n":2,"year":2024,"city":"a/b"}
"#);
    let input = input.columns(&[("year", DataType::Text), ("n", DataType::Float)]);
    assert_snapshot!(input.read().shown(), @r#"
n: float, year: text, city: text
{"n":3.0,"year":"2023","city":null}
{"n":1.0,"year":"2024","city":"a/b"}
{"n":2.0,"year":"2024","city":"a/b"}
"#);
    let batch = input.read().batch.unwrap().project(&[0]).unwrap();
    let parquet = hive("**/*.parquet").file("m=01/x.parquet", encode_file(&batch, Format::Parquet));
    assert_snapshot!(parquet.with(|spec| spec.format = Format::Parquet).read().shown(), @r#"
n: float, m: text
{"n":3.0,"m":"01"}
{"n":1.0,"m":"01"}
{"n":2.0,"m":"01"}
"#);
}

#[test]
fn folders_that_do_not_agree_are_errors() {
    assert_snapshot!(hive("**/*.csv").file("a/1.csv", "n\n").error(), @"a/1.csv: `hive` is set in the source, and no folder of this path has a name such as `year=2024`");
    assert_snapshot!(hive("**/*.csv").file("a=1/1.csv", "n\n").file("b=1/1.csv", "n\n").error(), @"b=1/1.csv: the columns in the folders of this path are not those of a=1/1.csv: there they are named `a`, and here `b`");
    assert_snapshot!(hive("**/*.csv").file("n=1/1.csv", "n\n").error(), @"the column `n` is in the files and in the names of their folders; remove `hive` from the source");
    assert_snapshot!(hive("**/*.csv").file("a=x/1.csv", "n\n").columns(&[("a", DataType::Integer)]).error(), @"a=x/1.csv: column `a` is declared as integer, and the folder has the value `x`");
    assert_snapshot!(hive("**/*.csv").file("a=%ff/1.csv", "n\n").error(), @"a=%ff/1.csv: the folder a=%ff, which is a column, is not UTF-8");
}

#[test]
fn the_files_of_a_list_are_read_in_its_order_and_once() {
    let mut input = InputFolder::new(Format::Csv, "");
    for name in ["a.csv", "b.csv", "c/a.csv", "c/b.csv"] {
        input = input.file(name, "n\n1\n");
    }
    let path = |written: &str| SourcePath { base: input.path().to_owned(), written: written.into() };
    let paths = vec![path("c/{b,a}.csv"), path("b.csv"), path("*.csv")];
    let spec = crate::source::SourceSpec { location: SourceLocation::Paths(paths), ..input.spec.clone() };
    let files = open(&spec).unwrap().files;
    let names: Vec<_> = files.iter().map(|file| file.strip_prefix(input.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["c/a.csv", "c/b.csv", "b.csv", "a.csv"]);
}
