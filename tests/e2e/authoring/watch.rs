//! `--watch` of `run` and `test`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr};

use rustix::process::Signal;
use stillbox_test_guests::{BAD_LOOP, KEEP_LONG};

use crate::harness::{Folder, end, outcome, pipeline, send, spawn, wait_until};

/// A command that runs with `--watch`, and its standard error.
struct Watching {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Watching {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = spawn(super::command(folder).args(arguments));
        let lines = BufReader::new(child.stderr.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Reads up to a line with a text, and returns all lines up to there.
    fn until(&mut self, text: &str) -> String {
        let mut output = String::new();
        while !output.contains(text) {
            assert_ne!(self.lines.read_line(&mut output).expect("it is text"), 0, "it ended: {output}");
        }
        output
    }

    fn interrupt(self) {
        send(&self.child, Signal::INT);
        assert_eq!(end(self.child), Some(130));
    }
}

#[test]
fn watch_runs_a_pipeline_again_when_its_input_or_file_changes() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let mut watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"ab\"}\n");

    folder.write("input.jsonl", "{\"text\":\"abc\"}\n");
    let output = watching.until("waiting for a change");
    assert!(output.contains("changed: input.jsonl"), "{output}");
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"abc\"}\n");

    folder.write("pipeline.toml", "[pipeline]\nname = \"test\"\n");
    let output = watching.until("waiting for a change");
    assert!(output.contains("the pipeline has no [[source]]"), "{output}");

    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "other.jsonl"));
    watching.until("waiting for a change");
    assert_eq!(folder.text("other.jsonl"), "{\"text\":\"abc\"}\n");
    watching.interrupt();
}

#[test]
fn watch_interrupts_a_run_when_its_input_changes() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let mut watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":3}\n");
    watching.until("changed: input.jsonl");
    // The step loops at the second row until its time limit, unless the change ends it.
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":2}\n");
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl").lines().count(), 3);
    watching.interrupt();
}

#[test]
fn ctrl_c_ends_watch_in_the_middle_of_a_run() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    // The run creates a hidden file for its output when it starts.
    wait_until("the run has started", || folder.names().len() >= 4);
    watching.interrupt();
}

#[test]
fn watch_runs_cases_again_when_they_change() {
    let folder = Folder::new();
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("step/cases/one/expected.jsonl", "{\"text\":\"a\"}\n");
    let mut watching = Watching::start(&folder, &["test", "--watch", "step", "--component", KEEP_LONG]);
    let output = watching.until("waiting for a change");
    assert!(output.contains("1 failed"), "{output}");
    folder.write("step/cases/one/expected.jsonl", "{\"text\":\"ab\"}\n");
    let output = watching.until("waiting for a change");
    assert!(output.contains("changed: step/cases/one/expected.jsonl") && output.contains("1 passed"), "{output}");
    watching.interrupt();
}

#[test]
fn watch_rebuilds_and_tests_a_step_when_its_source_changes() {
    let folder = Folder::new();
    outcome(super::command(&folder).args(["new", "count-watched"])).succeeded();
    let source = folder.text("count-watched/src/lib.rs");
    let mut watching = Watching::start(&folder, &["test", "--watch", "count-watched"]);
    let output = watching.until("waiting for a change");
    assert!(output.contains("1 passed"), "{output}");

    let other = source.replace(".filter(long).count()", ".filter(long).count() + 1");
    assert_ne!(other, source);
    folder.write("count-watched/src/lib.rs", other);
    let output = watching.until("waiting for a change");
    assert!(
        output.contains("changed: count-watched/src/lib.rs") && output.contains("Building count-watched"),
        "{output}"
    );
    assert!(output.contains("1 failed"), "{output}");

    folder.write("count-watched/src/lib.rs", source);
    let output = watching.until("waiting for a change");
    assert!(output.contains("1 passed"), "{output}");
    watching.interrupt();
}

#[test]
fn watch_notices_a_change_during_the_first_run() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let mut watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    // The run creates a hidden file for its output when it starts, and loops until its time limit.
    wait_until("the run has started", || folder.names().len() >= 4);
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    let output = watching.until("changed: input.jsonl");
    assert!(!output.contains("waiting for a change"), "{output}");
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl").lines().count(), 2);
    watching.interrupt();
}

#[test]
fn watch_ignores_files_that_update_wrote() {
    let folder = Folder::new();
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"ab\"}\n");
    let mut watching = Watching::start(&folder, &["test", "--watch", "--update", "step", "--component", KEEP_LONG]);
    let output = watching.until("waiting for a change");
    assert!(output.contains("Updated step/cases/one/expected.jsonl"), "{output}");
    // The next reported change is this one, and not the file that `--update` wrote.
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"abc\"}\n");
    let output = watching.until("waiting for a change");
    assert!(output.contains("changed: step/cases/one/input.jsonl"), "{output}");
    assert_eq!(output.matches("changed: ").count(), 1, "{output}");
    folder.write("step/cases/one/parameters.toml", "min-bytes = 9\n");
    let output = watching.until("waiting for a change");
    assert!(output.contains("changed: step/cases/one/parameters.toml"), "{output}");
    assert_eq!(output.matches("changed: ").count(), 1, "{output}");
    watching.interrupt();
}
