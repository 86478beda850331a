//! Parsing valid files.

use std::path::Path;

use serde_json::json;

use super::{Config, VALID, parse};
use crate::config::batch_rows::DEFAULT_BATCH_ROWS;
use crate::config::location::ConfigLocation;
use crate::data_type::DataType;
use crate::format::{Compression, Format};

#[test]
fn the_example_is_parsed_completely() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clean-text/pipeline.toml");
    let config = Config::from_file(&file).expect("the example is valid");
    let folder = file.parent().expect("it is in a folder");
    assert_eq!(config.file, file);
    assert_eq!(config.pipeline.name.value, "clean-text");
    assert_eq!(config.pipeline.batch_rows.as_deref(), Some(&1000));
    assert_eq!(config.pipeline.description, None);

    let [source] = config.sources.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!(source.paths[0].path(), folder.join("input.jsonl"));
    assert_eq!((source.format.value, &source.compression), (Format::JsonLines, &None));
    assert_eq!((&source.name, &source.columns), (&None, &None));

    let steps: Vec<_> = config.steps.iter().map(|step| (step.name.as_str(), step.component.path())).collect();
    assert_eq!(
        steps,
        [
            ("normalize", folder.join("../../steps/normalize-text")),
            ("filter", folder.join("../../steps/filter-text")),
            ("features", folder.join("../../steps/text-features")),
        ]
    );
    let parameters: Vec<_> =
        config.steps.iter().map(|step| serde_json::to_string(&step.parameters.values).expect("it is JSON")).collect();
    assert_eq!(
        parameters,
        [
            r#"{"column":"text"}"#,
            r#"{"column":"text","min-words":5,"max-words":60,"min-bytes":40,"max-bytes":400}"#,
            r#"{"column":"text"}"#,
        ]
    );
    assert!(config.steps.iter().all(|step| step.from.is_none()));

    let [sink] = config.sinks.as_slice() else { panic!("{:?}", config.sinks) };
    assert_eq!((sink.path.path(), sink.format.value), (folder.join("output.jsonl"), Format::JsonLines));
    assert_eq!((&sink.name, &sink.from), (&None, &None));
}

#[test]
fn every_setting_can_be_set() {
    let config = parse(
        r#"
        [pipeline]
        name = "Tidy 2 – größer"
        description = "Trims."
        batch-rows = 1_000_000

        [[source]]
        name = "in_1"
        path = "data/*.bin"
        format = "csv"
        compression = "zstd"
        columns = { id = "integer", "a.b" = "json", a = "text" }

        [[source]]
        path = "-"
        format = "jsonl"

        [[step]]
        name = "trim-2"
        component = "/steps/trim"
        from = "in_1"

        [[step]]
        name = "größe"
        component = "size.wasm"
        from = ["in_1", "trim-2"]

        [[sink]]
        name = "out"
        path = "out.parquet"
        from = "größe"
        "#,
    );
    assert_eq!(config.pipeline.description.as_ref().map(|text| text.as_str()), Some("Trims."));
    assert_eq!(config.pipeline.batch_rows.as_deref(), Some(&1_000_000));
    let source = &config.sources[0];
    assert_eq!(source.paths[0].path(), Path::new("jobs/data/*.bin"));
    assert_eq!(source.format.value, Format::Csv);
    assert_eq!(source.compression.as_deref(), Some(&Compression::Zstd));
    let columns = source.columns.as_ref().expect("they are given");
    let columns: Vec<_> = columns.iter().map(|column| (column.name.as_str(), column.data_type.value)).collect();
    assert_eq!(columns, [("id", DataType::Integer), ("a.b", DataType::Json), ("a", DataType::Text)]);
    assert!(config.sources[1].is_standard());
    assert_eq!(config.steps[0].component.path(), Path::new("/steps/trim"));
    let from = config.steps[1].from.as_ref().expect("it is given");
    assert_eq!(from.iter().map(|from| from.name.as_str()).collect::<Vec<_>>(), ["in_1", "trim-2"]);
    assert_eq!(config.sinks[0].name.as_ref().map(|name| name.as_str()), Some("out"));
}

#[test]
fn a_minimal_pipeline_has_the_defaults() {
    let config = parse(VALID);
    assert_eq!(config.pipeline.batch_rows, None);
    assert_eq!(DEFAULT_BATCH_ROWS, 1000);
    assert_eq!(config.steps[0].parameters.values, serde_json::Map::new());
    let inline = r#"pipeline = { name = "x" }
source = [{ path = "a.csv" }]
sink = [{ path = "b.csv" }]
"#;
    assert_eq!(parse(inline).steps.len(), 0, "a pipeline without steps converts");
}

#[test]
fn parameters_are_converted_to_json_in_order() {
    let config = parse(&VALID.replace(
        "[[sink]]",
        r#"[step.parameters]
zebra = 9223372036854775807
big = 18446744073709551615
low = -9223372036854775808
hex = 0xff
float = -0.0
day = 1979-05-27
moment = 1979-05-27T07:32:00.5Z
list = [1, "a", [true], { b.c = 1.5 }]
"" = "empty"
"a/b~c" = "key"
table.inner = "x"

[[sink]]"#,
    ));
    let parameters = &config.steps[0].parameters;
    assert_eq!(
        serde_json::to_string(&parameters.values).expect("it is JSON"),
        r#"{"zebra":9223372036854775807,"big":18446744073709551615,"low":-9223372036854775808,"hex":255,"float":-0.0,"day":"1979-05-27","moment":"1979-05-27T07:32:00.5Z","list":[1,"a",[true],{"b":{"c":1.5}}],"":"empty","a/b~c":"key","table":{"inner":"x"}}"#
    );
    assert_eq!(parameters.values["list"][3], json!({ "b": { "c": 1.5 } }));
    let written = |pointer: &str| match parameters.location_of(pointer) {
        ConfigLocation::Span(span) => &config.text[span.clone()],
        other => panic!("{other:?}"),
    };
    assert_eq!(written("/hex"), "hex");
    assert_eq!(written("/list/1"), "\"a\"");
    assert_eq!(written("/list/3/b/c"), "c");
    assert_eq!(written("/list/3/b/c/none/such"), "c");
    assert_eq!(written("/a~1b~0c"), "\"a/b~c\"");
    assert_eq!(written("/none"), "parameters");
    assert_eq!(written(""), "parameters");
}

#[test]
fn locations_point_at_the_written_text() {
    let config = parse(VALID);
    let written = |location: &ConfigLocation| match location {
        ConfigLocation::Span(span) => &config.text[span.clone()],
        other => panic!("{other:?}"),
    };
    assert_eq!(written(&config.pipeline.name.location), "\"tidy\"");
    assert_eq!(written(&config.steps[0].location), "[[step]]");
    assert_eq!(written(&config.steps[0].component.location), "\"trim.wasm\"");
    assert_eq!(written(&config.steps[0].parameters.location), "[[step]]");
    assert_eq!(written(&config.sinks[0].format.location), "\"out.csv\"");
}
