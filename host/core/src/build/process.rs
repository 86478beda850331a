//! A program run to its end, or to the moment when it is stopped.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::BuildOptions;
use crate::cleanup::{self, CleanupRegistry};

/// How often a running program looks whether it is to stop: below what a person notices, and far above what it costs.
const LOOK: Duration = Duration::from_millis(50);

/// What a program left behind.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Which of a program's outputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// Runs a program without input and keeps what it writes. None: it was stopped.
///
/// The program gets a process group of its own. Stopped, the whole group is killed, since cargo's compilers would
/// otherwise go on without it; the program itself is always waited for, so that nothing is left of it.
pub(super) fn run(command: &mut Command, options: BuildOptions<'_>) -> io::Result<Option<Finished>> {
    let stop = options.stop.unwrap_or(&|| false);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, _listed) = options.cleanup.unwrap_or(&CleanupRegistry::default()).start(command)?;

    let (sender, outputs) = mpsc::channel();
    let read = |stream: Stream, pipe: Option<Box<dyn Read + Send>>| {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
            // After an interruption nobody listens any more, and nothing is lost.
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
        match outputs.recv_timeout(LOOK) {
            Ok((Stream::Stdout, bytes)) => stdout = Some(bytes?),
            Ok((Stream::Stderr, bytes)) => stderr = Some(bytes?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    Ok(Some(Finished { status, stdout: stdout.unwrap_or_default(), stderr: stderr.unwrap_or_default() }))
}

/// Kills a program with its process group, and waits for it.
fn kill(child: &mut Child) -> io::Result<()> {
    cleanup::kill(child.id());
    // Where there are no groups, the program itself is killed all the same.
    child.kill()?;
    child.wait().map(|_| ())
}
