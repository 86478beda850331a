//! Columns that no step reads and that only JSON Lines sinks write are carried as text. The output must be the same as without it: each
//! test compares it with that of a pipeline with a sink of another format, for which all columns are decoded.

use stillbox_test_guests::{EXPAND_WORDS, GIVE_REASONS, KEEP_LONG};

use crate::harness::{Folder, PipelineFile, component_step, sink, source, step};

/// Rows with white space, escapes and numbers that sinks write in another form.
fn rows() -> String {
    let texts = ["kept one", "short", "reject", "kept two", "silent", "kept three"];
    let rows = texts.iter().cycle().take(60).enumerate().map(|(row, text)| {
        let escaped = if row % 3 == 0 { "caf\\u00e9 \\/ \\\"x\\\"" } else { "café" };
        let float = ["1", "0.50", "1e2", "null", "-0"][row % 5];
        let space = if row % 4 == 0 { " " } else { "" };
        format!(
            "{{\"a\":{row},{space}\"b\":{space}\"{escaped}\",\"text\":\"{text}\",\"c\":{float}{space},\"d\":{},\"e\":\"x\"}}\n",
            row % 2 == 0
        )
    });
    rows.collect()
}

/// Checks that files are the same if all columns are decoded as well. Returns the first one.
fn same(folder: &Folder, pipeline: &PipelineFile, from: &str, files: &[&str]) -> String {
    let mut versions = Vec::new();
    for decodes in [false, true] {
        let pipeline = pipeline.clone().add(sink("empty.csv").from(&[from]).select(&["text"]));
        let all = sink("all.parquet").from(&[from]);
        folder.run(if decodes { pipeline.add(all) } else { pipeline }).succeeded();
        versions.push(files.iter().map(|file| without_run(&folder.text(file))).collect::<Vec<_>>());
    }
    assert!(versions[0] == versions[1], "{versions:?}");
    versions.swap_remove(0).swap_remove(0)
}

/// Leaves out the id of the run.
fn without_run(text: &str) -> String {
    let line = |line: &str| match line.split_once("\"run\":\"") {
        Some((before, rest)) => format!("{before}{}", rest.split_once('"').map_or("", |(_, after)| after)),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn folder(guests: &[&str]) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", rows());
    folder
}

#[test]
fn carried_columns_are_written_as_if_they_were_decoded() {
    let folder = folder(&[KEEP_LONG]);
    let pipeline = PipelineFile::new().batch_rows(7).add(step("keep_long").parameters("min-bytes = 7"));
    let output =
        same(&folder, &pipeline.add(sink("output.jsonl").from(&["keep_long"])), "keep_long", &["output.jsonl"]);
    assert_eq!(output.lines().count(), 30);
    insta::assert_snapshot!(output.lines().take(3).collect::<Vec<_>>().join("\n"), @r#"
    {"a":0,"b":"café / \"x\"","text":"kept one","c":1.0,"d":true,"e":"x"}
    {"a":3,"b":"café / \"x\"","text":"kept two","c":null,"d":false,"e":"x"}
    {"a":5,"b":"café","text":"kept three","c":1.0,"d":false,"e":"x"}
    "#);
}

#[test]
fn rejected_and_dropped_rows_have_their_carried_columns() {
    let folder = folder(&[GIVE_REASONS]);
    let give = step("give_reasons").on_failure("reject");
    let pipeline = PipelineFile::new().batch_rows(7).add(give).add(sink("output.jsonl").from(&["give_reasons"]));
    let pipeline = pipeline.rejects().toml("[dropped]\npath = \"dropped.jsonl\"");
    let rejects = same(&folder, &pipeline, "give_reasons", &["rejects.jsonl", "dropped.jsonl", "output.jsonl"]);
    assert_eq!(rejects.lines().count(), 10);
    let first = r#"{"row":{"a":2,"b":"café","text":"reject","c":100.0,"d":true,"e":"x"},"failure":"#;
    assert!(rejects.starts_with(first), "{rejects}");
}

#[test]
fn carried_columns_follow_their_rows_through_branches_and_projections() {
    let folder = folder(&[KEEP_LONG, EXPAND_WORDS]);
    let pipeline = PipelineFile::new()
        .batch_rows(7)
        .add(source("input.jsonl").name("in"))
        .add(step("keep_long").from(&["in"]).set("rename", "{ e = \"f\" }").parameters("min-bytes = 7"))
        .add(step("expand_words").from(&["in"]).set("drop", "[\"a\"]"))
        .add(sink("renamed.jsonl").from(&["keep_long"]))
        .add(sink("some.jsonl").from(&["keep_long"]).select(&["b", "a", "text", "d"]))
        .add(sink("words.jsonl").from(&["expand_words"]));
    let output = same(&folder, &pipeline, "in", &["words.jsonl", "renamed.jsonl", "some.jsonl"]);
    insta::assert_snapshot!(output.lines().take(3).collect::<Vec<_>>().join("\n"), @r#"
    {"b":"café / \"x\"","text":"kept one","c":1.0,"d":true,"e":"x","word":"kept"}
    {"b":"café / \"x\"","text":"kept one","c":1.0,"d":true,"e":"x","word":"one"}
    {"b":"café","text":"short","c":0.5,"d":false,"e":"x","word":"short"}
    "#);
}

#[test]
fn carried_columns_follow_their_rows_through_routes() {
    let folder = folder(&[KEEP_LONG]);
    let keep = |name| component_step(name, "keep_long.wasm");
    let pipeline = PipelineFile::new()
        .batch_rows(7)
        .add(source("input.jsonl").name("in").set("route", r#"{ to = ["left", "right"], by = "sample", seed = 3 }"#))
        .add(keep("left"))
        .add(keep("right").set("drop", "[\"c\"]"))
        .add(sink("left.jsonl").from(&["left"]))
        .add(sink("right.jsonl").from(&["right"]));
    let left = same(&folder, &pipeline, "left", &["left.jsonl", "right.jsonl"]);
    assert!((20..40).contains(&left.lines().count()), "{left}");
}

#[test]
fn rows_of_several_nodes_have_all_of_their_columns() {
    let folder = folder(&[KEEP_LONG]);
    let pipeline = PipelineFile::new()
        .batch_rows(7)
        .add(source("input.jsonl").name("in"))
        .add(step("keep_long").from(&["in"]).parameters("min-bytes = 7"))
        .add(sink("both.jsonl").from(&["in", "keep_long"]).combine("rows"))
        .add(sink("kept.jsonl").from(&["keep_long"]));
    let both = same(&folder, &pipeline, "in", &["both.jsonl", "kept.jsonl"]);
    assert_eq!(both.lines().count(), 90);
}
