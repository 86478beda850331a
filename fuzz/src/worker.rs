//! Runs a target in a process of its own, and finds out how that ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::targets::Target;

/// The memory of a process. Inputs have at most 1 MiB, and a reader holds a few batches of them.
const MEMORY: u64 = 2 << 30;
/// The time of one input, after which it counts as a hang. The slowest take some milliseconds, unless the machine is busy.
const HANG: Duration = Duration::from_secs(20);
/// The number of findings after which a target ends. One fault usually has many inputs.
const MAX_FINDINGS: u64 = 5;

/// Passes inputs to a target in this process. Prints the number of each before it is passed.
pub(crate) fn work(target: &Target, seed: u64, first: u64, count: u64) {
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    if let Err(error) = setrlimit(Resource::Data, limit) {
        eprintln!("the memory is not limited: {error}");
    }
    // Panics of libraries that are caught are no findings.
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !stillbox::panic_is_caught() {
            default(panic);
        }
    }));
    let mut run = (target.start)();
    let mut out = std::io::stdout().lock();
    for number in first..first.saturating_add(count) {
        // The reader has ended, or nobody needs the rest.
        if writeln!(out, "{number}").and_then(|()| out.flush()).is_err() {
            return;
        }
        run(seed, number);
    }
}

/// Runs a target for a number of inputs, or for a time. Returns the number of findings, which are printed.
pub(crate) fn drive(
    target: &Target,
    seed: u64,
    first: u64,
    count: Option<u64>,
    time: Option<Duration>,
) -> anyhow::Result<u64> {
    // Removed here, because a process that is killed removes nothing. It is in memory where the system has such a folder.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let scratch = scratch.context("a folder cannot be created")?;
    let started = Instant::now();
    let end = first.saturating_add(count.unwrap_or(u64::MAX));
    let (mut next, mut findings) = (first, 0);
    while next < end && findings < MAX_FINDINGS && time.is_none_or(|time| started.elapsed() < time) {
        let mut child = start(target, seed, next, end - next, scratch.path())?;
        let numbers = numbers(&mut child);
        let (last, how) = follow(&mut child, &numbers, started, time)?;
        next = last.map_or(next, |last| last + 1);
        let Some(how) = how else { break };
        findings += 1;
        let number = last.unwrap_or(next);
        println!(
            "{}: {how} at input {number}; again: stillbox-fuzz {0} --seed {seed} --first {number} --count 1",
            target.name
        );
    }
    println!("{}: {} inputs, {findings} findings, {:.1} s", target.name, next - first, started.elapsed().as_secs_f64());
    Ok(findings)
}

fn start(target: &Target, seed: u64, first: u64, count: u64, scratch: &Path) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program is not found")?;
    let mut command = Command::new(program);
    command.args([target.name, "--work"]);
    for (name, value) in [("--seed", seed), ("--first", first), ("--count", count)] {
        command.arg(name).arg(value.to_string());
    }
    command.env("TMPDIR", scratch).stdout(Stdio::piped()).spawn().context("this program cannot be run")
}

/// The numbers that a process prints, as they come.
fn numbers(child: &mut Child) -> Receiver<u64> {
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let numbers = lines.map_while(Result::ok).filter_map(|line| line.parse().ok());
        for number in numbers {
            if sender.send(number).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Follows a process to its end. Returns the last input, and what is wrong with it.
fn follow(
    child: &mut Child,
    numbers: &Receiver<u64>,
    started: Instant,
    time: Option<Duration>,
) -> anyhow::Result<(Option<u64>, Option<String>)> {
    let mut last = None;
    loop {
        match numbers.recv_timeout(HANG) {
            Ok(number) => {
                last = Some(number);
                if time.is_some_and(|time| started.elapsed() >= time) {
                    child.kill().and_then(|()| child.wait()).context("the process cannot be ended")?;
                    return Ok((last, None));
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                child.kill().and_then(|()| child.wait()).context("the process cannot be ended")?;
                return Ok((last, Some(format!("no end within {} s", HANG.as_secs()))));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait().context("the process cannot be waited for")?;
                return Ok((last, (!status.success()).then(|| status.to_string())));
            }
        }
    }
}
