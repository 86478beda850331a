//! The library as a program uses it: the example, run.

#[path = "../../host/examples/clean_text.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod clean_text;

use crate::benchmark::{SEED, clean, cleaned, folder, input};

#[test]
fn the_example_runs_a_pipeline() {
    let rows = input(SEED, 1_200);
    let folder = folder();
    folder.write("input.jsonl", &rows);
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let kept = clean_text::run(&folder.join("pipeline.toml"), &folder.join("elsewhere.jsonl")).unwrap();
    assert_eq!(kept, cleaned(&rows).len() as u64);
    assert_eq!(folder.text("elsewhere.jsonl").lines().count() as u64, kept);
    assert!(!folder.join("output.jsonl").exists());
}

#[test]
fn the_example_returns_what_is_wrong() {
    let folder = folder();
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let error = clean_text::run(&folder.join("pipeline.toml"), &folder.join("output.jsonl")).unwrap_err();
    let message = error.to_string().replace(&folder.path().display().to_string(), "[DIR]");
    insta::assert_snapshot!(message, @"[DIR]/pipeline.toml:6:8: [DIR]/input.jsonl: cannot open this input: No such file or directory (os error 2)");
}
