//! Signals and interrupts: a run ends whatever it is doing, with the exit code of the signal, and leaves no files behind.

mod grace;
mod guest_states;
mod ignored;
mod snapshots;
mod stopped;
mod unread_output;

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stillbox::{CancelReason, Engine, Event, Interrupt, RunError, RunOptions};
use stillbox_test_guests::{ADD_COLUMN, BAD_ALLOCATE, BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_SLEEP};

use crate::harness::{
    Events, Folder, PipelineFile, SIGNALS, end, pipeline, send, sink, source, spawn, step, wait_until_caught,
};

/// The row at which the guests misbehave.
const GUILTY: &str = "{\"id\":3}\n";

/// Starts a run in a folder with a previous output, and waits until it is busy.
fn started(guest: &str, arguments: &[&str]) -> (Folder, Child) {
    let folder = Folder::with(&[guest]);
    let name = std::path::Path::new(guest).file_stem().and_then(|name| name.to_str()).expect("a guest has a name");
    folder.write("input.jsonl", "{\"id\":0}\n".to_owned() + &GUILTY.repeat(20));
    folder.write("output.jsonl", "from before\n");
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(step(name)));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "4"]).args(arguments);
    let mut child = spawn(&mut command);
    // The first batch passes. Its progress event comes when the other batches have been started.
    Events::new(&mut child).wait_for("progress");
    (folder, child)
}

#[track_caller]
fn assert_only_previous_output(folder: &Folder) {
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names().len(), 4, "a file is left: {:?}", folder.names());
}

#[test]
fn every_signal_ends_every_kind_of_busy_guest() {
    for guest in [BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_SLEEP, BAD_ALLOCATE] {
        for (signal, code) in SIGNALS {
            let (folder, child) = started(guest, &[]);
            send(&child, signal);
            assert_eq!(end(child), Some(code), "{guest}");
            assert_only_previous_output(&folder);
        }
    }
}

#[test]
fn a_second_signal_ends_the_run_within_the_grace() {
    let (folder, mut child) = started(BAD_LOOP, &["--grace", "1h"]);
    let mut stderr = child.stderr.take().expect("it is piped");
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    // Both may be pending when the first is handled. The system then decides which of them is the second.
    let signal = match end(child) {
        Some(130) => "SIGINT",
        Some(143) => "SIGTERM",
        code => panic!("{code:?}"),
    };
    let mut message = String::new();
    stderr.read_to_string(&mut message).expect("it is text");
    let last = message.lines().last().unwrap_or_default();
    let expected = "without waiting for the end; output in progress is incomplete";
    assert_eq!(last, format!("stopped by {signal} {expected}"));
    assert_only_previous_output(&folder);
}

/// `timeout` sends its signal to the command, and then to the process group of the command.
#[test]
fn the_same_signal_twice_at_once_is_one_signal() {
    let arguments = ["--grace", "1h", "--limit", "bad_loop.time=2s", "--failures", "failures.jsonl"];
    let (folder, child) = started(BAD_LOOP, &arguments);
    send(&child, Signal::TERM);
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    // The batches in flight had their time.
    assert!(!folder.json_lines("failures.jsonl").is_empty());
}

#[test]
fn a_guest_is_stopped_after_the_grace_and_not_before() {
    let (_folder, child) = started(BAD_SLEEP, &["--grace", "300ms"]);
    let sent = Instant::now();
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert!(sent.elapsed() >= Duration::from_millis(300), "the grace was cut short");
}

#[test]
fn a_failure_within_the_grace_is_recorded() {
    let arguments = ["--grace", "1h", "--limit", "bad_loop.time=2s", "--failures", "failures.jsonl"];
    let (folder, child) = started(BAD_LOOP, &arguments);
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    let records = folder.json_lines("failures.jsonl");
    // Each batch that had been started had its time.
    assert!(records.len() > 1, "{records:?}");
    for record in records {
        assert_eq!(record["kind"], "timeout");
    }
}

#[test]
fn every_signal_ends_a_run_that_waits_for_input() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write_pipeline(PipelineFile::new().add(source("-").format("jsonl")).add(step("add_column")));
    // Without a row the run still infers the columns; after many rows the reader waits for the next one.
    for (signal, expected) in SIGNALS {
        for rows in [0, 5000] {
            let mut command = folder.command();
            command.args(["run", "pipeline.toml"]).stdin(Stdio::piped());
            let mut child = spawn(&mut command);
            let mut stdin = child.stdin.take().expect("it is piped");
            stdin.write_all("{\"text\":\"a\",\"id\":1}\n".repeat(rows).as_bytes()).expect("the command reads");
            wait_until_caught(&child, signal);
            send(&child, signal);
            assert_eq!(end(child), Some(expected), "{rows} rows");
            drop(stdin);
        }
    }
}

#[test]
fn every_signal_ends_a_run_whose_output_is_not_read() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"text\":\"some text\",\"id\":1}\n".repeat(50_000));
    folder.write_pipeline(PipelineFile::new().add(step("add_column")).add(sink("-").format("jsonl")));
    for (signal, code) in SIGNALS {
        let mut child = spawn(folder.command().args(["run", "pipeline.toml"]));
        let mut stdout = child.stdout.take().expect("it is piped");
        // After the first byte the writer is busy, and the pipe fills up.
        stdout.read_exact(&mut [0]).expect("there is output");
        send(&child, signal);
        assert_eq!(end(child), Some(code));
        drop(stdout);
    }
}

#[test]
fn the_library_is_cancelled_by_an_interrupt_value() {
    let folder = Folder::with(&[BAD_SLEEP]);
    folder.write("input.jsonl", GUILTY);
    folder.write_pipeline(pipeline("input.jsonl", &["bad_sleep"], "output.jsonl"));
    let interrupt = Interrupt::new();
    let pipeline = folder.load();
    let options = RunOptions::new().interrupt(&interrupt).on_event(move |event| {
        if let Event::Started { .. } = event {
            interrupt.trigger(stillbox::Signal::HangUp);
        }
    });
    let error = pipeline.run(&Engine::default(), &options).expect_err("it was stopped");
    assert!(
        matches!(error, RunError::Interrupted { reason: CancelReason::Signal(stillbox::Signal::HangUp), .. }),
        "{error:?}"
    );
    assert!(!folder.contains("output.jsonl"));
}

/// The component is a pipe to which another process has not written yet.
#[test]
fn every_signal_ends_a_wait_for_a_component_file() {
    let folder = Folder::new();
    let pipe = folder.join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("the folder is new");
    for (signal, code) in SIGNALS {
        let child = spawn(folder.command().args(["inspect", "pipe.wasm"]));
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        // It can be opened for writing once the command reads it.
        let _writer = loop {
            if let Ok(writer) = OpenOptions::new().write(true).custom_flags(nonblocking).open(&pipe) {
                break writer;
            }
        };
        send(&child, signal);
        assert_eq!(end(child), Some(code));
    }
}
