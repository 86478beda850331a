//! A Python step that misbehaves in many ways: each ends in its own failure with the message of the step, and affects only its
//! own row.
//!
//! It reads six rows in batches of two, and misbehaves at the second row of the second batch, which has the id 3.

use std::path::Path;

use stillbox::FailureKind::{Denied, Exit, GuestError, Memory, Timeout, Trap};
use stillbox::{Failure, FailureKind, RunError};

use crate::harness::{Folder, PipelineFile, ROOT, Table, component_step, python, rows};

/// How the step misbehaves, and the kind and message of its failure.
type Case = (&'static str, FailureKind, &'static str);

/// Exceptions: the message is from the step, and the place is the line that raised it.
const WORDS: &[Case] = &[
    ("raise-with-causes", GuestError, "ValueError: no rule for the row"),
    ("raise-while-handling", GuestError, "RuntimeError: the number is of no use"),
    ("raise-from-none", GuestError, "RuntimeError: the cause is suppressed"),
    ("raise-in-a-circle", GuestError, "ValueError: one"),
    ("raise-group", GuestError, "ExceptionGroup: two things (2 sub-exceptions)"),
    (
        "raise-unprintable",
        GuestError,
        "Unprintable (without a message, because `str` raised ValueError: no text for this)",
    ),
    ("raise-locked", GuestError, "Locked: the lock is held"),
    ("raise-tells-nothing", GuestError, "nothing to see"),
    ("raise-system-exit", GuestError, "SystemExit: had enough"),
    ("raise-system-exit-status", GuestError, "SystemExit: 3"),
    ("raise-keyboard-interrupt", GuestError, "KeyboardInterrupt"),
    ("raise-surrogate", GuestError, "ValueError: half a pair: \\ud800"),
    (
        "raise-escapes",
        GuestError,
        "ValueError: message \u{1b}[2J\u{1b}[31m\n  at: input.jsonl:1\n::error::a\n##[group]b end",
    ),
    ("raise-transient", GuestError, "the service is busy"),
    ("recursion", GuestError, "RecursionError: maximum recursion depth exceeded"),
    ("start-thread", GuestError, "RuntimeError: can't start new thread"),
    ("start-process", GuestError, "OSError: [Errno 58] wasi does not support processes."),
    ("read-environment", GuestError, "KeyError: 'HOME'"),
    ("read-input", GuestError, "EOFError: EOF when reading a line"),
    ("import-ctypes", GuestError, "ModuleNotFoundError: No module named 'ctypes'"),
    ("import-late", GuestError, "ModuleNotFoundError: No module named 'xml'"),
    ("unbalanced-lock", GuestError, "RuntimeError: cannot release un-acquired lock"),
    ("read-file", Denied, "FileNotFoundError: [Errno 44] No such file or directory: '/etc/passwd'"),
    ("write-file", Denied, "FileNotFoundError: [Errno 44] No such file or directory: 'here'"),
    ("open-socket", Denied, "PermissionError: [Errno 2] Permission denied"),
];

/// Memory errors: the message is from the host, with a number, and the cause and the place are from the step.
const MEMORY: &[&str] = &["memory", "memory-at-once"];

/// Values of the wrong type for a column: the place is the step's function.
const VALUES: &[Case] = &[
    ("wrong-type", GuestError, "the step returned `int`, but declares `Told`"),
    ("wrong-value", GuestError, "`said` must be a text, not 3"),
    ("surrogate-value", GuestError, "`said` contains a lone surrogate at index 0, which cannot be encoded as UTF-8"),
];

/// Ends of the instance without an exception.
const SILENT: &[Case] = &[
    ("loop", Timeout, "the step did not finish within 500ms"),
    ("sleep", Timeout, "the step did not finish within 500ms"),
    ("print-flood", Timeout, "the step did not finish within 500ms"),
    ("log-flood", Timeout, "the step did not finish within 500ms"),
    ("os-exit", Exit, "the step ended its instance with exit status 3"),
    ("abort", Trap, "wasm `unreachable` instruction executed"),
    ("wait-for-ever", Trap, "wasm `unreachable` instruction executed"),
    ("recursion-in-repr", Trap, "call stack exhausted"),
    ("recursion-in-json", Trap, "call stack exhausted"),
];

