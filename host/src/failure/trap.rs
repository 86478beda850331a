//! From what ended a call to a failure.

use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{Failure, FailureKind, Frame, LimitHit, Location};
use crate::component::bindings::types::{ErrorKind, StepError};
use crate::component::{Component, SourceFrame, Symbols};
use crate::interrupt::{Stop, StopReason};
use crate::sandbox::{Halt, Limits, Refused, Said, State, TABLE_ELEMENTS, Terms, cut};

/// The most of a guest's message, cause, hint or trace line that a record keeps.
const TEXT_BYTES: usize = 64 << 10;
/// The most causes and trace lines that a record keeps.
const LINES: usize = 256;

/// What wasmtime says when a guest returns more than [`wasmtime::Store::set_hostcall_fuel`] allows; it has no type.
const LIFTED_TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";

/// How wasmtime begins when an instance exports a function with other types than the contract's; it has no type.
const OTHER_TYPES: &str = "type mismatch with ";

/// The failure of a call that ended with this error, with what the guest said before.
pub(crate) fn of_call(
    error: &wasmtime::Error,
    state: &State,
    component: &Component,
    terms: &Terms<'_>,
    elapsed: Duration,
) -> Failure {
    let mut failure = classify(error, state, terms.limits);
    // Where the batches were that a stop ended is of no use to anyone, and there may be many of them.
    if failure.kind != FailureKind::Interrupted {
        failure.backtrace = backtrace(error, component.symbols(), terms.stop);
    }
    if failure.location.is_none() {
        failure.location = failure.backtrace.iter().find_map(|frame| frame.location.clone());
    }
    state.said().tell(&mut failure);
    failure.elapsed_ms = Some((elapsed.as_secs_f64() * 1e6).round() / 1e3);
    failure
}

fn classify(error: &wasmtime::Error, state: &State, limits: &Limits) -> Failure {
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return of_halt(*halt, limits);
    }
    if let Some(I32Exit(status)) = error.downcast_ref::<I32Exit>() {
        return Failure::new(FailureKind::Exit, format!("the step ended its instance with exit status {status}"))
            .with_hint("a step returns its result; it does not exit, not even with status 0");
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        let fuel = limits.fuel.unwrap_or_default();
        return limited(FailureKind::Fuel, "the step used up its fuel".into(), "fuel", fuel.to_string());
    }
    let spoken = state.panic().map(|panic| {
        let mut failure = Failure::new(FailureKind::Panic, panic.message.clone());
        failure.location.clone_from(&panic.location);
        failure.row = panic.row.map(|row| super::RowPlace { index: row.into(), file: None, line: None, row: None });
        failure
    });
    if let Some(refused) = state.refused() {
        let mut failure = of_refusal(refused, limits);
        if let Some(spoken) = spoken {
            failure.causes.push(spoken.message);
            failure.location = spoken.location;
            failure.row = spoken.row;
        } else if let Some(trap) = trap {
            failure.causes.push(trap.to_string());
        }
        return failure;
    }
    if let Some(mut spoken) = spoken {
        spoken.code = trap.map(|trap| code(*trap));
        return spoken;
    }
    if let Some(trap) = trap {
        return of_trap(*trap, state);
    }
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    if chain.iter().any(|link| link.contains(LIFTED_TOO_MUCH)) {
        let value = bytes(limits.output_bytes);
        return limited(FailureKind::BadOutput, "the step returned too much".into(), "output-bytes", value);
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        let mut failure = Failure::new(FailureKind::Host, "no instance could be made");
        failure.causes = chain;
        return failure;
    }
    if chain.iter().any(|link| link.starts_with(OTHER_TYPES)) {
        let message = "a function of the step has other types than the contract gives it";
        let mut failure = Failure::new(FailureKind::Incompatible, message);
        failure.causes = chain;
        return failure.with_hint("build the step for the contract stillbox:step@0.1.0");
    }
    // All that is left is what the guest handed over: a pointer outside its memory, an unknown case, bad UTF-8.
    let mut failure = Failure::new(FailureKind::BadOutput, "what the step returned cannot be read");
    failure.causes = chain.into_iter().filter(|link| !link.starts_with("error while executing")).collect();
    failure
}

fn of_halt(halt: Halt, limits: &Limits) -> Failure {
    match halt {
        Halt::Timeout => {
            let value = format!("{:?}", limits.time);
            limited(FailureKind::Timeout, format!("the step did not finish within {value}"), "time", value)
        }
        Halt::Stopped(reason) => of_stop(reason),
    }
}

/// The failure of a batch that was stopped.
pub(crate) fn of_stop(reason: StopReason) -> Failure {
    let message = match reason {
        StopReason::Signal(signal) => format!("stopped by {}", signal.name()),
        StopReason::Sibling => "stopped because another batch failed".into(),
    };
    Failure::new(FailureKind::Interrupted, message)
}

fn of_refusal(refused: Refused, limits: &Limits) -> Failure {
    match refused {
        Refused::Memory(wanted) => limited(
            FailureKind::Memory,
            format!("the step wanted {} of memory", bytes(wanted as u64)),
            "memory",
            bytes(limits.memory),
        ),
        Refused::TableElements(wanted) => {
            let most = TABLE_ELEMENTS;
            let message = format!("the step wanted tables of {wanted} entries, and all its tables may have {most}");
            Failure::new(FailureKind::Memory, message)
        }
    }
}

