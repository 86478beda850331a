//! `stillbox new`: the steps that it creates build, pass their case and run.

use std::fs;

use super::command;
use crate::harness::{Folder, outcome, paths, redact};

const KINDS: [&str; 5] = ["transform", "filter", "expand", "source", "aggregate"];

/// The largest size of a new step in Rust.
const MAX_NEW_STEP_BYTES: u64 = 300_000;

/// Creates a step of each kind.
fn create(folder: &Folder, language: &str) -> Vec<String> {
    let create = |kind: &&str| {
        let name = format!("steps/my-{kind}");
        outcome(command(folder).args(["new", &name, "--lang", language, "--kind", kind])).succeeded();
        name
    };
    KINDS.iter().map(create).collect()
}

fn run(folder: &Folder, step: &str) -> String {
    outcome(command(folder).args(["run", &format!("{step}/pipeline.toml")])).succeeded();
    folder.text(&format!("{step}/output.jsonl"))
}

#[test]
fn every_kind_of_new_rust_step_builds_passes_its_case_and_runs() {
    let folder = Folder::new();
    let steps = create(&folder, "rust");
    let tested = outcome(command(&folder).arg("test").args(&steps)).succeeded();
    assert!(tested.stderr.contains("Summary 5 passed"), "{}", tested.stderr);
    for step in &steps {
        assert_eq!(run(&folder, step), folder.text(&format!("{step}/cases/first/expected.jsonl")));
    }
    let built = outcome(command(&folder).args(["build", &steps[0]])).succeeded();
    let size = fs::metadata(built.text().trim_end()).unwrap().len();
    assert!(size < MAX_NEW_STEP_BYTES, "{size} bytes");
    let described = outcome(command(&folder).args(["inspect", &steps[0]])).succeeded();
    assert!(described.text().contains("\nlanguage  rust, with the SDK 0.1.0\n"), "{}", described.text());
}

#[test]
fn every_kind_of_new_python_step_builds_passes_its_case_and_runs() {
    let folder = Folder::new();
    let steps = create(&folder, "python");
    // Nothing is installed: the first build makes an environment.
    let tested = outcome(command(&folder).arg("test").args(&steps)).succeeded();
    assert!(tested.stderr.contains("Summary 5 passed"), "{}", tested.stderr);
    assert_eq!(run(&folder, "steps/my-expand"), folder.text("steps/my-expand/cases/first/expected.jsonl"));
    let built = folder.join("steps/my-expand/build/my-expand.wasm");
    let described = outcome(command(&folder).arg("inspect").arg(&built)).succeeded();
    assert!(described.text().contains("\nlanguage  python, with the SDK 0.1.0\n"), "{}", described.text());
    // The output of the first run is not part of the step.
    let modified = || fs::metadata(&built).unwrap().modified().unwrap();
    let before = modified();
    run(&folder, "steps/my-expand");
    assert_eq!(modified(), before);
}

#[test]
fn new_prints_the_next_commands() {
    let _redacted = redact(paths());
    let folder = Folder::new();
    let created = outcome(command(&folder).args(["new", "count-words"])).succeeded();
    insta::assert_snapshot!(format!("{}{}", created.text(), created.stderr), @"
    count-words/src/lib.rs

    Write the step in this file, and then:
      stillbox test count-words
      stillbox run count-words/pipeline.toml
    ");
    let created = outcome(command(&folder).args(["new", "count-words-too", "--lang", "python"])).succeeded();
    insta::assert_snapshot!(format!("{}{}", created.text(), created.stderr), @"
    count-words-too/count_words_too.py

    Write the step in this file, and then:
      stillbox test count-words-too
      stillbox run count-words-too/pipeline.toml
    ");
}

#[test]
fn new_quotes_paths_in_the_commands_that_it_prints() {
    let _redacted = redact(paths());
    let folder = Folder::new();
    fs::create_dir(folder.join("my steps")).unwrap();
    let created = outcome(command(&folder).args(["new", "my steps/a", "--lang", "python"])).succeeded();
    insta::assert_snapshot!(created.stderr, @"

    Write the step in this file, and then:
      stillbox test 'my steps/a'
      stillbox run 'my steps/a/pipeline.toml'
    ");
}

#[test]
fn new_rejects_invalid_and_existing_names() {
    let folder = Folder::new();
    let rejected = |arguments: &[&str]| outcome(command(&folder).arg("new").args(arguments)).failed(2);
    insta::assert_snapshot!(rejected(&["Count Words"]), @"
    error: `Count Words` is not a valid name of a step: it has 'C' in it; a name has lower-case letters, digits and `-`, such as `count-words`
    ");
    insta::assert_snapshot!(rejected(&["match"]), @"
    error: `match` is not a valid name of a step: it is a word that Rust or cargo uses itself; a name has lower-case letters, digits and `-`, such as `match-step`
    ");
    insta::assert_snapshot!(rejected(&["json", "--lang", "python"]), @"
    error: `json` is not a valid name of a step: it is a word or a module of Python; a name has lower-case letters, digits and `-`, such as `json-step`
    ");
    insta::assert_snapshot!(rejected(&["row", "--kind", "source"]), @"
    error: `row` is not a valid name of a step: it is a name that the code of a new step has for something else; a name has lower-case letters, digits and `-`, such as `row-step`
    ");
    insta::assert_snapshot!(rejected(&["."]), @"
    error: `.` is not the name of a new folder: give a path that does not exist yet, such as `count-words`
    ");
    insta::assert_snapshot!(rejected(&["a", "--sdk", "nowhere"]), @"
    error: `nowhere` is not the SDK: give the folder `guest-sdk` of a clone of Stillbox
    ");
    folder.write("taken", "");
    insta::assert_snapshot!(rejected(&["taken"]), @"
    error: `taken` already exists; choose another name, or remove it first
    ");
    assert_eq!(folder.names(), ["taken"]);
}
