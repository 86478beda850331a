//! The step `run-js`.

mod globals;
mod output;
mod program;

use std::cell::Cell;

use stillbox_sdk::{Batch, Input, Output, Parameters, Result, Rows, ensure, error, step};

use crate::program::{Program, Verdict};

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column with the code.
    #[parameter(default = "code")]
    pub column: String,
    /// A column with code that runs afterwards, in the same scope, and fails if the code is wrong. It may be missing.
    #[parameter(default = "tests")]
    pub tests: String,
    /// A column with the text that the code reads from standard input. It may be missing.
    #[parameter(default = "stdin")]
    pub stdin: String,
    /// The output column for `passed`, `failed` (an error or an exit in the tests, or a failed assertion), `error` (another error,
    /// a syntax error or an exit status other than 0 in the code) or `limit`.
    #[parameter(default = "verdict")]
    pub verdict: String,
    /// The output column for what the code prints, on standard output and standard error.
    #[parameter(default = "output")]
    pub output: String,
    /// The output column for the error and its stack trace. Null if the verdict is `passed`.
    #[parameter(default = "traceback")]
    pub traceback: String,
    /// The most characters of the output and of the traceback, whose starts are kept.
    #[parameter(default = 10_000, max = 10_000_000)]
    pub max_characters: usize,
    /// The most instructions of the engine, after which the verdict is `limit`.
    #[parameter(default = 100_000_000, min = 1)]
    pub max_instructions: u32,
}

/// A row of the input.
#[derive(Debug, Input)]
pub struct Row<'a> {
    #[column(from = "column")]
    code: &'a str,
    #[column(from = "tests", optional)]
    tests: Option<&'a str>,
    #[column(from = "stdin", optional)]
    stdin: Option<&'a str>,
}

/// A row of the output.
#[derive(Debug, Output)]
pub struct Outcome {
    #[column(from = "verdict")]
    verdict: &'static str,
    #[column(from = "output")]
    output: String,
    #[column(from = "traceback")]
    traceback: Option<String>,
}

thread_local! {
    static IS_USED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the JavaScript code of each row in an instance of its own, and writes its verdict, output and traceback.
///
/// Requires `batch-rows = 1`, so that no code meets what the code of another row has used up.
#[step]
pub fn run_js(parameters: &Parameters, batch: Batch<'_, Row<'_>>) -> Result<Rows<Outcome>> {
    if batch.len() > 1 || IS_USED.replace(!batch.is_empty()) {
        let error = error!("the code of several rows would run in one instance");
        return Err(error.hint("set `batch-rows = 1` at the step, and leave `instance` at \"batch\""));
    }
    let mut rows = Rows::new();
    for row in batch.iter() {
        rows.push(run(parameters, &row?)?)?;
    }
    Ok(rows)
}

fn run(parameters: &Parameters, row: &Row<'_>) -> Result<Outcome> {
    ensure!(parameters.max_instructions > 0, "`max-instructions` is at least 1");
    let mut program = Program::new(parameters, row.stdin.unwrap_or_default())?;
    let mut ending = program.run(row.code, "<code>");
    if ending.verdict == Verdict::Passed
        && let Some(tests) = row.tests
    {
        ending = program.run(tests, "<tests>");
    }
    let output = program.into_output();
    Ok(Outcome { verdict: ending.verdict.name(), output, traceback: ending.traceback })
}
