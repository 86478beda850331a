//! Compiles components within limits on time and memory: in a process of its own if the program offers one, else on a thread.
//!
//! The memory and the time that the compiler takes depend on the component, which is hostile. A process can be limited in both,
//! and killed. A thread can only be left behind, and its memory is that of this process.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use wasmtime::Engine;

use super::ComponentErrorKind;
use super::complexity::{self, ComplexityError};
use super::snapshot::{self, MadeSnapshot, SnapshotRequest};
use crate::cleanup::CleanupRegistry;
use crate::engine::CompileSettings;
use crate::interrupt::Stop;
use crate::limits::Limits;
use crate::os;
use crate::process::{self, ProcessEnd, ProcessOptions};
use crate::text::Cause;
use crate::units::{format_duration, format_size, parse_duration};

/// The interval at which a thread that waits for the compiler looks whether it should stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The first byte of the answer of a process that compiles, before the code.
const COMPILED: u8 = b'c';
/// The first byte of its answer before a message.
const REFUSED: u8 = b'r';
/// Messages of Rust when memory cannot be allocated, and of the system when memory cannot be mapped.
const OUT_OF_MEMORY: [&str; 2] = ["memory allocation of ", "(os error 12)"];

/// Start of the first argument of a process that makes a snapshot.
const SNAPSHOT: &str = "snapshot:";

/// The separator of an error and its causes in that message. Messages of the compiler have lines, and no NUL.
const LINK_END: &str = "\0";

/// A failure of the compiler, rather than of the component.
#[derive(Debug, thiserror::Error)]
enum CompilerError {
    #[error("it cannot be started")]
    Start(#[source] io::Error),
    #[error("its threads cannot be started")]
    Threads(#[source] Arc<ThreadPoolBuildError>),
    #[error("it ended with {status}: {last}")]
    Exit {
        status: ExitStatus,
        /// The last line of its standard error.
        last: String,
    },
    #[error(
        "the system gives it less memory than `compile-memory`, and that is not enough; raise the limits of this process (`ulimit -v`, `-d`)"
    )]
    Memory,
    #[error("it panicked")]
    Panic,
    #[error("its answer is malformed")]
    Malformed,
}

impl From<CompilerError> for ComponentErrorKind {
    fn from(error: CompilerError) -> Self {
        Self::Compiler(error.into())
    }
}

/// Where components are compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiler {
    /// The program that calls [`compile_from_stdin`], with its first arguments.
    pub(crate) command: Option<Arc<[OsString]>>,
    /// Lists the processes that are running.
    pub(crate) cleanup: CleanupRegistry,
}