#[test]
fn python_exceptions_are_reported_with_their_message_and_line() {
    for (how, kind, message) in WORDS {
        let failure = failure(how, *kind);
        assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{how}: {failure:#?}");
        check_place(how, &failure);
        check_rejected(how, *kind);
    }
}

#[test]
fn a_python_memory_error_is_reported_with_its_line() {
    for how in MEMORY {
        let failure = failure(how, Memory);
        assert_eq!(failure.kind, Memory, "{how}: {failure:#?}");
        assert!(failure.message.starts_with("the step needed more than "), "{how}: {}", failure.message);
        assert_eq!(failure.causes, ["MemoryError"], "{how}");
        check_place(how, &failure);
        check_rejected(how, Memory);
    }
}

/// Checks that a failure names the row, and a line of the function that misbehaved.
fn check_place(how: &str, failure: &Failure) {
    let row = failure.row.as_ref().map(|row| (row.index, row.line));
    assert_eq!(row, Some((1, Some(4))), "{how}: {failure:#?}");
    let place = failure.location.as_ref().expect("an exception has a place");
    assert_eq!(&*place.file, "misbehave.py", "{how}");
    let source = source();
    let before = source.lines().take(place.line as usize);
    let raised_in = before.filter(|line| line.starts_with("def ")).last().unwrap_or_default();
    let function = format!("def {}(", how.replace('-', "_"));
    assert!(raised_in.starts_with(&function), "{how}: {place:?} is in {raised_in:?}");
}

#[test]
fn a_python_value_of_the_wrong_type_rejects_its_row() {
    for (how, kind, message) in VALUES {
        let failure = failure(how, *kind);
        assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{how}: {failure:#?}");
        check_rejected(how, *kind);
    }
}

#[test]
fn a_python_instance_that_ends_without_an_exception_is_reported_by_kind() {
    for (how, kind, message) in SILENT {
        let failure = failure(how, *kind);
        assert_eq!((failure.kind, &*failure.message), (*kind, *message), "{how}: {failure:#?}");
        // The host reads the place from the memory of the instance, because there is no exception.
        check_place(how, &failure);
        check_rejected(how, *kind);
    }
}

#[test]
fn an_exit_of_a_python_step_has_its_row() {
    let failure = failure("os-exit", Exit);
    assert_eq!(failure.row.map(|row| (row.index, row.line)), Some((1, Some(4))));
    assert!(failure.hint.is_some_and(|hint| hint.contains("it does not exit")));
}

#[test]
fn python_errors_keep_causes_trace_hint_and_retry_delay() {
    let chained = failure("raise-with-causes", GuestError);
    assert_eq!(chained.causes, ["OSError: the table is empty", "KeyError: 'missing'"]);
    let [.., calls, raises] = &chained.trace[..] else { panic!("{:?}", chained.trace) };
    assert!(calls.ends_with("in misbehave: told = BEHAVIOURS[parameters.how]()"), "{calls}");
    assert!(raises.ends_with("in raise_with_causes: raise ValueError(\"no rule for the row\") from error"), "{raises}");
    let handled = failure("raise-while-handling", GuestError);
    assert_eq!(handled.causes, ["ValueError: invalid literal for int() with base 10: 'three'"]);
    assert!(failure("raise-from-none", GuestError).causes.is_empty());
    assert_eq!(
        failure("raise-group", GuestError).causes,
        ["(1 of 2) ValueError: one", "(2 of 2) ExceptionGroup: more (1 sub-exception)", "(1 of 1) KeyError: 'other'"]
    );
    let transient = failure("raise-transient", GuestError);
    assert_eq!((transient.transient, transient.retry_after_ms), (true, Some(1500)));
    assert_eq!(transient.hint.as_deref(), Some("try at night"));
    for (how, hint) in [
        ("import-late", "import it at the top"),
        ("import-ctypes", "a component has no module `ctypes`: use a package in pure Python"),
        ("raise-system-exit-status", "it does not exit"),
        ("start-thread", "a step has no threads and no processes"),
        ("start-process", "a step has no threads and no processes"),
        ("read-environment", "a step sees no variable of the environment"),
        ("read-input", "the standard input is always empty"),
    ] {
        let failure = failure(how, GuestError);
        assert!(failure.hint.as_ref().is_some_and(|text| text.contains(hint)), "{how}: {:?}", failure.hint);
    }
    let deep = failure("recursion", GuestError);
    assert_eq!(deep.trace.len(), 41);
    let long = failure("raise-long", GuestError);
    assert!(long.message.len() < 33 << 10 && long.message.ends_with(" bytes more)"), "{}", long.message.len());
}

#[test]
fn failure_records_of_python_steps_contain_prints_and_logs() {
    let printed = failure("say-with-print", GuestError);
    assert_eq!(printed.stderr, "on standard error\n");
    assert_eq!(printed.stdout, "on standard output\nan end without a line");
    let logged = failure("say-with-logging", GuestError);
    let entries: Vec<_> = logged.log.iter().map(|entry| format!("{:?}: {}", entry.level, entry.message)).collect();
    assert_eq!(
        entries,
        [
            "Debug: a detail: 7",
            "Trace: a trace",
            "Info: worth knowing",
            "Error: a log message could not be formatted: TypeError: not all arguments converted during string formatting",
        ]
    );
    let warned = failure("say-with-a-warning", GuestError);
    assert!(warned.log[0].message.contains("UserWarning: odd"), "{:?}", warned.log);
    let handled = failure("say-with-an-exception", GuestError);
    let message = &handled.log[0].message;
    assert!(message.starts_with("failed\nmisbehave.py:") && message.ends_with("ValueError: handled"), "{message}");
}

#[test]
fn a_python_step_sees_no_arguments_variables_or_files() {
    let folder = folder();
    folder.run(pipeline("look-around")).succeeded();
    assert!(folder.text("output.jsonl").contains("{\"id\":3,\"said\":\"[] [] no files\"}"));
}

#[test]
fn every_behaviour_of_the_misbehaving_python_step_has_an_expectation() {
    let others = ["raise-long", "say-with-print", "say-with-logging", "say-with-a-warning", "say-with-an-exception"];
    let ways = ["count-pages", "draw", "look-around", "look-at-counts"];
    let cases = [WORDS, VALUES, SILENT].into_iter().flatten().map(|(how, ..)| *how);
    let mut cases: Vec<String> =
        cases.chain(MEMORY.iter().copied()).chain(others).chain(ways).map(ToOwned::to_owned).collect();
    let source = source();
    let behaviours = source.lines().filter_map(|line| line.strip_prefix("def ")?.split_once("() ->"));
    let mut behaviours: Vec<String> = behaviours.map(|(name, _)| name.replace('_', "-")).collect();
    cases.sort();
    behaviours.sort();
    assert_eq!(cases, behaviours);
}

#[test]
fn exceptions_are_the_same_in_components_for_tests() {
    let component = python::component_for_tests(&Path::new(ROOT).join("tests/python/misbehave"));
    for (how, kind, message) in WORDS.iter().chain(VALUES) {
        let step = component_step("guest", &component).parameters(format_args!("how = {how:?}"));
        let (found, built) = (failure_of(how, *kind, step), failure(how, *kind));
        assert_eq!((found.kind, &*found.message), (*kind, *message), "{how}: {found:#?}");
        assert_eq!(found.location, built.location, "{how}");
        assert_eq!((found.causes, found.hint), (built.causes, built.hint), "{how}");
        assert_eq!(found.trace, built.trace, "{how}");
    }
}

/// The failure that ends a run.
fn failure(how: &str, kind: FailureKind) -> Failure {
    failure_of(how, kind, misbehaving_step(how))
}

fn failure_of(how: &str, kind: FailureKind, step: Table) -> Failure {
    match folder().run_in_library(pipeline_with(step).limits(limits(kind))) {
        Err(RunError::Failed(failed)) => failed.failures.into_iter().next().expect("there is at least one"),
        Err(error) => panic!("{how}: the run did not start: {error}"),
        Ok(_) => panic!("{how}: the run did not fail"),
    }
}

/// Checks that only the guilty row is rejected if failures reject rows.
fn check_rejected(how: &str, kind: FailureKind) {
    let folder = folder();
    let rejecting = pipeline_with(misbehaving_step(how).on_failure("reject")).limits(limits(kind)).rejects();
    let report = folder.run_in_library(&rejecting).unwrap_or_else(|error| panic!("{how}: {error}"));
    assert_eq!((report.rows_in, report.rejected(), report.sinks[0].rows), (6, 1, 5), "{how}");
    let [reject] = &folder.json_lines("rejects.jsonl")[..] else { panic!("{how}: not one row is rejected") };
    assert_eq!((&reject["row"]["id"], &reject["failure"]["kind"]), (&3.into(), &kind.to_string().into()), "{how}");
}

fn limits(kind: FailureKind) -> &'static str {
    if kind == Timeout { "time = \"500ms\"" } else { "" }
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("input.jsonl", rows::with_ids(0..6));
    folder
}

fn source() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("tests/python/misbehave/misbehave.py")).unwrap()
}

/// A pipeline with the step that misbehaves, in batches of two rows.
pub(super) fn pipeline(how: &str) -> PipelineFile {
    pipeline_with(misbehaving_step(how))
}

fn pipeline_with(step: Table) -> PipelineFile {
    PipelineFile::new().batch_rows(2).add(step)
}

fn misbehaving_step(how: &str) -> Table {
    let component = python::component(&Path::new(ROOT).join("tests/python/misbehave"));
    component_step("guest", &component).parameters(format_args!("how = {how:?}"))
}
