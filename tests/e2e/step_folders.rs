//! Folders of step crates in the place of components.

use std::path::Path;
use std::process::Command;

use crate::harness::{Folder, ROOT, outcome};

/// The command in the root of the repository. It builds into a folder that the next run of the tests uses too.
fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.current_dir(ROOT).env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/steps"));
    command
}

#[test]
fn the_clean_text_example_builds_and_runs_unchanged() {
    let folder = Folder::new();
    let output = folder.join("output.jsonl");
    let mut run = command(&folder);
    outcome(run.args(["run", "examples/clean-text/pipeline.toml", "--output"]).arg(&output)).succeeded();
    let expected = std::fs::read_to_string(format!("{ROOT}/examples/clean-text/expected.jsonl")).unwrap();
    assert!(folder.text("output.jsonl") == expected);

    // The steps have been built for the run.
    let built = outcome(command(&folder).args(["build", "steps/normalize-text", "steps/filter-text"])).succeeded();
    let names: Vec<_> = built.text().lines().map(|line| Path::new(line).file_name().unwrap()).collect();
    assert_eq!(names, ["normalize_text.wasm", "filter_text.wasm"]);
    assert!(built.text().lines().all(|line| Path::new(line).is_file()), "{}", built.text());
}
