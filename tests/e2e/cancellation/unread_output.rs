//! Signals while nobody reads what the command says: they end it all the same, and nothing is left behind.

use std::fs;
use std::io::{self, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, TURN_AROUND};

use crate::cancellation::{end, send};
use crate::harness::{Folder, in_batches, pipeline, spawn};

/// A pipe with no room in it, and its reader, which has to live for as long as nobody is to read.
fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    fill(&writer);
    (reader, writer.into())
}

/// Leaves no room in a pipe, to which nobody else is writing.
pub(crate) fn fill(mut pipe: &PipeWriter) {
    let flags = fcntl_getfl(pipe).expect("it is open");
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).expect("as above");
    while pipe.write(b"x").is_ok() {}
    fcntl_setfl(pipe, flags).expect("as above");
}

/// Reads events until one of this name.
fn wait_for(name: &str, events: &mut impl io::BufRead) {
    let mut line = String::new();
    while !line.contains(&format!("\"event\":\"{name}\"")) {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("events are text"), 0, "the run did not begin");
    }
}

#[test]
fn a_signal_ends_a_run_whose_events_are_not_read() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"some text\",\"id\":1}\n".repeat(50_000));
    let text = pipeline("input.jsonl", &["add_column"], "output.jsonl");
    folder.write("pipeline.toml", in_batches(1, &text));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml", "--message-format", "json"]));
    let mut events = BufReader::with_capacity(1, child.stdout.take().expect("it is piped"));
    wait_for("progress", &mut events);
    // Events come faster than they could be read, and the last lines of a full pipe may not fit.
    while rustix::io::ioctl_fionread(events.get_ref()).expect("it is a pipe") < 56 << 10 {
        std::thread::yield_now();
    }
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert_eq!(folder.names(), ["add_column.wasm", "input.jsonl", "pipeline.toml"]);
    drop(events);
}

#[test]
fn a_signal_ends_a_run_whose_standard_error_is_full() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
    let text = pipeline("input.jsonl", &["bad_loop"], "output.jsonl");
    folder.write("pipeline.toml", in_batches(1, &text));
    let (reader, stderr) = full_pipe();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().expect("the command can be run");
    let mut events = BufReader::new(child.stdout.take().expect("it is piped"));
    wait_for("progress", &mut events);
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    assert_eq!(folder.names(), ["bad_loop.wasm", "input.jsonl", "pipeline.toml"]);
    drop(reader);
}

#[test]
fn a_signal_leaves_whole_rows_for_a_slow_reader() {
    let folder = Folder::with(&[ADD_COLUMN]);
    // Rows that neither pages nor batches are a multiple of.
    folder.write("input.jsonl", format!("{{\"text\":\"{}\",\"id\":1}}\n", "a".repeat(701)).repeat(20_000));
    let text = pipeline("input.jsonl", &["add_column"], "-");
    folder.write("pipeline.toml", format!("{text}format = \"jsonl\"\n"));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]));
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut read = vec![0; 10_000];
    stdout.read_exact(&mut read).expect("there is output");
    let mut stderr = child.stderr.take().expect("it is piped");
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    stdout.read_to_end(&mut read).expect("the pipe can be read");
    assert_eq!(read.last(), Some(&b'\n'), "a row was cut");
    let rows = read.split_inclusive(|byte| *byte == b'\n').count();
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("it is text");
    // A run that is too busy to end in good order says nothing.
    if let Some((said, _)) = said.split_once(" rows are on the standard output") {
        let said: usize = said.rsplit(' ').next().unwrap_or(said).replace(',', "").parse().expect("it is a number");
        assert!(said <= rows && rows - said < 6, "{said} rows were counted, and {rows} came: more than the last piece");
    }
}

#[test]
fn a_second_signal_removes_spilled_rows() {
    let folder = Folder::with(&[BAD_LOOP, TURN_AROUND, ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":0,\"text\":\"a\"}\n{\"id\":3,\"text\":\"b\"}\n");
    let text = pipeline("input.jsonl", &["bad_loop", "turn_around", "add_column"], "output.jsonl");
    folder.write("pipeline.toml", in_batches(1, &text));
    let mut command = folder.command();
    let mut child = spawn(command.args(["run", "pipeline.toml", "--message-format", "json", "--grace", "1h"]));
    let mut events = BufReader::new(child.stdout.take().expect("it is piped"));
    wait_for("progress", &mut events);
    let within = |path: &Path| -> Vec<_> {
        fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("it is there").path()).collect()
    };
    let kept = || {
        let runs = within(folder.state()).into_iter().flat_map(|pipeline| within(&pipeline));
        runs.flat_map(|run| within(&run)).filter(|path| path.extension().is_some_and(|ending| ending == "rows")).count()
    };
    assert_eq!(kept(), 1, "nothing is kept, and there is nothing to test");
    // Two of one number might be taken for one.
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    let code = end(child);
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    assert_eq!(kept(), 0);
}

/// There is no room for the line that would be said of it.
#[test]
fn a_second_signal_ends_a_run_whose_standard_error_is_full() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
    let text = pipeline("input.jsonl", &["bad_loop"], "output.jsonl");
    folder.write("pipeline.toml", text.replace("[[source]]", "batch-rows = 1\n\n[[source]]"));
    let (reader, stderr) = full_pipe();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--grace", "1h"]);
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the command can be run");
    let mut events = BufReader::new(child.stdout.take().expect("it is piped"));
    wait_for("progress", &mut events);
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    let code = end(child);
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    drop(reader);
}
