//! Habits of continuous integration: `CI=true`, `--no-build`, `--quiet`, and the same exit code for the same cause.

use std::fs;
use std::path::Path;

use stillbox_test_guests::{ADD_COLUMN, KEEP_LONG};

use crate::harness::{Folder, Outcome, PipelineFile, ROOT, Table, component_step, outcome, paths, redact, step};

/// A folder with a step that does not compile: its manifest has no package, which is noticed without cargo.
fn with_broken_step() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("broken/Cargo.toml", "[workspace]\n");
    folder.write("broken/cases/one/input.jsonl", "{\"text\":\"a\"}\n");
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(broken()));
    folder
}

fn broken() -> Table {
    component_step("broken", "broken")
}

/// The commands that build a folder by themselves.
const COMMANDS: [&[&str]; 5] = [
    &["run", "pipeline.toml"],
    &["check", "pipeline.toml"],
    &["test", "broken"],
    &["pipe", "broken"],
    &["inspect", "broken"],
];

#[test]
fn a_step_that_does_not_compile_is_exit_code_2_everywhere() {
    let folder = with_broken_step();
    for command in COMMANDS.into_iter().chain([&["build", "broken"][..], &["lock", "pipeline.toml"]]) {
        let message = folder.stillbox(command.iter().copied()).failed(2);
        assert!(message.contains("Cargo.toml` has no [package]"), "{command:?}: {message}");
    }
}

#[test]
fn no_build_rejects_folders_in_every_command() {
    let folder = with_broken_step();
    for command in COMMANDS.into_iter().chain([&["lock", "pipeline.toml"][..]]) {
        let message = folder.stillbox(command.iter().copied().chain(["--no-build"])).failed(2);
        assert!(message.contains("`broken` is a folder, and `--no-build` rejects folders"), "{command:?}: {message}");
        assert!(!message.contains("Building"), "{message}");
    }
    folder.run_with(PipelineFile::new().add(step("add_column")), ["--no-build"]).succeeded();
}

#[test]
fn continuous_integration_points_out_folders_that_are_built() {
    let folder = with_broken_step();
    let warning = "warning: building `broken` runs its build scripts on this machine, outside of the sandbox";
    for command in COMMANDS {
        let in_ci = outcome(folder.command().args(command).env("CI", "true")).failed(2);
        assert!(in_ci.contains(warning), "{command:?}: {in_ci}");
        let elsewhere = folder.stillbox(command.iter().copied()).failed(2);
        assert!(!elsewhere.contains("warning"), "{command:?}: {elsewhere}");
    }
    let arguments = ["run", "pipeline.toml", "--message-format", "json"];
    let events = outcome(folder.command().args(arguments).env("CI", "true")).json_lines();
    assert!(events.iter().any(|event| event["event"] == "warning"), "{events:?}");
}

#[test]
fn continuous_integration_points_out_components_without_a_lock() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(step("add_column")).add(step("keep_long")));
    let run = |arguments: &[&str]| {
        let mut command = folder.command();
        outcome(command.args(["run", "pipeline.toml", "--quiet"]).args(arguments).env("CI", "true")).succeeded().stderr
    };
    insta::assert_snapshot!(run(&[]), @"warning: `add_column.wasm` and 1 more is not built from source, and no lock is checked; review it, run `stillbox lock pipeline.toml`, and add `--locked`");
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    insta::assert_snapshot!(run(&[]), @"warning: `add_column.wasm` and 1 more is not built from source, and no lock is checked; add `--locked`");
    assert_eq!(run(&["--locked"]), "");
}

#[test]
fn quiet_prints_errors_and_results_only() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    assert_eq!(folder.run_with(PipelineFile::new().add(step("add_column")), ["-q"]).succeeded().stderr, "");
    assert_eq!(folder.stillbox(["lock", "pipeline.toml", "--quiet"]).succeeded().stderr, "");
    folder.write("add/cases/good/input.jsonl", "{\"text\":\"a\"}\n");
    folder.write("add/cases/good/expected.jsonl", "{\"text\":\"a\",\"length\":1}\n");
    let test = |folder: &Folder| folder.stillbox(["test", "add", "--component", "add_column.wasm", "--quiet"]);
    assert_eq!(test(&folder).succeeded().stderr, "");
    folder.write("add/cases/bad/input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("add/cases/bad/expected.jsonl", "{\"text\":\"ab\",\"length\":1}\n");
    let _redacted = redact([(r"(?m)(-> \d+ rows), .*", "$1")]);
    insta::assert_snapshot!(test(&folder).failed(1), @r#"
          FAIL add/bad  1 -> 1 rows

    FAIL add/bad
      add/cases/bad/expected.jsonl:1, row 1, column "length"
        - 1
        + 2
    "#);
    folder.stillbox(["run", "pipeline.toml", "--quiet", "--verbose"]).failed(2);

    fs::remove_file(folder.join("input.jsonl")).expect("it was written");
    let _paths = redact(paths());
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml", "--quiet"]).failed(2), @r#"
    error: input.jsonl: cannot open this input
     --> pipeline.toml:5:8
      |
    5 | path = "input.jsonl"
      |        ^^^^^^^^^^^^^
      |
      = caused by: No such file or directory (os error 2)
    "#);
}

/// Runs the script of `examples/ci` in a folder.
fn script(folder: &Folder) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_stillbox")).parent().expect("it is a file");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("there are programs"));
    let script = format!("exec {ROOT}/examples/ci/run.sh pipeline.toml");
    outcome(folder.shell(&script).env("PATH", path))
}

#[test]
fn the_script_of_the_example_runs_locked_components_and_writes_reports() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(step("add_column")));
    assert!(script(&folder).failed(2).contains("there is no lock"));
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    assert_eq!(script(&folder).succeeded().stderr, "");
    assert!(folder.text("report.html").contains("<b>Passed</b>"));
    assert!(folder.text("report.xml").contains("failures=\"0\""));
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"\"}\n");
    assert!(script(&folder).failed(1).contains("the text has no length"));
    assert!(folder.text("report.html").contains("<b>Failed</b>"));
}

#[test]
fn the_jobs_of_the_example_run_the_script_and_keep_its_reports() {
    for (file, kept) in [("github.yml", &["report.html"][..]), ("gitlab.yml", &["report.html", "report.xml"])] {
        let text = fs::read_to_string(format!("{ROOT}/examples/ci/{file}")).expect("it is there");
        assert!(text.contains("examples/ci/run.sh pipeline.toml"), "{file}");
        assert!(kept.iter().all(|report| text.contains(report)), "{file}");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert!(lines.into_iter().all(|line| !line.contains('\t')), "{file} is YAML, which has no tabs");
    }
}
