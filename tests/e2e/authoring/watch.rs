//! `--watch`: something again whenever what it depends on changes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr};

use rustix::process::{Pid, Signal, kill_process};
use stillbox_test_guests::{BAD_LOOP, KEEP_LONG};

use crate::harness::{Folder, outcome, pipeline, spawn};

/// A command that watches, and what it says.
struct Watching {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Watching {
    fn begin(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = spawn(super::command(folder).args(arguments));
        let lines = BufReader::new(child.stderr.take().expect("it is piped"));
        Self { child, lines }
    }

    /// Reads up to a line with a text, and returns all that was said until then.
    fn until(&mut self, text: &str) -> String {
        let mut said = String::new();
        while !said.contains(text) {
            assert_ne!(self.lines.read_line(&mut said).expect("it is text"), 0, "it ended: {said}");
        }
        said
    }

    fn interrupted(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a process has a small number")).expect("and not 0");
        kill_process(pid, Signal::INT).expect("the command is running");
        assert_eq!(self.child.wait().expect("it can be waited for").code(), Some(130));
    }
}

#[test]
fn watch_runs_a_pipeline_again_when_its_input_or_file_changes() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let mut watching = Watching::begin(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"ab\"}\n");

    folder.write("input.jsonl", "{\"text\":\"abc\"}\n");
    let said = watching.until("waiting for a change");
    assert!(said.contains("changed: input.jsonl"), "{said}");
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"abc\"}\n");

    folder.write("pipeline.toml", "[pipeline]\nname = \"test\"\n");
    let said = watching.until("waiting for a change");
    assert!(said.contains("the pipeline has no [[source]]"), "{said}");

    folder.write("pipeline.toml", pipeline("input.jsonl", &["keep_long"], "other.jsonl"));
    watching.until("waiting for a change");
    assert_eq!(folder.text("other.jsonl"), "{\"text\":\"abc\"}\n");
    watching.interrupted();
}

#[test]
fn watch_interrupts_a_run_when_its_input_changes() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let mut watching = Watching::begin(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":3}\n");
    watching.until("changed: input.jsonl");
    // The step loops at this row, for as long as its time limit, unless the change ends it.
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":2}\n");
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl").lines().count(), 3);
    watching.interrupted();
}

#[test]
fn ctrl_c_ends_watch_in_the_middle_of_a_run() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let watching = Watching::begin(&folder, &["run", "--watch", "pipeline.toml"]);
    // Hidden files of the output are made when the run begins.
    while folder.names().len() < 4 {
        std::thread::yield_now();
    }
    watching.interrupted();
}

#[test]
fn watch_runs_cases_again_when_they_change() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("step/cases/one")).unwrap();
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("step/cases/one/expected.jsonl", "{\"text\":\"a\"}\n");
    let mut watching = Watching::begin(&folder, &["test", "--watch", "step", "--component", KEEP_LONG]);
    let said = watching.until("waiting for a change");
    assert!(said.contains("1 failed"), "{said}");
    folder.write("step/cases/one/expected.jsonl", "{\"text\":\"ab\"}\n");
    let said = watching.until("waiting for a change");
    assert!(said.contains("changed: step/cases/one/expected.jsonl") && said.contains("1 passed"), "{said}");
    watching.interrupted();
}

#[test]
fn watch_rebuilds_and_tests_a_step_when_its_source_changes() {
    let folder = Folder::new();
    outcome(super::command(&folder).args(["new", "count-watched"])).succeeded();
    let source = folder.text("count-watched/src/lib.rs");
    let mut watching = Watching::begin(&folder, &["test", "--watch", "count-watched"]);
    let said = watching.until("waiting for a change");
    assert!(said.contains("1 passed"), "{said}");

    let other = source.replace(".filter(long).count()", ".filter(long).count() + 1");
    assert_ne!(other, source);
    folder.write("count-watched/src/lib.rs", other);
    let said = watching.until("waiting for a change");
    assert!(said.contains("changed: count-watched/src/lib.rs") && said.contains("Building count-watched"), "{said}");
    assert!(said.contains("1 failed"), "{said}");

    folder.write("count-watched/src/lib.rs", source);
    let said = watching.until("waiting for a change");
    assert!(said.contains("1 passed"), "{said}");
    watching.interrupted();
}

#[test]
fn watch_notices_a_change_during_the_first_run() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_loop"], "output.jsonl"));
    let mut watching = Watching::begin(&folder, &["run", "--watch", "pipeline.toml"]);
    // Hidden files of the output are made when the run begins; it then loops for as long as its time limit.
    while folder.names().len() < 4 {
        std::thread::yield_now();
    }
    folder.write("input.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    let said = watching.until("changed: input.jsonl");
    assert!(!said.contains("waiting for a change"), "{said}");
    watching.until("waiting for a change");
    assert_eq!(folder.text("output.jsonl").lines().count(), 2);
    watching.interrupted();
}

#[test]
fn watch_ignores_files_that_update_wrote() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("step/cases/one")).unwrap();
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"ab\"}\n");
    let mut watching = Watching::begin(&folder, &["test", "--watch", "--update", "step", "--component", KEEP_LONG]);
    let said = watching.until("waiting for a change");
    assert!(said.contains("Updated step/cases/one/expected.jsonl"), "{said}");
    // The next change that is told is this one, and not what was written before.
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"abc\"}\n");
    let said = watching.until("waiting for a change");
    assert!(said.contains("changed: step/cases/one/input.jsonl"), "{said}");
    assert_eq!(said.matches("changed: ").count(), 1, "{said}");
    folder.write("step/cases/one/parameters.toml", "min-bytes = 9\n");
    let said = watching.until("waiting for a change");
    assert!(said.contains("changed: step/cases/one/parameters.toml"), "{said}");
    assert_eq!(said.matches("changed: ").count(), 1, "{said}");
    watching.interrupted();
}
