//! `--watch` of `run` and `test`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, KEEP_LONG};

use crate::harness::{Folder, end, outcome, pipeline, send, spawn, wait_until};

/// How long a test waits for a line before it fails. A round may build a step.
const DEADLINE: Duration = Duration::from_mins(3);

/// A command that runs with `--watch`, and the lines of its standard error.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = spawn(super::command(folder).args(arguments));
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Reads up to a line with a text, and returns all lines up to there.
    fn until(&mut self, text: &str) -> String {
        let mut output = String::new();
        while !output.contains(text) {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => output = output + &line + "\n",
                Err(error) => panic!("{text} does not come: {error}: {output}"),
            }
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

/// Waits for the end of rounds until the output has this text, and returns the output of the command. A change of several files
/// may cause several rounds.
fn rounds_until(watching: &mut Watching, folder: &Folder, text: &str) -> String {
    let mut output = String::new();
    while !folder.contains("output.jsonl") || folder.text("output.jsonl") != text {
        output += &watching.until("waiting for a change");
    }
    output
}

#[test]
fn watch_notices_an_input_that_an_editor_replaces() {
    let folder = Folder::with(&[KEEP_LONG]);
    let row = |text: &str| format!("{{\"text\":\"{text}{text}\"}}\n");
    folder.write("input.jsonl", row("a"));
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let mut watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    let replace = |from: &str, to: &str| fs::rename(folder.join(from), folder.join(to)).expect("it is in the folder");
    // Some editors rename a new file over the old one, others move the old one away first. Both happen twice.
    for (text, keeps_old) in [("b", false), ("c", true), ("d", false), ("e", true)] {
        folder.write(".new", row(text));
        if keeps_old {
            replace("input.jsonl", "input.jsonl~");
        }
        replace(".new", "input.jsonl");
        let output = rounds_until(&mut watching, &folder, &row(text));
        assert!(output.contains("changed: input.jsonl\n"), "{output}");
    }
    watching.interrupt();
}

#[test]
fn watch_notices_new_files_of_a_pattern_and_a_removed_folder() {
    let folder = Folder::with(&[KEEP_LONG]);
    let row = |text: &str| format!("{{\"text\":\"{text}{text}\"}}\n");
    folder.write("data/a.jsonl", row("a"));
    folder.write_pipeline(pipeline("data/*.jsonl", &["keep_long"], "output.jsonl"));
    let mut watching = Watching::start(&folder, &["run", "--watch", "pipeline.toml"]);
    watching.until("waiting for a change");
    folder.write("data/b.jsonl", row("b"));
    let output = rounds_until(&mut watching, &folder, &(row("a") + &row("b")));
    assert!(output.contains("changed: data/b.jsonl\n"), "{output}");

    fs::remove_dir_all(folder.join("data")).expect("it is there");
    watching.until("no file matches");
    // The folder is another one now.
    for text in ["c", "d"] {
        folder.write("data/c.jsonl", row(text));
        let output = rounds_until(&mut watching, &folder, &row(text));
        assert!(output.contains("changed: data/c.jsonl\n"), "{output}");
    }
    watching.interrupt();
}

#[test]
fn watch_notices_new_and_removed_cases_but_no_build_outputs() {
    let folder = Folder::new();
    let case = |name: &str, length: usize| {
        folder.write(&format!("step/cases/{name}/input.jsonl"), "{\"text\":\"ab\"}\n");
        let expected = format!("{{\"text\":\"ab\",\"length\":{length}}}\n");
        folder.write(&format!("step/cases/{name}/expected.jsonl"), expected);
    };
    case("one", 2);
    let mut watching = Watching::start(&folder, &["test", "--watch", "step", "--component", ADD_COLUMN]);
    watching.until("waiting for a change");
    // A change of one of these would be reported first.
    for made in ["target/debug/x", "__pycache__/x", ".venv/x", "out/CACHEDIR.TAG", "out/x", "src/lib.rs~"] {
        folder.write(&format!("step/{made}"), "made");
    }
    case("two", 3);
    let output = watching.until("1 passed, 1 failed");
    let is_of_case = |line: &str| line.starts_with("changed: step/cases/two/");
    assert!(output.lines().filter(|line| line.starts_with("changed: ")).all(is_of_case), "{output}");

    fs::remove_dir_all(folder.join("step/cases/two")).expect("it is there");
    watching.until("1 passed in");
    watching.interrupt();
}
