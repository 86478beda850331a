//! Pipelines with branches: `from`, `combine`, `route`, and the settings of single nodes.

mod combine;
mod determinism;
mod drawings;
mod errors;
mod examples;
mod routing;
mod sources_and_aggregates;
mod step_settings;

use stillbox_test_guests::{ADD_COLUMN, DROP_SHORT, EXPAND_WORDS, KEEP_LONG};

use crate::harness::{Folder, PipelineFile, pipeline, sink, source, step};

const TEXTS: &str = "{\"text\":\"one two\"}\n{\"text\":\"a\"}\n{\"text\":\"three\"}\n";

#[test]
fn steps_run_in_the_order_of_the_file() {
    let folder = Folder::with(&[KEEP_LONG, EXPAND_WORDS, ADD_COLUMN]);
    folder.write("input.jsonl", TEXTS);
    let pipeline = pipeline("input.jsonl", &["keep_long", "expand_words", "add_column"], "output.jsonl");
    insta::assert_snapshot!(folder.output_of(pipeline), @r#"
    {"text":"one two","word":"one","length":7}
    {"text":"one two","word":"two","length":7}
    {"text":"three","word":"three","length":5}
    "#);
}

#[test]
fn one_source_feeds_several_sinks() {
    let folder = Folder::with(&[KEEP_LONG, DROP_SHORT]);
    folder.write("input.jsonl", TEXTS);
    let pipeline = PipelineFile::new()
        .add(source("input.jsonl").name("texts"))
        .add(step("keep_long").name("long").from(&["texts"]))
        .add(step("drop_short").name("first").from(&["texts"]))
        .add(sink("long.csv").from(&["long"]))
        .add(sink("first.jsonl").from(&["first"]))
        .add(sink("all.jsonl").from(&["texts"]));
    folder.run(pipeline).succeeded();
    insta::assert_snapshot!(folder.text("long.csv"), @r"
    text
    one two
    three
    ");
    insta::assert_snapshot!(folder.text("first.jsonl"), @r#"
    {"text":"one two","first":"one"}
    {"text":"a","first":"a"}
    {"text":"three","first":"three"}
    "#);
    assert_eq!(folder.text("all.jsonl"), TEXTS);
}

#[test]
fn a_pipeline_can_have_no_steps() {
    let folder = Folder::new();
    folder.write("input.jsonl", TEXTS);
    assert_eq!(folder.output_of(pipeline("input.jsonl", &[], "output.jsonl")), TEXTS);
}

#[test]
fn a_cycle_of_steps_is_reported() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", TEXTS);
    let pipeline = PipelineFile::new().add(step("keep_long").from(&["keep_long"]));
    insta::assert_snapshot!(folder.run(pipeline).failed(2), @r#"
    error: no step or sink takes the rows of source "source"
     --> pipeline.toml:4:1
      |
    4 | [[source]]
      | ^^^^^^^^^^
      |
      = help: add a [[sink]] or a step with `from = "source"`, or remove the source

    error: "keep_long" takes rows from itself
     --> pipeline.toml:8:8
      |
    8 | name = "keep_long"
      |        ^^^^^^^^^^^
      |
      = help: change a `from` so that rows flow from a source to a sink
    "#);
}
