//! Signals: whatever a run is doing, it ends, with the signal's own exit code, and leaves nothing behind.

mod grace;
mod guest_states;
pub(crate) mod unread_output;

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stillbox::{Engine, Interrupt, Pipeline, RunError, RunOptions};
use stillbox_test_guests::{ADD_COLUMN, BAD_ALLOCATE, BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_SLEEP};

use crate::harness::{Folder, in_batches, pipeline, spawn};

/// The row that the guests misbehave at.
const GUILTY: &str = "{\"id\":3}\n";
pub(crate) const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

pub(crate) fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().expect("a process has a small number")).expect("and not 0");
    kill_process(pid, signal).expect("the command is running");
}

/// Waits until the command catches the signal. One that comes before ends it as the system does, or, where whoever started
/// the tests has them ignore it, as under `nohup`, not at all.
fn wait_until_caught(child: &Child, signal: Signal) {
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let status = std::fs::read_to_string(&status).expect("the command is running");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("the system tells");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("it is a set of signals");
        caught >> (signal.as_raw() - 1) & 1 == 1
    };
    while !catches() {
        std::thread::yield_now();
    }
}

/// Waits for the end, and fails the test if it does not come.
pub(crate) fn end(mut child: Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code();
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("the command does not end");
        }
        std::thread::yield_now();
    }
}

/// A folder with an earlier output, and a run in it that has begun.
fn begun(guest: &str, arguments: &[&str]) -> (Folder, Child) {
    let folder = Folder::with(&[guest]);
    let name = std::path::Path::new(guest).file_stem().and_then(|name| name.to_str()).expect("a guest has a name");
    // The first batch passes, and its progress says that the others are on the road.
    folder.write("input.jsonl", "{\"id\":0}\n".to_owned() + &GUILTY.repeat(20));
    folder.write("output.jsonl", "from before\n");
    let pipeline = pipeline("input.jsonl", &[name], "output.jsonl");
    folder.write("pipeline.toml", in_batches(1, &pipeline));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "4"]).args(arguments);
    let mut child = spawn(&mut command);
    let mut events = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("\"progress\"") {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("events are text"), 0, "the run did not begin");
    }
    (folder, child)
}

#[test]
fn every_signal_ends_every_kind_of_busy_guest() {
    for guest in [BAD_LOOP, BAD_LOOP_IN_FINISH, BAD_SLEEP, BAD_ALLOCATE] {
        for (signal, code) in SIGNALS {
            let (folder, child) = begun(guest, &[]);
            send(&child, signal);
            assert_eq!(end(child), Some(code), "{guest}");
            assert_eq!(folder.text("output.jsonl"), "from before\n");
            assert_eq!(folder.names().len(), 4, "something was left behind: {:?}", folder.names());
        }
    }
}

#[test]
fn a_second_signal_ends_the_run_within_the_grace() {
    let (folder, mut child) = begun(BAD_LOOP, &["--grace", "1h"]);
    let mut stderr = child.stderr.take().expect("it is piped");
    send(&child, Signal::INT);
    send(&child, Signal::TERM);
    // Both may be pending when the first is looked at; which of them comes second is then for the system to say.
    let signal = match end(child) {
        Some(130) => "SIGINT",
        Some(143) => "SIGTERM",
        code => panic!("{code:?}"),
    };
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("it is text");
    let last = said.lines().last().unwrap_or_default();
    let expected = "without waiting for the end; what was being written is not complete";
    assert_eq!(last, format!("stopped by {signal} {expected}"));
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names().len(), 4, "something was left behind: {:?}", folder.names());
}

#[test]
fn a_guest_is_stopped_after_the_grace_and_not_before() {
    let (_folder, child) = begun(BAD_SLEEP, &["--grace", "300ms"]);
    let sent = Instant::now();
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert!(sent.elapsed() >= Duration::from_millis(300), "the grace was cut short");
}

#[test]
fn a_failure_within_the_grace_is_recorded() {
    let arguments = ["--grace", "1h", "--limit", "bad_loop.time=2s", "--failures", "failures.jsonl"];
    let (folder, child) = begun(BAD_LOOP, &arguments);
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    let records = folder.text("failures.jsonl");
    // Each batch that was on the road had its time.
    assert!(records.lines().count() > 1, "{records}");
    for record in records.lines() {
        let record: serde_json::Value = serde_json::from_str(record).expect("a record is JSON");
        assert_eq!(record["kind"], "timeout");
    }
}

#[test]
fn every_signal_ends_a_run_that_waits_for_input() {
    let folder = Folder::with(&[ADD_COLUMN]);
    let text =
        pipeline("-", &["add_column"], "output.jsonl").replace("path = \"-\"", "path = \"-\"\nformat = \"jsonl\"");
    folder.write("pipeline.toml", text);
    // Before the first row the columns are still looked for; after many the reader waits for the next.
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
    let text = pipeline("input.jsonl", &["add_column"], "-");
    folder.write("pipeline.toml", format!("{text}format = \"jsonl\"\n"));
    for (signal, code) in SIGNALS {
        let mut child = spawn(folder.command().args(["run", "pipeline.toml"]));
        let mut stdout = child.stdout.take().expect("it is piped");
        // The first byte says that the writer is at work; the pipe then fills up.
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
    let output = folder.join("output.jsonl");
    folder.write("pipeline.toml", pipeline("input.jsonl", &["bad_sleep"], "output.jsonl"));
    let interrupt = Interrupt::new();
    let pipeline = Pipeline::from_file(folder.join("pipeline.toml")).expect("the file is right");
    let options = RunOptions::new().interrupt(&interrupt).on_event(move |event| {
        if let stillbox::Event::Started { .. } = event {
            interrupt.trigger(stillbox::Signal::HangUp);
        }
    });
    let error = pipeline.run(&Engine::default(), &options).expect_err("it was stopped");
    assert!(matches!(error, RunError::Interrupted { signal: stillbox::Signal::HangUp, .. }), "{error:?}");
    assert!(!output.exists());
}

/// Someone waits for a component that is still being made elsewhere.
#[test]
fn every_signal_ends_a_wait_for_a_component_file() {
    let folder = Folder::new();
    let pipe = folder.join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("there is room");
    for (signal, code) in SIGNALS {
        let child = spawn(folder.command().args(["inspect", "pipe.wasm"]));
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        // It can be opened once somebody reads.
        let _writer = loop {
            if let Ok(writer) = OpenOptions::new().write(true).custom_flags(nonblocking).open(&pipe) {
                break writer;
            }
        };
        send(&child, signal);
        assert_eq!(end(child), Some(code));
    }
}
