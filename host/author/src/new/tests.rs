//! Tests of which folders are created. End-to-end tests build and test their contents.

use std::fs;

use super::*;

fn step(folder: PathBuf) -> NewStep {
    NewStep { folder, ..NewStep::default() }
}

#[test]
fn what_is_there_is_not_touched() {
    let around = tempfile::tempdir().expect("there is room");
    let folder = around.path().join("count-words");
    fs::create_dir(&folder).expect("there is room");
    let error = step(folder.clone()).make().expect_err("it is there");
    assert!(matches!(error, NewError::Exists { .. }), "{error}");
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0);
}

#[test]
fn every_place_in_a_template_is_filled() {
    let around = tempfile::tempdir().expect("there is room");
    for language in [Language::Rust, Language::Python, Language::JavaScript] {
        for (name, template) in [
            ("one", StepTemplate::Transform),
            ("two", StepTemplate::Filter),
            ("three", StepTemplate::Expand),
            ("four", StepTemplate::Source),
            ("five", StepTemplate::Aggregate),
        ] {
            let folder = around.path().join(format!("{name}-{language:?}").to_lowercase());
            let made = NewStep { language, template, ..step(folder.clone()) }.make().expect("nothing is there");
            let text = fs::read_to_string(made.source).expect("it was written");
            assert!(!text.contains("{{") && text.len() > 100, "{text}");
            let readme = fs::read_to_string(folder.join("README.md")).expect("it was written");
            assert!(!readme.contains("{{"), "{readme}");
            assert_eq!(readme.contains("input.jsonl"), folder.join("cases/first/input.jsonl").exists(), "{readme}");
        }
    }
}

#[test]
fn comments_of_manifests_follow_values_of_any_length() {
    let around = tempfile::tempdir().expect("there is room");
    // The crate is not part of the workspace, so its manifest has a comment more.
    fs::write(around.path().join("Cargo.toml"), "[workspace]\n").expect("there is room");
    for (language, file) in [(Language::Rust, "Cargo.toml"), (Language::Python, "pyproject.toml")] {
        for name in ["short", "a-name-that-is-much-longer-than-usual"] {
            let folder = around.path().join(format!("{language:?}-{name}").to_lowercase());
            NewStep { language, ..step(folder.clone()) }.make().expect("nothing is there");
            let read = |file| fs::read_to_string(folder.join(file)).expect("it was written");
            let texts = [read(file), read("pipeline.toml")].concat();
            let before: Vec<_> = texts.lines().filter_map(|line| Some(line.split_once('#')?.0)).collect();
            assert!(before.len() >= 3, "{texts}");
            for text in before {
                assert_eq!(text.len() - text.trim_end().len(), 2, "{texts}");
            }
        }
    }
}

#[test]
fn a_crate_inside_another_workspace_is_one_of_its_own() {
    let around = tempfile::tempdir().expect("there is room");
    fs::write(around.path().join("Cargo.toml"), "[workspace]\nmembers = [\"steps/*\"]\n").expect("there is room");
    let manifest = |path: &str| {
        step(around.path().join(path)).make().expect("nothing is there");
        fs::read_to_string(around.path().join(path).join("Cargo.toml")).expect("it was written")
    };
    assert!(manifest("mine/count-words").contains("\n[workspace]"));
    assert!(!manifest("steps/count-words").contains("\n[workspace]"));
}