impl Compiler {
    /// Compiles a component, and returns its code in wasmtime's format.
    ///
    /// # Errors
    /// The component is invalid or too complex, a limit was reached, or the stop came.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        settings: CompileSettings,
        component: &Bytes,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Bytes, ComponentErrorKind> {
        complexity::check(component).map_err(|error| match error {
            ComplexityError::Invalid(error) => ComponentErrorKind::Invalid(error.into()),
            error => ComponentErrorKind::TooComplex(error.into()),
        })?;
        match self.command.as_deref() {
            Some([program, arguments @ ..]) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(settings.to_string());
                self.in_process(&mut command, component, limits, &|| stop.reason().is_some())
            }
            _ => on_thread(engine, component, limits, stop),
        }
    }

    /// Makes the snapshot of a component. Without a process, for benchmarks and tests, on this thread and without limits.
    ///
    /// # Errors
    /// The process failed, a limit was reached, or `is_stopped` returned true.
    pub(super) fn snapshot(
        &self,
        settings: CompileSettings,
        request: &SnapshotRequest,
        component: &Bytes,
        limits: &Limits,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<MadeSnapshot, ComponentErrorKind> {
        let Some([program, arguments @ ..]) = self.command.as_deref() else {
            return Ok(snapshot::make(settings, request, component));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(format!("{SNAPSHOT}{settings}"));
        let answer = self.in_process(&mut command, &snapshot::input(request, component), limits, is_stopped)?;
        snapshot::parse(&answer).ok_or_else(|| CompilerError::Malformed.into())
    }

    fn in_process(
        &self,
        command: &mut Command,
        input: &Bytes,
        limits: &Limits,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Bytes, ComponentErrorKind> {
        command.args([limits.compile_memory.to_string(), format_duration(limits.compile_time)]);
        let options = ProcessOptions {
            input: input.clone(),
            stop: is_stopped,
            time: Some(limits.compile_time),
            cleanup: &self.cleanup,
            on_line: &|_| (),
        };
        let output = match process::run(command, &options) {
            Err(error) => return Err(CompilerError::Start(error).into()),
            Ok(ProcessEnd::Stopped) => return Err(ComponentErrorKind::Stopped),
            Ok(ProcessEnd::TimedOut) => return Err(too_slow(limits)),
            Ok(ProcessEnd::Exited(output)) => output,
        };
        let answer = Bytes::from(output.stdout);
        match answer.first() {
            Some(&COMPILED) if output.status.success() => Ok(answer.slice(1..)),
            Some(&REFUSED) if output.status.success() => {
                let message = String::from_utf8_lossy(&answer[1..]);
                if OUT_OF_MEMORY.iter().any(|sign| message.contains(sign)) {
                    return Err(too_large(limits));
                }
                let links: Vec<String> = message.split(LINK_END).map(ToOwned::to_owned).collect();
                let cause = Cause::chain(&links).expect("a split has at least one part");
                Err(ComponentErrorKind::Invalid(cause.into()))
            }
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                if OUT_OF_MEMORY.iter().any(|sign| said.contains(sign)) {
                    return Err(too_large(limits));
                }
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
                Err(CompilerError::Exit { status: output.status, last: last.to_owned() }.into())
            }
        }
    }
}

fn on_thread(engine: &Engine, component: &Bytes, limits: &Limits, stop: &Stop) -> Result<Bytes, ComponentErrorKind> {
    let (sender, compiled) = channel();
    let (engine, component) = (engine.clone(), component.clone());
    let compile = move || {
        // After a stop or at the limit the receiver is gone.
        let _ = sender.send(engine.precompile_component(&component));
    };
    compiler_threads()?.spawn(compile);
    let until = Instant::now().checked_add(limits.compile_time);
    loop {
        match compiled.recv_timeout(POLL_INTERVAL) {
            Ok(code) => return code.map(Bytes::from).map_err(|error| ComponentErrorKind::Invalid(error.into())),
            Err(RecvTimeoutError::Disconnected) => return Err(CompilerError::Panic.into()),
            Err(RecvTimeoutError::Timeout) if stop.reason().is_some() => return Err(ComponentErrorKind::Stopped),
            Err(RecvTimeoutError::Timeout) if until.is_some_and(|until| Instant::now() >= until) => {
                return Err(too_slow(limits));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Returns the threads that compile, which the first call starts. wasmtime divides its work among the threads of the pool that it
/// runs on. It must not be the pool of the caller, whose threads may all be waiting here.
fn compiler_threads() -> Result<&'static ThreadPool, ComponentErrorKind> {
    static THREADS: OnceLock<Result<ThreadPool, Arc<ThreadPoolBuildError>>> = OnceLock::new();
    let threads = THREADS.get_or_init(|| {
        let builder = ThreadPoolBuilder::new().thread_name(|index| format!("compiler-{index}"));
        // A panic is noticed by the caller, whose channel is closed.
        builder.panic_handler(|_| ()).build().map_err(Arc::new)
    });
    threads.as_ref().map_err(|error| CompilerError::Threads(Arc::clone(error)).into())
}

fn too_slow(limits: &Limits) -> ComponentErrorKind {
    ComponentErrorKind::Limit { name: "compile-time", value: format_duration(limits.compile_time) }
}

fn too_large(limits: &Limits) -> ComponentErrorKind {
    if os::available_memory().is_some_and(|available| available < limits.compile_memory) {
        return CompilerError::Memory.into();
    }
    ComponentErrorKind::Limit { name: "compile-memory", value: format_size(limits.compile_memory) }
}

/// Compiles the component on standard input and writes its code to standard output, within limits. This is the work of the
/// program that is given to [`EngineBuilder::compiler`](crate::EngineBuilder::compiler), which adds the three arguments to its
/// command: the settings, the memory in bytes, and the time. The settings also tell whether it makes a snapshot.
///
/// The process exits when the time is over or its standard output is closed, so that it does not outlive the one that waits for it.
///
/// # Errors
/// An argument is malformed, or a standard stream cannot be used. A component that cannot be compiled is no error; the answer
/// says why.
pub fn compile_from_stdin(settings: &str, memory: &str, time: &str) -> io::Result<()> {
    let malformed = |what: &str| io::Error::other(format!("{what} is malformed"));
    let (is_snapshot, settings) = settings.strip_prefix(SNAPSHOT).map_or((false, settings), |rest| (true, rest));
    let settings: CompileSettings = settings.parse().map_err(|()| malformed("the setting of the compiler"))?;
    let memory: u64 = memory.parse().map_err(|_| malformed("the memory limit"))?;
    let time = parse_duration(time).map_err(|_| malformed("the time limit"))?;
    os::limit_memory(memory);
    thread::Builder::new().spawn(move || {
        os::wait_for_reader(&io::stdout(), time);
        std::process::exit(1);
    })?;
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    if is_snapshot {
        let made = snapshot::answer(settings, &input).ok_or_else(|| malformed("the input"))?;
        return write_answer(COMPILED, &snapshot::encode(&made));
    }
    match settings.engine_for_images(input.len() as u64).and_then(|engine| engine.precompile_component(&input)) {
        Ok(code) => write_answer(COMPILED, &code),
        Err(error) => {
            let links: Vec<String> = error.chain().map(ToString::to_string).collect();
            write_answer(REFUSED, links.join(LINK_END).as_bytes())
        }
    }
}

fn write_answer(kind: u8, answer: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&[kind])?;
    out.write_all(answer)?;
    out.flush()
}
