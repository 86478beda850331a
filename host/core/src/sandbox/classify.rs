//! Turns the error that ended a call into a failure.

use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::python::PythonStack;
use super::{CallOptions, Halt, hints, stack};
use crate::component::Component;
use crate::engine::bindings::types::{ErrorKind, StepError};
use crate::engine::{
    Attribution, CapturedOutput, DeadlinePassed, DeniedGrowth, HOST_CALL_BYTES, MAX_HANDLES, ModelHalt, ReportedExit,
    State, TABLE_ELEMENTS, is_shortage_error,
};
use crate::failure::{Failure, FailureKind, LimitHit, Location, MESSAGE_BYTES, RowPlace, WHOLE};
use crate::limits::Limits;
use crate::model_client::ModelEnd;
use crate::monitor::Libraries;
use crate::text::cut;
use crate::units::{format_duration, format_size, format_size_beside};

/// wasmtime's message when a guest passes more than [`wasmtime::Store::set_hostcall_fuel`] allows; the error has no
/// type.
const LIFTED_TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";

/// Parts of wasmtime's message when a guest asks for more random bytes than it may; the error has no type.
const RANDOM_SIZE: &str = "requested len ";
const RANDOM_LIMIT: &str = " exceeds limit ";

/// Starts of the links that wasmtime adds to the chain of an error for the stack of the guest.
const STACKS: [&str; 2] = ["error while executing", "wasm coredump generated"];

/// Start of wasmtime's message when an instance exports a function with other types than the contract's; the error has
/// no type.
const OTHER_TYPES: &str = "type mismatch with ";

/// Creates the failure of a call that ended with this error.
pub(crate) fn from_error(
    error: &wasmtime::Error,
    store: &Store<State>,
    component: &Component,
    terms: &CallOptions<'_>,
    elapsed: Duration,
) -> Failure {
    let state = store.data();
    let mut failure = classify(error, state, terms.limits);
    // The positions of batches that a stop ended are of no use, and there may be many of them. A model's failure is not the step's.
    if !matches!(failure.kind, FailureKind::Interrupted | FailureKind::Model) {
        if let Some(stack) = PythonStack::read(error, store, component) {
            stack.attach_to(&mut failure);
        } else if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
            failure.backtrace = stack::frames(backtrace, component.symbols(), terms.stop, Libraries::Folded);
        }
    }
    // A panic in a library names a line of the library. The author knows the frame that called it.
    if failure.location.as_ref().is_none_or(|location| stack::is_library(&location.file))
        && let Some(location) = stack::place(&failure.backtrace)
    {
        failure.location = Some(location.clone());
    }
    if failure.hint.is_none() {
        let recursion = error.downcast_ref::<Trap>().and_then(|trap| hints::recursion(*trap, &failure.backtrace));
        failure.hint = recursion.or_else(|| hints::unsupported(&failure)).map(ToOwned::to_owned);
    }
    state.captured().attach_to(&mut failure);
    failure.elapsed_ms = Some((elapsed.as_secs_f64() * 1e6).round() / 1e3);
    WHOLE.keep(&mut failure);
    failure
}

fn classify(error: &wasmtime::Error, state: &State, limits: &Limits) -> Failure {
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return from_halt(*halt, limits);
    }
    if error.is::<DeadlinePassed>() {
        return from_halt(Halt::Timeout, limits);
    }
    if let Some(ModelHalt(end)) = error.downcast_ref::<ModelHalt>() {
        let ModelEnd::Failed(failure) = end else { return Failure::deferred() };
        return failure.clone().into();
    }
    if let Some(failure) = from_exit(error) {
        return failure;
    }
    if is_shortage_error(error) {
        return Failure::shortage(error.chain().map(ToString::to_string).collect());
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        let fuel = limits.fuel.unwrap_or_default();
        return Failure::limit(FailureKind::Fuel, "the step ran out of fuel", "fuel", fuel.to_string());
    }
    let panic = state.panic().map(|panic| {
        let mut failure = Failure::new(FailureKind::Panic, panic.message.clone());
        failure.location.clone_from(&panic.location);
        failure.row = panic.row.map(reported_row);
        failure
    });
    if let Some(growth) = state.denied_growth() {
        let mut failure = from_denied_growth(growth, limits);
        if let Some(panic) = panic {
            failure.causes.push(panic.message);
            failure.location = panic.location;
            failure.row = panic.row;
        } else if let Some(trap) = trap {
            failure.causes.push(code(*trap));
        }
        return failure;
    }
    if let Some(mut panic) = panic {
        panic.code = trap.map(|trap| code(*trap));
        return panic;
    }
    match trap {
        Some(trap) => from_trap(*trap, state),
        None => from_other_error(error, limits),
    }
}

/// Creates the failure for an instance that ended itself. WASI passes on only whether the status is 0, the SDK for Rust the
/// status.
fn from_exit(error: &wasmtime::Error) -> Option<Failure> {
    let (status, row) = if let Some(exit) = error.downcast_ref::<ReportedExit>() {
        (format!("exit status {}", exit.status), exit.row)
    } else {
        let I32Exit(status) = error.downcast_ref()?;
        (String::from(if *status == 0 { "exit status 0" } else { "an exit status other than 0" }), None)
    };
    let mut failure = Failure::new(FailureKind::Exit, format!("the step ended its instance with {status}"))
        .with_hint("a step returns its result; it does not exit, not even with status 0");
    failure.row = row.map(reported_row);
    Some(failure)
}

/// The place of a row of which the guest reports the index.
fn reported_row(index: u32) -> RowPlace {
    RowPlace { index: index.into(), file: None, line: None, row: None }
}

