//! Whole processes, from their start to their exit.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a process is asked for its peak memory. It can only rise, so little is missed.
const LOOK: Duration = Duration::from_millis(2);

/// How long a command takes, in seconds. It has to succeed.
pub(crate) fn time(command: &mut Command) -> f64 {
    let started = Instant::now();
    let child = spawn(command);
    wait(command, child);
    started.elapsed().as_secs_f64()
}

/// The peak of a command's resident memory, in bytes. Memory of processes that it starts is not counted.
pub(crate) fn peak(command: &mut Command) -> f64 {
    let mut child = spawn(command);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        peak = peak.max(high_water(Path::new(&status)).unwrap_or(0));
        thread::sleep(LOOK);
    }
    wait(command, child);
    peak as f64
}

fn spawn(command: &mut Command) -> Child {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn wait(command: &Command, child: Child) {
    let output = child.wait_with_output().expect("it can be waited for");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn high_water(status: &Path) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
