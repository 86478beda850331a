//! Runs a program until it exits, is stopped or has run for too long.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cleanup::{self, CleanupRegistry};

/// The interval between calls of `stop`: shorter than a person notices, and far longer than a call takes.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The end of a program.
pub(crate) enum ProcessEnd {
    /// It exited.
    Exited(ProcessOutput),
    /// It was killed because it was to stop.
    Stopped,
    /// It was killed because its time was over.
    TimedOut,
}

/// The result of a program that exited.
pub(crate) struct ProcessOutput {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The input and the limits of a program.
pub(crate) struct ProcessOptions<'a> {
    /// Its standard input.
    pub(crate) input: Bytes,
    /// Called about fifty times a second; the program is killed when it returns true.
    pub(crate) stop: &'a dyn Fn() -> bool,
    /// The longest time that it may run. `None` for any.
    pub(crate) time: Option<Duration>,
    /// Lists the program, so that it can be killed if this process exits before.
    pub(crate) cleanup: &'a CleanupRegistry,
}

/// An output stream of a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// Runs a program and returns its output.
///
/// The program gets its own process group. A stop kills the whole group, since the compilers that cargo started would
/// otherwise continue without it. The program itself is always waited for, so that no zombie remains.
///
/// # Errors
/// The program cannot be started, or its output cannot be read.
pub(crate) fn run(command: &mut Command, options: &ProcessOptions<'_>) -> io::Result<ProcessEnd> {
    let until = options.time.and_then(|time| Instant::now().checked_add(time));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, _registered) = options.cleanup.start(command)?;

    if let Some(mut stdin) = child.stdin.take()
        && !options.input.is_empty()
    {
        let input = options.input.clone();
        // A program that exits without reading it all says why in its output.
        spawn(move || drop(stdin.write_all(&input))).or_else(|error| kill(&mut child).and(Err(error)))?;
    }
    let (sender, outputs) = mpsc::channel();
    let read = |stream: Stream, pipe: Option<Box<dyn Read + Send>>| {
        let sender = sender.clone();
        spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
            // After a stop the receiver is gone.
            let _ = sender.send((stream, read.map(|_| bytes)));
        })
    };
    let (out, err) = (child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take());
    read(Stream::Stdout, out)
        .and_then(|()| read(Stream::Stderr, err.map(|pipe| Box::new(pipe) as _)))
        .or_else(|error| kill(&mut child).and(Err(error)))?;

    let (mut stdout, mut stderr) = (None, None);
    while stdout.is_none() || stderr.is_none() {
        if (options.stop)() {
            kill(&mut child)?;
            return Ok(ProcessEnd::Stopped);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            kill(&mut child)?;
            return Ok(ProcessEnd::TimedOut);
        }
        match outputs.recv_timeout(POLL_INTERVAL) {
            Ok((Stream::Stdout, bytes)) => stdout = Some(bytes?),
            Ok((Stream::Stderr, bytes)) => stderr = Some(bytes?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    let (stdout, stderr) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
    Ok(ProcessEnd::Exited(ProcessOutput { status, stdout, stderr }))
}

/// Starts a thread that is not joined.
fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

/// Kills a program with its process group and waits for the program.
fn kill(child: &mut Child) -> io::Result<()> {
    cleanup::kill(child.id());
    child.wait().map(|_| ())
}