/// Creates the failure for an error that wasmtime gives no type, or of which only the host is the cause.
fn from_other_error(error: &wasmtime::Error, limits: &Limits) -> Failure {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    // While a host function is called, the guest is on the stack.
    let is_call = error.downcast_ref::<WasmBacktrace>().is_some_and(|stack| !stack.frames().is_empty());
    if is_call && let Some(limit) = FixedLimit::exceeded_by(error, &chain) {
        return limit.into_failure();
    }
    if chain.iter().any(|link| link.contains(LIFTED_TOO_MUCH)) {
        let value = format_size(limits.output_bytes);
        return Failure::limit(FailureKind::BadOutput, "the step passed too much data at once", "output-bytes", value);
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
    // Only the guest's values are left: a pointer outside its memory, an unknown case, invalid UTF-8.
    let what = if is_call { "an argument that the step passed to the host" } else { "the output of the step" };
    let mut failure = Failure::new(FailureKind::BadOutput, format!("{what} cannot be read"));
    failure.causes = chain.into_iter().filter(|link| !STACKS.iter().any(|start| link.starts_with(start))).collect();
    failure
}

/// A limit on calls of host functions that is the same for all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FixedLimit {
    /// The bytes of one call.
    Bytes,
    /// The handles of an instance.
    Handles,
}

impl FixedLimit {
    /// Returns the limit that ended a call of a host function, if one did.
    fn exceeded_by(error: &wasmtime::Error, chain: &[String]) -> Option<Self> {
        if matches!(error.root_cause().downcast_ref(), Some(ResourceTableError::Full)) {
            return Some(Self::Handles);
        }
        let is_large = |link: &String| {
            link.contains(LIFTED_TOO_MUCH) || (link.starts_with(RANDOM_SIZE) && link.contains(RANDOM_LIMIT))
        };
        chain.iter().any(is_large).then_some(Self::Bytes)
    }

    fn into_failure(self) -> Failure {
        let (kind, message, name, value) = match self {
            Self::Bytes => {
                let message = "the step passed too much data to the host, or asked for too much, in one call";
                (FailureKind::BadOutput, message, "host-call-bytes", format_size(HOST_CALL_BYTES as u64))
            }
            Self::Handles => {
                let message = "the step opened too many streams, timers or other handles of the host";
                (FailureKind::Memory, message, "handles", MAX_HANDLES.to_string())
            }
        };
        let hint =
            "this limit is the same for all steps and cannot be raised; pass smaller parts, and drop handles after use";
        let mut failure = Failure::new(kind, message).with_hint(hint);
        failure.limit = Some(LimitHit { name: name.into(), value });
        failure
    }
}

fn from_halt(halt: Halt, limits: &Limits) -> Failure {
    match halt {
        Halt::Timeout => {
            let value = format_duration(limits.time);
            Failure::limit(FailureKind::Timeout, format!("the step did not finish within {value}"), "time", value)
        }
        Halt::Stopped(reason) => Failure::stopped(reason),
    }
}

fn from_denied_growth(growth: DeniedGrowth, limits: &Limits) -> Failure {
    match growth {
        DeniedGrowth::Memory(wanted) => Failure::limit(
            FailureKind::Memory,
            format!(
                "the step needed more than {}: it requested {}",
                format_size(limits.memory),
                format_size_beside(wanted as u64, limits.memory)
            ),
            "memory",
            format_size(limits.memory),
        ),
        DeniedGrowth::TableElements(wanted) => {
            let most = TABLE_ELEMENTS;
            let message = format!("the step requested tables of {wanted} entries, and all its tables may have {most}");
            let hint = "this limit is the same for all steps and cannot be raised; build the step with smaller tables";
            let mut failure = Failure::new(FailureKind::Memory, message).with_hint(hint);
            failure.limit = Some(LimitHit { name: "table-entries".into(), value: most.to_string() });
            failure
        }
    }
}

fn from_trap(trap: Trap, state: &State) -> Failure {
    let code = code(trap);
    // A guest without a panic hook, such as one in C, prints its message on standard error and then aborts.
    let mut failure = match (trap, state.captured().last_line()) {
        (Trap::UnreachableCodeReached, Some(line)) => {
            let mut failure = Failure::new(FailureKind::Trap, cut(&line, MESSAGE_BYTES));
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

/// Creates the failure for an error that the step returned, with the captured output.
pub(crate) fn from_step_error(error: StepError, captured: &CapturedOutput) -> Failure {
    let mut failure = from_rejection(error, captured, Attribution::Call);
    captured.attach_to(&mut failure);
    failure
}

/// Creates the failure of a row that the step rejected. The log belongs to the whole batch, and is left out.
pub(crate) fn from_rejection(error: StepError, captured: &CapturedOutput, attribution: Attribution) -> Failure {
    let kind = match error.kind {
        ErrorKind::Parameters => FailureKind::Parameters,
        ErrorKind::Input | ErrorKind::Transient | ErrorKind::Internal => FailureKind::GuestError,
    };
    let mut failure = Failure::new(kind, cut(&error.message, MESSAGE_BYTES));
    failure.transient = error.kind == ErrorKind::Transient;
    failure.retry_after_ms = error.retry_after_ms.filter(|_| failure.transient);
    failure.causes = error.causes;
    failure.trace = error.trace;
    failure.hint = error.hint.or_else(|| hints::unsupported(&failure).map(ToOwned::to_owned));
    failure.location =
        error.location.map(|place| Location { file: place.file, line: place.line, column: place.column });
    captured.complete(&mut failure, attribution);
    WHOLE.keep(&mut failure);
    failure
}
