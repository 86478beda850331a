//! States in which no test's own guest can be: a component that is being compiled, a guest that waits for several things.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};
use stillbox_test_guests::{BAD_LOOP_IN_BIND, BAD_LOOP_IN_MANIFEST, BAD_LOOP_IN_START};

use super::{SIGNALS, end, send};
use crate::harness::{Folder, in_batches, pipeline, spawn};

/// Functions that take an optimising compiler some seconds.
const FUNCTIONS: usize = 20_000;
const FUNCTION: &str = "(func (param i32 i32) (result i32) (local i32)\n\
    (loop (local.set 2 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (local.get 2))))\n\
    (i32.store (local.get 0) (i32.xor (local.get 2) (i32.rotl (local.get 0) (local.get 1))))\n\
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 2))\n";

/// A run in a process group and with temporary files of its own.
struct Run {
    folder: Folder,
    child: Child,
    events: BufReader<ChildStdout>,
}

impl Run {
    fn begin(guest: &[u8]) -> Self {
        Self::begin_with(guest, &[])
    }

    fn begin_with(guest: &[u8], arguments: &[&str]) -> Self {
        let folder = Folder::new();
        folder.write("guest.wasm", guest);
        folder.write("input.jsonl", "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n");
        let text = pipeline("input.jsonl", &["guest"], "output.jsonl");
        folder.write("pipeline.toml", in_batches(2, &text));
        for name in ["cache", "temporary"] {
            std::fs::create_dir(folder.join(name)).expect("the folder is new");
        }
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "2", "--cache-dir", "cache"]);
        command.args(arguments).env("TMPDIR", folder.join("temporary")).process_group(0);
        let mut child = spawn(&mut command);
        let events = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { folder, child, events }
    }

    fn wait_for(&mut self, event: &str) {
        let mut line = String::new();
        while !line.contains(&format!("{event:?}")) {
            line.clear();
            assert_ne!(self.events.read_line(&mut line).expect("events are text"), 0, "the run did not begin");
        }
    }

    /// Waits for the end, after which nothing is left. Returns the exit status and the events since the last.
    fn ended(mut self) -> (Option<i32>, String) {
        let group = Pid::from_raw(self.child.id().try_into().expect("a process has a small number"));
        let code = end(self.child);
        assert_eq!(test_kill_process_group(group.expect("and not 0")), Err(Errno::SRCH), "a process is left");
        let mut events = String::new();
        self.events.read_to_string(&mut events).expect("events are text");
        assert_eq!(self.folder.names(), ["cache", "guest.wasm", "input.jsonl", "pipeline.toml", "temporary"]);
        let left = std::fs::read_dir(self.folder.join("temporary")).expect("it is there").count();
        assert_eq!(left, 0, "temporary files are left");
        (code, events)
    }

    /// What is in the cache of compiled components.
    fn compiled(&self) -> usize {
        std::fs::read_dir(self.folder.join("cache")).expect("it is there").count()
    }
}

/// A step written by hand: what its `process` does, and more functions.
fn guest(body: &str, more: &str) -> Vec<u8> {
    let text = include_str!("../wat/step.wat").replace(";; BODY", body).replace(";; MORE", more);
    wat::parse_str(text).expect("the text is WebAssembly")
}

#[test]
fn every_signal_ends_compilation() {
    let guest = guest("", &FUNCTION.repeat(FUNCTIONS));
    for (signal, code) in SIGNALS {
        let mut run = Run::begin(&guest);
        run.wait_for("compiling");
        send(&run.child, signal);
        assert_eq!(run.compiled(), 0);
        let (ended, events) = run.ended();
        assert_eq!(ended, Some(code));
        assert!(!events.contains("\"compiled\""), "the component was compiled before the signal came: {events}");
    }
}

#[test]
fn every_signal_ends_a_guest_that_polls() {
    // The first batch has two rows and passes, and its progress says that the other is on the road.
    let guest = guest("(if (i32.eq (local.get 0) (i32.const 1)) (then (call $wait)))", "");
    for (signal, code) in SIGNALS {
        let mut run = Run::begin(&guest);
        run.wait_for("progress");
        send(&run.child, signal);
        assert_eq!(run.ended().0, Some(code));
    }
}

/// It takes a page after the other, and writes into each.
#[test]
fn every_signal_ends_a_guest_that_grows_its_memory() {
    let grow = "(if (i32.eq (local.get 0) (i32.const 1)) (then (loop $again\n\
        (memory.fill (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)) (i32.const 1) (i32.const 65536))\n\
        (br $again))))";
    let guest = guest(grow, "");
    for (signal, code) in SIGNALS {
        // More than it can take until the signal comes.
        let mut run = Run::begin_with(&guest, &["--limit", "guest.memory=2GiB"]);
        run.wait_for("progress");
        send(&run.child, signal);
        assert_eq!(run.ended().0, Some(code));
    }
}

#[test]
fn every_signal_ends_a_guest_that_loops_before_its_first_row() {
    for guest in [BAD_LOOP_IN_START, BAD_LOOP_IN_MANIFEST, BAD_LOOP_IN_BIND] {
        let bytes = std::fs::read(guest).expect("the guest is built");
        for (signal, code) in SIGNALS {
            let run = Run::begin(&bytes);
            // What is compiled is kept, and then called for the first time.
            while run.compiled() == 0 {
                std::thread::yield_now();
            }
            send(&run.child, signal);
            assert_eq!(run.ended().0, Some(code), "{guest}");
        }
    }
}
