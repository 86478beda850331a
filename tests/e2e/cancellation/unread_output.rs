//! Signals while the output of the command is not read: they end it, and no files are left.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP, TURN_AROUND};

use crate::harness::{Events, Folder, PipelineFile, end, full_pipe, pipeline, send, sink, spawn, step, wait_until};

#[test]
fn a_signal_ends_a_run_whose_events_are_not_read() {
    ends_unread(Signal::INT, 130);
}

/// The snapshot cannot be shown.
#[test]
fn sigquit_ends_a_run_whose_events_are_not_read() {
    ends_unread(Signal::QUIT, 131);
}

fn ends_unread(signal: Signal, code: i32) {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"some text\",\"id\":1}\n".repeat(50_000));
    folder.write_pipeline(pipeline("input.jsonl", &["add_column"], "output.jsonl").batch_rows(1));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml", "--message-format", "json"]));
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    // A pipe holds 64 KiB. It counts as full from 56 KiB on, because the next lines may not fit.
    wait_until("the pipe is full", || rustix::io::ioctl_fionread(events.pipe()).expect("it is a pipe") >= 56 << 10);
    send(&child, signal);
    assert_eq!(end(child), Some(code));
    assert_eq!(folder.names(), ["add_column.wasm", "input.jsonl", "pipeline.toml"]);
    drop(events);
}

#[test]
fn a_signal_ends_a_run_whose_standard_error_is_full() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl").batch_rows(1));
    let (reader, stderr) = full_pipe();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().expect("the command can be run");
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    assert_eq!(folder.names(), ["bad_loop.wasm", "input.jsonl", "pipeline.toml"]);
    drop(reader);
}

#[test]
fn a_signal_leaves_whole_rows_for_a_slow_reader() {
    let folder = Folder::with(&[ADD_COLUMN]);
    // Neither a page nor a batch is a multiple of such a row.
    folder.write("input.jsonl", format!("{{\"text\":\"{}\",\"id\":1}}\n", "a".repeat(701)).repeat(20_000));
    folder.write_pipeline(PipelineFile::new().add(step("add_column")).add(sink("-").format("jsonl")));
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
    let mut message = String::new();
    stderr.read_to_string(&mut message).expect("it is text");
    // A run that is too busy to end in order prints nothing.
    if let Some((counted, _)) = message.split_once(" rows are on the standard output") {
        let counted: usize =
            counted.rsplit(' ').next().unwrap_or(counted).replace(',', "").parse().expect("it is a number");
        assert!(
            counted <= rows && rows - counted < 6,
            "{counted} rows were counted, and {rows} came: more than the last piece"
        );
    }
}

#[test]
fn a_second_signal_removes_spilled_rows() {
    let folder = Folder::with(&[BAD_LOOP, TURN_AROUND, ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":0,\"text\":\"a\"}\n{\"id\":3,\"text\":\"b\"}\n");
    folder.write_pipeline(
        pipeline("input.jsonl", &["bad_loop", "turn_around", "add_column"], "output.jsonl").batch_rows(1),
    );
    let mut command = folder.command();
    let mut child = spawn(command.args(["run", "pipeline.toml", "--message-format", "json", "--grace", "1h"]));
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    let within = |path: &Path| -> Vec<_> {
        fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("it exists").path()).collect()
    };
    let spilled = || {
        let runs = within(folder.state()).into_iter().flat_map(|pipeline| within(&pipeline));
        runs.flat_map(|run| within(&run)).filter(|path| path.extension().is_some_and(|ending| ending == "rows")).count()
    };
    assert_eq!(spilled(), 1, "no rows are spilled, so there is nothing to test");
    // Two signals of one number may be delivered as one.
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    let code = end(child);
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    assert_eq!(spilled(), 0);
}

/// The pipe has no room for the line about the signal.
#[test]
fn a_second_signal_ends_a_run_whose_standard_error_is_full() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":3}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["bad_loop"], "output.jsonl").batch_rows(1));
    let (reader, stderr) = full_pipe();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--grace", "1h"]);
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the command can be run");
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    let code = end(child);
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    drop(reader);
}
