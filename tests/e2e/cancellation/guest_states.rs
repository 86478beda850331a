//! Signals in rare states: while a component is compiled, before the first row, and while a guest polls or grows its memory.

use std::os::unix::process::CommandExt as _;
use std::process::Child;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};
use stillbox_test_guests::{BAD_LOOP_IN_BIND, BAD_LOOP_IN_MANIFEST, BAD_LOOP_IN_START};

use crate::harness::{Events, Folder, PipelineFile, SIGNALS, end, send, spawn, step, wait_until, wat};

/// So many functions that an optimising compiler takes some seconds.
const FUNCTIONS: usize = 20_000;
const FUNCTION: &str = "(func (param i32 i32) (result i32) (local i32)\n\
    (loop (local.set 2 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (local.get 2))))\n\
    (i32.store (local.get 0) (i32.xor (local.get 2) (i32.rotl (local.get 0) (local.get 1))))\n\
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 2))\n";

/// A run in its own process group, with its own folder for temporary files.
struct Run {
    folder: Folder,
    child: Child,
    events: Events,
}

impl Run {
    fn start(guest: &[u8]) -> Self {
        Self::start_with(guest, &[])
    }

    fn start_with(guest: &[u8], arguments: &[&str]) -> Self {
        let folder = Folder::new();
        folder.write("guest.wasm", guest);
        folder.write("input.jsonl", "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n");
        folder.write_pipeline(PipelineFile::new().batch_rows(2).add(step("guest")));
        for name in ["cache", "temporary"] {
            std::fs::create_dir(folder.join(name)).expect("the folder is new");
        }
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "2", "--cache-dir", "cache"]);
        command.args(arguments).env("TMPDIR", folder.join("temporary")).process_group(0);
        let mut child = spawn(&mut command);
        let events = Events::new(&mut child);
        Self { folder, child, events }
    }

    /// Waits for the end, and checks that no process and no file is left. Returns the exit code and the names of the events that
    /// were not read before.
    fn ended(self) -> (Option<i32>, Vec<String>) {
        let group = Pid::from_raw(self.child.id().try_into().expect("a process has a small number"));
        let code = end(self.child);
        assert_eq!(test_kill_process_group(group.expect("and not 0")), Err(Errno::SRCH), "a process is left");
        assert_eq!(self.folder.names(), ["cache", "guest.wasm", "input.jsonl", "pipeline.toml", "temporary"]);
        let left = std::fs::read_dir(self.folder.join("temporary")).expect("it exists").count();
        assert_eq!(left, 0, "temporary files are left");
        (code, self.events.map(|event| event["event"].to_string()).collect())
    }

    /// The number of entries in the compile cache.
    fn compiled(&self) -> usize {
        std::fs::read_dir(self.folder.join("cache")).expect("it exists").count()
    }
}

#[test]
fn every_signal_ends_compilation() {
    let guest = wat::step("", &FUNCTION.repeat(FUNCTIONS));
    for (signal, code) in SIGNALS {
        let mut run = Run::start(&guest);
        run.events.wait_for("compiling");
        send(&run.child, signal);
        assert_eq!(run.compiled(), 0);
        let (ended, events) = run.ended();
        assert_eq!(ended, Some(code));
        let is_compiled = events.iter().any(|name| name == "\"compiled\"");
        assert!(!is_compiled, "the component was compiled before the signal came: {events:?}");
    }
}

#[test]
fn every_signal_ends_a_guest_that_polls() {
    // The first batch has two rows and passes. Its progress event comes when the other batch has been started.
    let guest = wat::step("(if (i32.eq (local.get 0) (i32.const 1)) (then (call $wait)))", "");
    for (signal, code) in SIGNALS {
        let mut run = Run::start(&guest);
        run.events.wait_for("progress");
        send(&run.child, signal);
        assert_eq!(run.ended().0, Some(code));
    }
}

/// The guest takes one page after the other, and writes into each.
#[test]
fn every_signal_ends_a_guest_that_grows_its_memory() {
    let grow = "(if (i32.eq (local.get 0) (i32.const 1)) (then (loop $again\n\
        (memory.fill (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)) (i32.const 1) (i32.const 65536))\n\
        (br $again))))";
    let guest = wat::step(grow, "");
    for (signal, code) in SIGNALS {
        // The limit is more than the guest can take until the signal comes.
        let mut run = Run::start_with(&guest, &["--limit", "guest.memory=2GiB"]);
        run.events.wait_for("progress");
        send(&run.child, signal);
        assert_eq!(run.ended().0, Some(code));
    }
}

#[test]
fn every_signal_ends_a_guest_that_loops_before_its_first_row() {
    for guest in [BAD_LOOP_IN_START, BAD_LOOP_IN_MANIFEST, BAD_LOOP_IN_BIND] {
        let bytes = std::fs::read(guest).expect("the guest is built");
        for (signal, code) in SIGNALS {
            let run = Run::start(&bytes);
            // The component is cached when it has been compiled, and then called for the first time.
            wait_until("the component is cached", || run.compiled() > 0);
            send(&run.child, signal);
            assert_eq!(run.ended().0, Some(code), "{guest}");
        }
    }
}
