//! The command line itself.

use stillbox_test_guests::{EVERY_TYPE, FILTER_TEXT, NAMED_COLUMNS, NORMALIZE_TEXT, TEXT_FEATURES};

use crate::benchmark::{SEED, clean, folder, input};
use crate::command::{Folder, outcome, outcome_with_input, pipeline};

/// Replaces what differs from run to run and from build to build.
macro_rules! snapshot {
    ($text:expr, @$expected:literal) => {
        insta::with_settings!({ filters => vec![
            (r"\d+(\.\d+)? (ms|s)\b", "[TIME]"),
            (r"[\d,]+ rows/s", "[RATE] rows/s"),
            (r"sha256:[0-9a-f]{64}", "[DIGEST]"),
            (r"[\d,]+ bytes", "[SIZE] bytes"),
            (r#""size": \d+"#, r#""size": [SIZE]"#),
            (r"  +", "  "),
        ] }, { insta::assert_snapshot!($text, @$expected) });
    };
}

#[test]
fn help_teaches() {
    let help = Folder::new().stillbox(["--help"]).succeeded();
    insta::assert_snapshot!(help.text(), @"");
    let help = Folder::new().stillbox(["run", "--help"]).succeeded();
    insta::assert_snapshot!(help.text(), @"");
}

#[test]
fn an_unknown_argument_has_a_suggestion() {
    insta::assert_snapshot!(Folder::new().stillbox(["run", "x.toml", "--thread", "2"]).failed(2), @"");
    insta::assert_snapshot!(Folder::new().stillbox(["rum"]).failed(2), @"");
    insta::assert_snapshot!(Folder::new().stillbox(["run", "x.toml", "--threads", "0"]).failed(2), @"");
}

#[test]
fn completions_are_there_for_every_shell() {
    for (shell, mark) in [("bash", "complete -F"), ("zsh", "#compdef stillbox"), ("fish", "complete -c stillbox"), ("powershell", "Register-ArgumentCompleter"), ("elvish", "edit:completion")] {
        let outcome = Folder::new().stillbox(["completions", shell]).succeeded();
        assert!(outcome.text().contains(mark) && outcome.text().contains("inspect"), "{shell}");
        assert_eq!(outcome.stderr, "", "{shell}");
    }
}

#[test]
fn a_run_ends_with_its_numbers() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 1_500));
    let run = folder.run(&clean("input.jsonl", "output.jsonl")).succeeded();
    assert_eq!(run.text(), "");
    snapshot!(run.stderr, @"");
}

#[test]
fn check_prints_the_graph_with_its_columns() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 10));
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml"]).succeeded();
    insta::assert_snapshot!(check.text(), @"");
    let check = folder.stillbox(["check", "pipeline.toml", "--json"]).succeeded();
    snapshot!(check.text(), @"");
    assert!(!folder.join("output.jsonl").exists());
}

#[test]
fn check_finds_what_run_would_find() {
    let folder = folder();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml"]).failed(2);
    let run = folder.stillbox(["run", "pipeline.toml"]).failed(2);
    assert_eq!(check, run);
}

#[test]
fn inspect_explains_a_step() {
    let folder = Folder::with(&[FILTER_TEXT, TEXT_FEATURES, EVERY_TYPE]);
    let inspect = folder.stillbox(["inspect", "filter_text.wasm"]).succeeded();
    snapshot!(inspect.text(), @"");
    let inspect = folder.stillbox(["inspect", "text_features.wasm", "--parameters", "{\"column\":\"c\"}"]).succeeded();
    snapshot!(inspect.text(), @"");
}

#[test]
fn inspect_speaks_json() {
    let folder = Folder::with(&[NAMED_COLUMNS, NORMALIZE_TEXT]);
    let arguments = ["inspect", "named_columns.wasm", "--json", "--parameters", r#"{"augend":"a","addend":"b"}"#];
    let inspect = folder.stillbox(arguments).succeeded();
    snapshot!(inspect.text(), @"");
    let refused = folder.stillbox(["inspect", "normalize_text.wasm", "--parameters", "{\"colum\":\"a\"}"]);
    insta::assert_snapshot!(refused.failed(2), @"");
}

#[test]
fn parameters_and_paths_can_be_replaced() {
    let folder = folder();
    folder.write("other.jsonl", "{\"id\":1,\"text\":\"A  b\"}\n{\"id\":2,\"text\":\"c\"}\n");
    folder.write("pipeline.toml", clean("input.jsonl", "output.jsonl"));
    let arguments = ["run", "pipeline.toml", "--input", "other.jsonl", "--output", "other.csv"];
    let set = ["--set", "filter.min-words=2", "--set", "filter.min-bytes=0", "--set", "features.column=text"];
    folder.stillbox(arguments.into_iter().chain(set)).succeeded();
    insta::assert_snapshot!(folder.text("other.csv"), @"");
    let wrong = ["--set", "fliter.min-words=2", "--set", "filter", "--output", "x.docx"];
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml"].into_iter().chain(wrong)).failed(2), @"");
}

#[test]
fn a_dash_is_standard_input_and_output() {
    let folder = folder();
    folder.write("pipeline.toml", pipeline("input.csv", &[], "output.csv"));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--input", "-", "--output", "-"]);
    let outcome = outcome_with_input(&mut command, b"{\"a\":1}\n{\"a\":2}\n").succeeded();
    insta::assert_snapshot!(outcome.text(), @"");
}

#[test]
fn what_is_no_terminal_gets_no_colours() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 100));
    let right = folder.run(&clean("input.jsonl", "output.jsonl")).succeeded();
    let wrong = folder.run(&clean("nothing.jsonl", "output.jsonl")).failed(2);
    for text in [right.stderr, wrong, folder.stillbox(["--help"]).text().to_owned()] {
        assert!(!text.contains('\x1b'), "{text}");
    }
}

#[test]
fn colours_can_be_forced_and_forbidden() {
    let folder = Folder::new();
    folder.write("pipeline.toml", pipeline("nothing.jsonl", &[], "output.jsonl"));
    let run = |variables: &[(&str, &str)]| {
        let variables = variables.iter().copied();
        outcome(folder.command().args(["run", "pipeline.toml"]).envs(variables)).failed(2)
    };
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains('\x1b'));
    assert!(!run(&[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!run(&[]).contains('\x1b'));
}

#[test]
fn a_build_of_what_is_no_crate_fails() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("empty")).unwrap();
    insta::assert_snapshot!(folder.stillbox(["build", "empty", "missing"]).failed(1), @"");
    insta::assert_snapshot!(folder.stillbox(["build"]).failed(2), @"");
}
