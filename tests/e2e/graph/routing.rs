//! `route`: rows that go to one of several steps.

use stillbox_test_guests::ADD_COLUMN;

use crate::harness::{Folder, PipelineFile, Table, sink, source, step};

/// A route to `x` and `y`, and the outputs of each and of both.
fn routed(route: &str, y: Table) -> PipelineFile {
    PipelineFile::new()
        .batch_rows(3)
        .add(source("input.jsonl").name("texts").set("route", route))
        .add(step("add_column").name("x"))
        .add(y.name("y"))
        .add(sink("x.csv").from(&["x"]).select(&["id"]))
        .add(sink("y.csv").from(&["y"]).select(&["id"]))
        .add(sink("both.csv").from(&["y", "x"]).combine("rows").select(&["id"]))
}

fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN]);
    let lang = ["\"en\"", "\"de\"", "null"];
    let line = |id: usize| format!("{{\"id\":{id},\"text\":\"text\",\"lang\":{}}}\n", lang[id % 3]);
    folder.write("input.jsonl", (0..8).map(line).collect::<String>());
    folder
}

fn ids(folder: &Folder, output: &str) -> String {
    folder.text(output).lines().skip(1).collect::<Vec<_>>().join(" ")
}

fn run(route: &str) -> [String; 3] {
    let folder = folder();
    folder.run(routed(route, step("add_column"))).succeeded();
    ["x.csv", "y.csv", "both.csv"].map(|output| ids(&folder, output))
}

#[test]
fn a_round_robin_route_alternates_between_steps() {
    let written = run(r#"{ to = ["x", "y"], by = "round-robin" }"#);
    assert_eq!(written, ["0 2 4 6", "1 3 5 7", "0 1 2 3 4 5 6 7"]);
    let written = run(r#"{ to = ["x", "y"], by = "round-robin", count = 2 }"#);
    assert_eq!(written, ["0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7", "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7"]);
}

#[test]
fn a_sample_route_depends_on_its_seed_only() {
    let [x, y, both] = run(r#"{ to = ["x", "y"], by = "sample", seed = 7 }"#);
    insta::assert_snapshot!(format!("{x} | {y}"), @"1 6 | 0 2 3 4 5 7");
    assert_eq!(both, "0 1 2 3 4 5 6 7");
    let [other, ..] = run(r#"{ to = ["x", "y"], by = "sample", seed = 8 }"#);
    assert_ne!(x, other);
}

#[test]
fn a_route_by_column_selects_the_step() {
    let written = run(r#"{ by = "column", column = "lang", cases = { en = "x" }, otherwise = "y" }"#);
    assert_eq!(written, ["0 3 6", "1 2 4 5 7", "0 1 2 3 4 5 6 7"]);
}

#[test]
fn every_error_in_a_route_is_reported() {
    let folder = folder();
    let wrong = |route: &str, y: Table| folder.run(routed(route, y)).failed(2);
    let from_texts = step("add_column");
    let from_x = step("add_column").from(&["x"]);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "z"], by = "round-robbin", count = 3 }"#, from_texts.clone()), @r#"
    error: `by` in `route` is "round-robbin", which is not a route
     --> pipeline.toml:8:33
      |
    8 | route = { to = ["x", "z"], by = "round-robbin", count = 3 }
      |                                 ^^^^^^^^^^^^^^ not a route
      |
      = help: did you mean "round-robin"?
      = help: the routes are round-robin, sample and column
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x"], by = "sample" }"#, from_texts.clone()), @r#"
    error: `to` in `route` must name at least two steps or sinks, but names only "x"
     --> pipeline.toml:8:16
      |
    8 | route = { to = ["x"], by = "sample" }
      |                ^^^^^
      |
      = help: name two or more, or remove `route`
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "zz"], by = "sample", seed = 1 }"#, from_x.clone()), @r#"
    error: there is no step or sink "zz"
     --> pipeline.toml:8:22
      |
    8 | route = { to = ["x", "zz"], by = "sample", seed = 1 }
      |                      ^^^^
      |
      = help: there are x, y, sink-1, sink-2, sink-3
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "y"], by = "sample", seed = 1 }"#, from_x.clone()), @r#"
    error: "y" is in the route of "texts", but does not take its rows
      --> pipeline.toml:15:8
       |
    15 | name = "y"
       |        ^^^
       |
       = help: add "texts" to its `from`, or remove the `from`
    "#);
    insta::assert_snapshot!(wrong(r#"{ by = "column", column = "land", cases = { en = "x" }, otherwise = "y" }"#, from_texts.clone()), @r#"
    error: source "texts" has no column "land" for its route
     --> pipeline.toml:8:35
      |
    8 | route = { by = "column", column = "land", cases = { en = "x" }, otherwise = "y" }
      |                                   ^^^^^^
      |
      = help: did you mean "lang"?
      = help: it has id: integer, text: text, lang: text
    "#);
    insta::assert_snapshot!(wrong(r#"{ by = "column", column = "lang", cases = { en = "x" } }"#, from_texts.clone()), @r#"
    error: `route` has no `otherwise`
     --> pipeline.toml:8:9
      |
    8 | route = { by = "column", column = "lang", cases = { en = "x" } }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `otherwise` is missing
      |
      = help: add the step or sink for all other rows: `otherwise = "y"`
    "#);
}
