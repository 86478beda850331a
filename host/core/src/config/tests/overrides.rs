//! Settings of the command line.

use std::path::Path;

use insta::assert_snapshot;

use super::{Config, VALID, parse};
use crate::config::{ConfigLocation, Overrides};
use crate::format::{Compression, Format};

fn set(arguments: &[&str]) -> Overrides {
    Overrides { set: arguments.iter().map(ToString::to_string).collect(), ..Overrides::default() }
}

fn input(path: &str) -> Overrides {
    Overrides { input: Some(path.into()), ..Overrides::default() }
}

fn output(path: &str) -> Overrides {
    Overrides { output: Some(path.into()), ..Overrides::default() }
}

fn problems(text: &str, overrides: &Overrides) -> String {
    parse(text).with(overrides).expect_err("it has problems").to_string()
}

fn with_parameters() -> Config {
    parse(&VALID.replace("[[sink]]", "parameters = { a = 1, table = { x = [1], y = 2 } }\n[[sink]]"))
}

#[test]
fn values_are_toml_or_strings() {
    let arguments = [
        "trim.integer=5",
        "trim.float= 1.5 ",
        "trim.boolean=true",
        "trim.quoted=\"5\"",
        "trim.array=[1, \"b\"]",
        "trim.table={ k = 1 }",
        "trim.text=two words = one",
        "trim.unclosed=[1",
        "trim.empty=",
        "trim.lines=a\nb = 5",
        "trim.day=1979-05-27",
        "trim.new.inner=1",
        "trim.integer=6",
    ];
    let config = parse(VALID).with(&set(&arguments)).expect("all are valid");
    assert_eq!(
        serde_json::to_string(&config.steps[0].parameters.values).expect("it is JSON"),
        r#"{"integer":6,"float":1.5,"boolean":true,"quoted":"5","array":[1,"b"],"table":{"k":1},"text":"two words = one","unclosed":"[1","empty":"","lines":"a\nb = 5","day":"1979-05-27","new":{"inner":1}}"#
    );
}

