//! Runs a program until it exits or is stopped.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::BuildOptions;
use crate::cleanup::{self, CleanupRegistry};

/// The interval between calls of `stop`: shorter than a person notices, and far longer than a call takes.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The result of a program that exited.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// An output stream of a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// Runs a program without input and returns its output, or `None` if it was stopped.
///
/// The program gets its own process group. A stop kills the whole group, since the compilers that cargo started would
/// otherwise continue without it. The program itself is always waited for, so that no zombie remains.
pub(super) fn run(command: &mut Command, options: BuildOptions<'_>) -> io::Result<Option<Finished>> {
    let stop = options.stop.unwrap_or(&|| false);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, _registered) = options.cleanup.unwrap_or(&CleanupRegistry::default()).start(command)?;

    let (sender, outputs) = mpsc::channel();
    let read = |stream: Stream, pipe: Option<Box<dyn Read + Send>>| {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
            // After a stop the receiver is gone.
            let _ = sender.send((stream, read.map(|_| bytes)));
        });
    };
    read(Stream::Stdout, child.stdout.take().map(|pipe| Box::new(pipe) as _));
    read(Stream::Stderr, child.stderr.take().map(|pipe| Box::new(pipe) as _));

    let (mut stdout, mut stderr) = (None, None);
    while stdout.is_none() || stderr.is_none() {
        if stop() {
            kill(&mut child)?;
            return Ok(None);
        }
        match outputs.recv_timeout(POLL_INTERVAL) {
            Ok((Stream::Stdout, bytes)) => stdout = Some(bytes?),
            Ok((Stream::Stderr, bytes)) => stderr = Some(bytes?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    Ok(Some(Finished { status, stdout: stdout.unwrap_or_default(), stderr: stderr.unwrap_or_default() }))
}

/// Kills a program with its process group and waits for the program.
fn kill(child: &mut Child) -> io::Result<()> {
    cleanup::kill(child.id());
    child.wait().map(|_| ())
}
