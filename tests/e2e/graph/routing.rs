//! Rows that go to some of the children.

use stillbox_test_guests::ADD_COLUMN;

use crate::harness::{Folder, PipelineFile, step};

/// A route to `x` and `y`, of which the latter has settings, and what comes of each and of both.
fn routed(route: &str, settings: &str) -> String {
    PipelineFile {
        batch_rows: Some(3),
        source: Some(&format!("name = \"texts\"\npath = \"input.jsonl\"\nroute = {route}")),
        steps: &(step("x", "add_column", "") + &step("y", "add_column", settings)),
        sink: r#"
path = "x.csv"
from = "x"
select = ["id"]

[[sink]]
path = "y.csv"
from = "y"
select = ["id"]

[[sink]]
path = "both.csv"
from = ["y", "x"]
combine = "rows"
select = ["id"]
"#,
    }
    .to_string()
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
    folder.run(&routed(route, "")).succeeded();
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
    let wrong = |route: &str, settings: &str| folder.run(&routed(route, settings)).failed(2);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "z"], by = "round-robbin", count = 3 }"#, ""), @r#"
    error: `by` in `route` is "round-robbin", which is not a route
     --> pipeline.toml:8:33
      |
    8 | route = { to = ["x", "z"], by = "round-robbin", count = 3 }
      |                                 ^^^^^^^^^^^^^^ not a route
      |
      = help: did you mean "round-robin"?
      = help: the routes are round-robin, sample and column
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x"], by = "sample" }"#, ""), @r#"
    error: `to` in `route` must name at least two steps or sinks, but names only "x"
     --> pipeline.toml:8:16
      |
    8 | route = { to = ["x"], by = "sample" }
      |                ^^^^^
      |
      = help: name two or more, or remove `route`
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "zz"], by = "sample", seed = 1 }"#, "from = \"x\""), @r#"
    error: there is no step or sink "zz"
     --> pipeline.toml:8:22
      |
    8 | route = { to = ["x", "zz"], by = "sample", seed = 1 }
      |                      ^^^^
      |
      = help: there are x, y, sink-1, sink-2, sink-3
    "#);
    insta::assert_snapshot!(wrong(r#"{ to = ["x", "y"], by = "sample", seed = 1 }"#, "from = \"x\""), @r#"
    error: "y" is in the route of "texts", but does not take its rows
      --> pipeline.toml:15:8
       |
    15 | name = "y"
       |        ^^^
       |
       = help: add "texts" to its `from`, or remove the `from`
    "#);
    insta::assert_snapshot!(wrong(r#"{ by = "column", column = "land", cases = { en = "x" }, otherwise = "y" }"#, ""), @r#"
    error: source "texts" has no column "land" to route by
     --> pipeline.toml:8:35
      |
    8 | route = { by = "column", column = "land", cases = { en = "x" }, otherwise = "y" }
      |                                   ^^^^^^
      |
      = help: did you mean "lang"?
      = help: it has id: integer, text: text, lang: text
    "#);
    insta::assert_snapshot!(wrong(r#"{ by = "column", column = "lang", cases = { en = "x" } }"#, ""), @r#"
    error: `route` has no `otherwise`
     --> pipeline.toml:8:9
      |
    8 | route = { by = "column", column = "lang", cases = { en = "x" } }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `otherwise` is missing
      |
      = help: add the step or sink for all other rows: `otherwise = "y"`
    "#);
}
