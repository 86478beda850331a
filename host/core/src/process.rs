//! Runs a program until it exits, is stopped or has run for too long.

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::cleanup::CleanupRegistry;
use crate::os::kill_group;
use crate::text::LineSplitter;

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
    /// Called with each line of its standard error as it comes, without the line end.
    pub(crate) on_line: &'a dyn Fn(&str),
}

/// The longest line that is passed on before its end.
const MAX_LINE_BYTES: usize = 64 * 1024;

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
        // After a stop the receiver is gone.
        spawn(move || read_to_end(pipe, |read| sender.send((stream, read)).is_ok()))
    };
    let (out, err) = (child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take());
    read(Stream::Stdout, out)
        .and_then(|()| read(Stream::Stderr, err.map(|pipe| Box::new(pipe) as _)))
        .or_else(|error| kill(&mut child).and(Err(error)))?;

    let (mut stdout, mut stderr, mut open) = (Vec::new(), Vec::new(), 2);
    let mut lines = LineSplitter::new(MAX_LINE_BYTES);
    while open > 0 {
        if (options.stop)() {
            kill(&mut child)?;
            return Ok(ProcessEnd::Stopped);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            kill(&mut child)?;
            return Ok(ProcessEnd::TimedOut);
        }
        match outputs.recv_timeout(POLL_INTERVAL) {
            Ok((_, Ok(bytes))) if bytes.is_empty() => open -= 1,
            Ok((Stream::Stdout, bytes)) => stdout.extend(bytes?),
            Ok((Stream::Stderr, bytes)) => {
                let bytes = bytes?;
                lines.add(&bytes, options.on_line);
                stderr.extend(bytes);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    lines.end(options.on_line);
    Ok(ProcessEnd::Exited(ProcessOutput { status, stdout, stderr }))
}

/// Reads a pipe to its end, and passes on what it reads: last an empty part, or an error.
fn read_to_end(pipe: Option<Box<dyn Read + Send>>, pass: impl Fn(io::Result<Vec<u8>>) -> bool) {
    let mut buffer = [0; 8192];
    let Some(mut pipe) = pipe else {
        pass(Ok(Vec::new()));
        return;
    };
    loop {
        let read = match pipe.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read,
        };
        let is_end = !matches!(read, Ok(length) if length > 0);
        if !pass(read.map(|length| buffer[..length].to_vec())) || is_end {
            return;
        }
    }
}

/// Starts a thread that is not joined.
fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

/// Kills a program with its process group and waits for the program.
fn kill(child: &mut Child) -> io::Result<()> {
    kill_group(child.id());
    // Windows may have ended nothing: that is done by another program.
    let _ = child.kill();
    child.wait().map(|_| ())
}
