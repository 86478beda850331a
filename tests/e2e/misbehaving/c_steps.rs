//! A step in C without an SDK: `abort`, `exit`, traps and time limits.
//!
//! The tests need `python3` with `venv`: they install a C compiler (`zig cc`) into the environment that they have for
//! Python. Linker and C library are those that come with Rust's target wasm32-wasip2.

use std::path::{Path, PathBuf};
use std::process::Command;

use stillbox::FailureKind::{self, Exit, Timeout, Trap};

use super::{Failure, Folder, failure, pipeline, rejected};
use crate::harness::{ROOT, outcome, python, rows};

/// The cache of the compiler. It is in the build folder, so the next run of the tests uses it too.
const COMPILER_FILES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/c");
const COMPILER: &str = "ziglang==0.17.1";

/// The Python interpreter that has the C compiler.
fn compiler() -> PathBuf {
    let python = python::environment();
    let _installing = python::lock("installing");
    let is_there = Command::new(&python).args(["-c", "import ziglang"]).output().is_ok_and(|it| it.status.success());
    if !is_there {
        let mut pip = Command::new(&python);
        outcome(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", COMPILER])).succeeded();
    }
    python
}

/// The folder of the Rust libraries for a target.
fn rust_folder(arguments: &[&str]) -> PathBuf {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).args(arguments).output();
    let folder = String::from_utf8(output.expect("the tests need rustc").stdout).expect("its folder is named in UTF-8");
    PathBuf::from(folder.trim())
}

/// A folder with the input, and with a step that runs this C code at the guilty row.
fn folder(misbehave: &str) -> Folder {
    let folder = Folder::new();
    let object = folder.join("step.o");
    let mut compile = Command::new(compiler());
    compile
        .current_dir(Path::new(ROOT).join("tests/e2e/c"))
        .env("ZIG_GLOBAL_CACHE_DIR", COMPILER_FILES)
        .env("ZIG_LOCAL_CACHE_DIR", COMPILER_FILES);
    compile.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O1", "-g", "-c", "step.c"]);
    outcome(compile.arg(format!("-DMISBEHAVE={misbehave}")).arg("-o").arg(&object)).succeeded();

    let library = rust_folder(&["--target", "wasm32-wasip2"]).join("self-contained");
    let programs = rust_folder(&[]).parent().map(|folder| folder.join("bin")).expect("it is a folder's");
    let contract = Path::new(ROOT).join("guest-sdk/wit/step.wit");
    let mut link = Command::new(programs.join("wasm-component-ld"));
    link.arg("--wasm-ld-path").arg(programs.join("gcc-ld/wasm-ld")).arg("--component-type").arg(contract).arg("-L");
    link.arg(&library).arg(library.join("crt1-reactor.o")).arg(object).args(["-lc", "--entry", "_initialize", "-o"]);
    outcome(link.arg(folder.join("guest.wasm"))).succeeded();
    folder.write("input.jsonl", rows::with_ids(0..6));
    folder
}

/// The failure of the step. If rows are rejected, the failure is the same and all other rows pass.
fn failed(misbehave: &str, limits: &str, kind: FailureKind, message: &str) -> Failure {
    let folder = folder(misbehave);
    let failure = failure(&folder, &pipeline(limits));
    assert_eq!((failure.kind, &*failure.message), (kind, message), "{misbehave}: {failure:#?}");
    assert_eq!((failure.step.as_deref(), failure.batch), (Some("guest"), Some(1)), "{misbehave}");
    assert_eq!(rejected(&folder, misbehave, limits).kind, kind, "{misbehave}");
    failure
}

#[test]
fn a_c_step_that_aborts_is_reported_with_its_last_line_of_standard_error() {
    let failure = failed("fputs(\"cannot go on with row 3\\n\", stderr); abort()", "", Trap, "cannot go on with row 3");
    assert_eq!(failure.causes, ["wasm `unreachable` instruction executed"]);
    assert_eq!(failure.stderr, "cannot go on with row 3\n");
    let location = failure.location.expect("the source has debug information");
    assert_eq!(Path::new(&location.file).file_name().and_then(|name| name.to_str()), Some("step.c"));
    assert_eq!(failure.backtrace.last().map(|frame| &*frame.function), Some("step_process"));
}

#[test]
fn a_misbehaving_c_step_fails_with_the_right_kind() {
    failed("exit(0)", "", Exit, "the step ended its instance with exit status 0");
    failed("exit(3)", "", Exit, "the step ended its instance with an exit status other than 0");
    failed("zero = 7 / zero", "", Trap, "integer divide by zero");
    failed("*(volatile int *)(intptr_t)-8 = 7", "", Trap, "out of bounds memory access");
    failed("for (;;) zero++", "time = \"200ms\"", Timeout, "the step did not finish within 200ms");
}

/// Address 0 lies in the step's own memory.
#[test]
fn a_c_step_that_writes_through_null_runs() {
    let folder = folder("*(volatile int *)(intptr_t)zero = 7");
    let report = folder.run_in_library(pipeline("")).expect("the step runs");
    assert_eq!((report.rows_in, report.sinks[0].rows), (6, 6));
}
