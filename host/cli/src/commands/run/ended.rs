//! Messages about a run that failed or was stopped.

use stillbox::model::WaitingBatch;
use stillbox::text::escape_controls;
use stillbox::{CancelReason, Failure, Report, RunError};

use super::resume;
use crate::exit_code::Exit;
use crate::output::{console, failure, render, summary};

/// The maximum number of failures shown. Batches in flight may fail together, mostly for the same reason.
const FAILURES_SHOWN: usize = 3;

/// Prints why a run failed or was stopped.
pub(crate) fn report_error(error: &RunError) -> Exit {
    match error {
        RunError::Config(diagnostics) => {
            render::diagnostics(diagnostics);
            Exit::Usage
        }
        RunError::Sink(failure) | RunError::Setup(failure) | RunError::TooFewRows { failure, .. } => {
            failure::failure(failure);
            Exit::Failed
        }
        RunError::Failed(failed) => {
            show(&failed.failures);
            Exit::Failed
        }
        RunError::TooManyRejects { max, report, .. } => {
            let rejected = summary::counted(report.rejected(), "row was", "rows were");
            render::message(&format!("{rejected} rejected, and `max-rejects` is {max}; see the reject file"));
            Exit::Failed
        }
        RunError::TimeLimit { failure, .. } => {
            failure::failure(failure);
            Exit::TimeLimit
        }
        RunError::Waiting { batches, .. } => waiting(batches),
        RunError::Runs(error) => {
            failure::error(error);
            Exit::Usage
        }
        RunError::Interrupted { reason, failures, report, .. } => {
            show(failures);
            interrupted(*reason, report, false)
        }
        other => {
            failure::error(other);
            Exit::Failed
        }
    }
}

/// Prints the first failures, and the number of the others.
pub(super) fn show(failures: &[Failure]) {
    failures.iter().take(FAILURES_SHOWN).for_each(failure::failure);
    if let Some(more) = failures.len().checked_sub(FAILURES_SHOWN).filter(|more| *more > 0) {
        console::eprintln!("and {}", summary::counted(more as u64, "more failure", "more failures"));
    }
}

/// The maximum number of batches shown.
const BATCHES_SHOWN: usize = 20;

/// Prints the batches that a run waits for.
fn waiting(batches: &[WaitingBatch]) -> Exit {
    console::eprintln!("the run waits for {}:", summary::counted(batches.len() as u64, "batch", "batches"));
    for WaitingBatch { model, batch, requests, status, .. } in batches.iter().take(BATCHES_SHOWN) {
        let requests = summary::counted(*requests, "request", "requests");
        let line = format!("  {batch} of model {model}: {requests}, {status}");
        console::eprintln!("{}", escape_controls(&line));
    }
    if let Some(more) = batches.len().checked_sub(BATCHES_SHOWN).filter(|more| *more > 0) {
        console::eprintln!("  and {}", summary::counted(more as u64, "more batch", "more batches"));
    }
    console::eprintln!("collect the answers with: {}", resume::command());
    Exit::Waiting
}

/// Prints one line about the rows of a run that was stopped.
pub(super) fn interrupted(reason: CancelReason, report: &Report, writes_to_stdout: bool) -> Exit {
    let rows = summary::rows(report.rows_in);
    let on_stdout: u64 = report.sinks.iter().filter(|sink| sink.is_stdout).map(|sink| sink.rows).sum();
    let outcome = if let Some(resumable) = &report.resumable {
        let saved = summary::counted(resumable.rows, "is saved", "are saved");
        format!("after {rows}, of which {saved}; resume with: {}", resume::command())
    } else if report.rows_in == 0 && on_stdout == 0 {
        "before a row was done; the outputs are unchanged".to_owned()
    } else if writes_to_stdout {
        let written = summary::counted(on_stdout, "row is", "rows are");
        format!("after {rows}; {written} on the standard output, output files are unchanged")
    } else {
        format!("after {rows}, none of which are saved; the outputs are unchanged")
    };
    console::eprintln!("{reason} {outcome}");
    Exit::from_cancel(reason)
}

/// Prints that failures or events are missing, and returns the exit code for it.
pub(super) fn not_recorded(error: &str) -> Exit {
    render::message(error);
    Exit::Failed
}
