//! Ctrl-Z and SIGSTOP, for neither of which there is a handler: time in which the process is stopped does not count, and the progress is drawn again afterwards.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stillbox_test_guests::TAKE_TIME;

use crate::harness::{
    Events, Folder, PipelineFile, end, process_status, send, spawn, step, wait_until, wait_until_caught,
};

/// Stops the command at the terminal that it is on, lets it continue, and prints what it has written to the terminal after that.
const ON_A_TERMINAL: &str = r#"
import os, pty, signal, sys
signal.alarm(30)
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def read_until(text):
    read = b""
    while text not in read:
        read += os.read(terminal, 4096)
    return read
read_until(b"slowest")
os.kill(child, signal.SIGSTOP)
_, status = os.waitpid(child, os.WUNTRACED)
assert os.WIFSTOPPED(status), status
os.set_blocking(terminal, False)
try:
    while os.read(terminal, 4096):
        pass
except BlockingIOError:
    pass
os.set_blocking(terminal, True)
os.kill(child, signal.SIGCONT)
sys.stdout.buffer.write(read_until(b"slowest"))
os.kill(child, signal.SIGKILL)
"#;

fn slow(folder: &Folder, milliseconds: u32, limits: &str) {
    folder.write("input.jsonl", "{\"id\":1}\n");
    let slow = step("take_time").name("slowest").parameters(format_args!("batch-ms = {milliseconds}")).limits(limits);
    folder.write_pipeline(PipelineFile::new().time("3s").add(slow));
}

/// Both limits are shorter than the time in which the process is stopped.
#[test]
fn time_after_a_stop_does_not_count_for_batches_and_runs() {
    let folder = Folder::with(&[TAKE_TIME]);
    slow(&folder, 500, "time = \"2s\"");
    let mut command = folder.command();
    let mut child = spawn(command.args(["run", "pipeline.toml", "--message-format", "json"]));
    let mut events = Events::new(&mut child);
    events.wait_for("started");
    send(&child, Signal::STOP);
    std::thread::sleep(Duration::from_secs(4));
    send(&child, Signal::CONT);
    let finished = events.wait_for("finished").pop().expect("there is an event");
    assert_eq!(finished["status"], "done", "{finished}");
    assert_eq!(end(child), Some(0));
}

#[test]
fn the_progress_is_drawn_again_when_the_command_continues() {
    let folder = Folder::with(&[TAKE_TIME]);
    slow(&folder, 600_000, "time = \"20m\"");
    let command = folder.command();
    let mut python = Command::new("python3");
    python.args(["-c", ON_A_TERMINAL]).arg(command.get_program()).args(["run", "pipeline.toml", "--time", "10m"]);
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(folder.path());
    let output = python.stdin(Stdio::null()).output().expect("python3 is installed");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("slowest"), "{shown:?}");
}

/// The process group of the command has a parent in another group of the same session, so SIGTSTP stops it.
#[test]
fn times_in_a_snapshot_leave_out_the_time_after_sigtstp() {
    let folder = Folder::with(&[TAKE_TIME]);
    slow(&folder, 600_000, "time = \"20m\"");
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--time", "20m", "--message-format", "json"]).process_group(0);
    let mut child = spawn(&mut command);
    let mut events = Events::new(&mut child);
    events.wait_for("started");
    wait_until_caught(&child, Signal::USR1);
    let call = |events: &mut Events| {
        // The call may not have begun.
        loop {
            send(&child, Signal::USR1);
            let snapshot = events.wait_for("snapshot").pop().expect("there is an event");
            let threads = snapshot["threads"].as_array().expect("it has threads").clone();
            let call = threads.into_iter().find(|thread| thread["kind"] == "call" && thread["step"] == "slowest");
            if let Some(call) = call {
                return call["elapsed"].as_f64().expect("it is a number");
            }
        }
    };
    let before = call(&mut events);
    let start = Instant::now();
    send(&child, Signal::TSTP);
    wait_until("the process is stopped", || {
        process_status(&child, "State:").is_some_and(|state| state.starts_with('T'))
    });
    std::thread::sleep(Duration::from_secs(3));
    send(&child, Signal::CONT);
    let after = call(&mut events);
    let passed = start.elapsed().as_secs_f64();
    assert!(after >= before && after - before < passed - 2.0, "{before} s, then {after} s, after {passed} s");
    let _ = child.kill();
    let _ = child.wait();
}
