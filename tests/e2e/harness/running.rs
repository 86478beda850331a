//! Commands that are still running: their events, signals to them, and their end.

use std::fs;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The signals that end a command, and its exit codes.
pub(crate) const SIGNALS: [(Signal, i32); 4] =
    [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)];

/// How long a test waits for an event before it fails. Only a failing test waits that long.
const DEADLINE: Duration = Duration::from_mins(2);

/// Starts a command whose output is read by the test.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command can be run")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("a process has a small number")).expect("and not 0")
}

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(pid(child), signal).expect("the command is running");
}

/// Waits for the end of a command and returns its exit code. Fails the test if the command does not end.
pub(crate) fn end(mut child: Child) -> Option<i32> {
    let pid = pid(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    let Ok(status) = receiver.recv_timeout(DEADLINE) else {
        let _ = kill_process(pid, Signal::KILL);
        panic!("the command does not end");
    };
    status.expect("it can be waited for").code()
}

/// Waits until a condition holds that no event reports. Fails the test if that takes too long.
#[track_caller]
pub(crate) fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long until {condition}");
        thread::yield_now();
    }
}

/// Waits until a command handles a signal. A signal that comes earlier ends the command by the system's default, or is ignored
/// where the parent of the tests ignores it, as `nohup` does.
pub(crate) fn wait_until_caught(child: &Child, signal: Signal) {
    wait_until("the command handles the signal", || {
        let caught = process_status(child, "SigCgt:").expect("the command is running");
        let caught = u64::from_str_radix(&caught, 16).expect("it is a set of signals");
        caught >> (signal.as_raw() - 1) & 1 == 1
    });
}

/// A size from the system's status of a process, in KiB, or `None` if the process has ended.
pub(crate) fn memory_kib(child: &Child, key: &str) -> Option<u64> {
    process_status(child, key)?.split_whitespace().next()?.parse().ok()
}

/// A value from the system's status of a process, or `None` if it has ended.
pub(crate) fn process_status(child: &Child, key: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(key))?.trim().to_owned())
}

/// The write end of a full pipe, and its read end, which has to stay open.
pub(crate) fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, writer) = io::pipe().expect("a pipe can be created");
    fill(&writer);
    (reader, writer.into())
}

/// Fills a pipe to which no process writes meanwhile.
pub(crate) fn fill(mut pipe: &PipeWriter) {
    let flags = fcntl_getfl(pipe).expect("it is open");
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).expect("as above");
    while pipe.write(b"x").is_ok() {}
    fcntl_setfl(pipe, flags).expect("as above");
}

/// The events of a command that runs with `--message-format json`, as they come.
pub(crate) struct Events(BufReader<ChildStdout>);

impl Events {
    /// Takes the standard output of a command.
    pub(crate) fn new(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().expect("it is piped")))
    }

    /// Reads up to the next event of this name and returns all events up to it. Fails the test if the command ends before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, name: &str) -> Vec<Value> {
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Value| event["event"] != name) {
            events.push(self.next().unwrap_or_else(|| panic!("the command ended without the event {name}")));
        }
        events
    }

    /// The pipe that the events come from.
    pub(crate) fn pipe(&self) -> &ChildStdout {
        self.0.get_ref()
    }
}

impl Iterator for Events {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("events are text");
        // A command that was killed may leave a part of a line.
        let line = line.strip_suffix('\n')?;
        Some(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }
}