/// The failure of a call that went beyond the limit with this name and value.
pub(crate) fn of_limit(kind: FailureKind, message: String, name: &str, value: String) -> Box<Failure> {
    Box::new(limited(kind, message, name, value))
}

fn limited(kind: FailureKind, message: String, name: &str, value: String) -> Failure {
    let quoted = if value.bytes().all(|byte| byte.is_ascii_digit()) { value.clone() } else { format!("\"{value}\"") };
    let hint = format!("the limit is `{name} = {quoted}`; raise it in the step's `limits` if the step needs more");
    let mut failure = Failure::new(kind, message).with_hint(hint);
    failure.limit = Some(LimitHit { name: name.into(), value });
    failure
}

fn of_trap(trap: Trap, state: &State) -> Failure {
    let code = code(trap);
    // A guest without a panic hook, such as one in C, says its last words on standard error and then aborts.
    let mut failure = match (trap, state.said().last_line()) {
        (Trap::UnreachableCodeReached, Some(line)) => {
            let mut failure = Failure::new(FailureKind::Trap, cut(&line, TEXT_BYTES));
            failure.causes.push(code.clone());
            failure
        }
        _ => Failure::new(FailureKind::Trap, code.clone()),
    };
    failure.code = Some(code);
    failure
}

fn code(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// The guest's stack. Runs of frames of the standard library, which say little, become one.
fn backtrace(error: &wasmtime::Error, symbols: &Symbols, stop: &Stop) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let offset = |frame: &wasmtime::FrameInfo| frame.module_offset().map_or(u64::MAX, |offset| offset as u64);
    let offsets: Vec<u64> = backtrace.frames().iter().map(offset).collect();
    let sources = symbols.frames(&offsets, stop);
    let mut frames = Vec::new();
    let mut folded = 0;
    let all = backtrace.frames().iter().zip(&sources).flat_map(|(frame, sources)| source_frames(frame, sources));
    for frame in all.take(LINES) {
        if frame.location.as_ref().is_some_and(|location| is_library(&location.file)) {
            folded += 1;
            continue;
        }
        frames.extend(fold(&mut folded));
        frames.push(frame);
    }
    frames.extend(fold(&mut folded));
    frames
}

fn fold(count: &mut usize) -> Option<Frame> {
    let folded = std::mem::take(count);
    let function = match folded {
        0 => return None,
        1 => "(a frame of the standard library)".to_owned(),
        _ => format!("({folded} frames of the standard library)"),
    };
    Some(Frame { function, location: None })
}

/// With inlining one frame of the machine stands for several of the source.
fn source_frames(frame: &wasmtime::FrameInfo, sources: &[SourceFrame]) -> Vec<Frame> {
    let named = || frame.func_name().map_or_else(|| "?".into(), demangled);
    if sources.is_empty() {
        return vec![Frame { function: named(), location: None }];
    }
    let of_source = |source: &SourceFrame| Frame {
        function: source.function.as_deref().map_or_else(named, demangled),
        location: source.location.clone(),
    };
    sources.iter().map(of_source).collect()
}

/// Whether a source file belongs to the Rust or C standard library, or to a crate from a registry.
fn is_library(file: &str) -> bool {
    ["/rustc/", "/rustlib/src/", "/.cargo/registry/", "/wasi-libc/", "/libc-top-half/", "/libc-bottom-half/"]
        .iter()
        .any(|part| file.contains(part))
}

/// A function's name as its author wrote it, without the hash that the compiler adds.
fn demangled(name: &str) -> String {
    // Without the hash: `#` is the form for people.
    cut(&format!("{:#}", rustc_demangle::demangle(name)), TEXT_BYTES)
}

/// A number of bytes in the unit in which it is whole, as pipeline files write it.
fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| number >= *unit && number.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", number / unit),
        None => format!("{number}B"),
    }
}

/// The failure that an error in the step's own words stands for, with what the step said before.
pub(crate) fn of_step(error: StepError, said: &Said) -> Failure {
    let mut failure = of_rejection(error, said);
    said.tell(&mut failure);
    failure
}

/// The failure of one row that a step refused. What the step logged is about the whole batch, and left out.
pub(crate) fn of_rejection(error: StepError, said: &Said) -> Failure {
    let kind = match error.kind {
        ErrorKind::Parameters => FailureKind::Parameters,
        ErrorKind::Input | ErrorKind::Transient | ErrorKind::Internal => FailureKind::GuestError,
    };
    let texts = |texts: Vec<String>| texts.iter().take(LINES).map(|text| cut(text, TEXT_BYTES)).collect();
    let mut failure = Failure::new(kind, cut(&error.message, TEXT_BYTES));
    failure.transient = error.kind == ErrorKind::Transient;
    failure.retry_after_ms = error.retry_after_ms.filter(|_| failure.transient);
    failure.causes = texts(error.causes);
    failure.trace = texts(error.trace);
    failure.hint = error.hint.map(|hint| cut(&hint, TEXT_BYTES));
    failure.location = error.location.map(|place| Location {
        file: cut(&place.file, TEXT_BYTES),
        line: place.line,
        column: place.column,
    });
    said.tell_denied(&mut failure);
    failure
}