#[test]
fn a_parameter_set_by_an_argument_has_its_location() {
    let config = with_parameters().with(&set(&["trim.table=5"])).expect("it is valid");
    let parameters = &config.steps[0].parameters;
    let argument = ConfigLocation::Argument("--set trim.table=5".into());
    assert_eq!(parameters.values["table"], 5);
    assert_eq!(parameters.location_of("/table"), &argument);
    assert_eq!(parameters.location_of("/table/x/0"), &argument, "what was there is gone");
    assert!(matches!(parameters.location_of("/a"), ConfigLocation::Span(_)));

    let config = with_parameters().with(&set(&["trim.table.y=5"])).expect("it is valid");
    let parameters = &config.steps[0].parameters;
    assert_eq!(parameters.values["table"].to_string(), r#"{"x":[1],"y":5}"#);
    assert!(matches!(parameters.location_of("/table/x"), ConfigLocation::Span(_)));
}

#[test]
fn all_parameters_that_cannot_be_set_are_reported_together() {
    let arguments =
        ["trim", "trim=5", ".a=5", "trim.a..b=1", "trm.a=1", "other.a=1", "trim.a.b=1", "trim.x=nan", "\u{1b}[2J.a=1"];
    let config = with_parameters();
    let reported = config.with(&set(&arguments)).expect_err("all are invalid").to_string();
    assert_snapshot!(reported, @r#"
    --set trim: there is no `=` in it (write it as STEP.PARAMETER=VALUE, such as filter.min-words=5)
    --set trim=5: there is no `.` after the name of the step (write it as STEP.PARAMETER=VALUE, such as filter.min-words=5)
    --set .a=5: the name of the step or of the parameter is empty (write it as STEP.PARAMETER=VALUE, such as filter.min-words=5)
    --set trim.a..b=1: the name of the step or of the parameter is empty (write it as STEP.PARAMETER=VALUE, such as filter.min-words=5)
    --set trm.a=1: there is no step "trm" (did you mean "trim"? the steps are trim)
    --set other.a=1: there is no step "other" (the steps are trim)
    --set trim.a.b=1: `a` of step "trim" is not a table (set the parameter itself, without the part after the dot)
    --set trim.x=nan: the parameter's value nan is not a finite number (write it in quotes if the step takes it as text)
    --set \u{1b}[2J.a=1: there is no step "\u{1b}[2J" (the steps are trim)
    "#);
}

#[test]
fn setting_a_parameter_requires_a_step() {
    let text = "[pipeline]\nname = \"x\"\n[[source]]\npath = \"a.csv\"\n[[sink]]\npath = \"b.csv\"\n";
    assert_snapshot!(problems(text, &set(&["trim.a=1"])), @r#"--set trim.a=1: there is no step "trim" (this pipeline has no steps)"#);
}

#[test]
fn paths_start_from_the_current_directory() {
    let overrides = Overrides { input: Some("x/*.csv".into()), output: Some("y.arrow".into()), ..Overrides::default() };
    let config = parse(VALID).with(&overrides).expect("it is valid");
    assert_eq!(config.sources[0].paths[0].path(), Path::new("x/*.csv"));
    assert_eq!(config.sinks[0].path.path(), Path::new("y.arrow"));
    assert_eq!(config.sources[0].paths[0].location, ConfigLocation::Argument("--input x/*.csv".into()));
    assert_eq!((config.sources[0].format.value, config.sinks[0].format.value), (Format::Csv, Format::Arrow));
}

#[test]
fn a_known_extension_determines_the_format_and_another_keeps_it() {
    let set = VALID.replace("\"in.jsonl\"", "\"in\"\nformat = \"csv\"\ncompression = \"gzip\"");
    let source = |text: &str, path| parse(text).with(&input(path)).expect("it is valid").sources.remove(0);
    let of = |text: &str, path| {
        let source = source(text, path);
        (source.format.value, source.compression.map(|compression| compression.value))
    };
    assert_eq!(of(&set, "x.parquet"), (Format::Parquet, None));
    assert_eq!(of(&set, "x.bin"), (Format::Csv, Some(Compression::Gzip)));
    assert_eq!(of(&set, "-"), (Format::Csv, Some(Compression::Gzip)));
    assert_eq!(of(VALID, "-"), (Format::JsonLines, None));

    let sink = parse(VALID).with(&output("-")).expect("it is valid").sinks.remove(0);
    assert_eq!((sink.format.value, sink.path.is_standard()), (Format::JsonLines, true));
}

#[test]
fn invalid_paths_are_reported() {
    assert_snapshot!(problems(VALID, &input("x.txt")), @"--input x.txt: cannot determine the format of `x.txt` from its file extension (set `format` in [[source]] to jsonl, json, csv, parquet or arrow, or use a file extension such as .jsonl, .json, .csv, .tsv, .parquet or .arrow, followed by .gz, .zst, .bz2 or .xz if the file is compressed)");
    assert_snapshot!(problems(VALID, &output("")), @"--output : the path is empty (give a file, or `-`)");
    let columns = VALID.replace("\"in.jsonl\"", "\"in.jsonl\"\ncolumns = { id = \"integer\" }");
    assert_snapshot!(problems(&columns, &input("x.parquet")), @"jobs/p.toml:6:1: `columns` in [[source]] applies to jsonl, json and csv only, but this source is parquet (remove the key: parquet files declare their columns and types themselves)");
    let two = format!("{VALID}[[sink]]\npath = \"b.csv\"\n[[source]]\npath = \"b.csv\"\n");
    assert_snapshot!(problems(&two, &Overrides { output: Some("x.csv".into()), ..input("y.csv") }), @"
    --input y.csv: the pipeline has 2 sources, and this option works with exactly one (change the `path` of the [[source]] in the pipeline file)
    --output x.csv: the pipeline has 2 sinks, and this option works with exactly one (change the `path` of the [[sink]] in the pipeline file)
    ");
}
