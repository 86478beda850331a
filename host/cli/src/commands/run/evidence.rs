//! The end of a run in one verdict and one sentence, for reports.

use stillbox::{Failure, Pipeline, Report, RunError};

use crate::output::summary::{duration, rows};
use crate::report::{Collector, Evidence, RunEnd, RunVerdict, environment};

/// Returns everything about a run that has ended.
pub(super) fn evidence(
    collector: &Collector,
    pipeline: &Pipeline,
    result: &Result<Report, RunError>,
    threads: usize,
) -> Evidence {
    let none = Report::default();
    let failures = result.as_ref().err().map_or_else(Vec::new, RunError::failures);
    let (verdict, sentence, report) = match result {
        Ok(report) => (RunVerdict::Done, done(report), report),
        Err(error) => {
            let verdict = match error {
                RunError::TimeLimit { .. } | RunError::Waiting { .. } | RunError::Interrupted { .. } => {
                    RunVerdict::Stopped
                }
                _ => RunVerdict::Failed,
            };
            (verdict, not_done(error, &failures), error.report().unwrap_or(&none))
        }
    };
    let environment = environment(pipeline.file(), collector.started(), threads, &|word| collector.redact(word));
    collector.finish(pipeline.name(), &RunEnd { verdict, sentence, report, failures: &failures, environment })
}

fn done(report: &Report) -> String {
    let written: u64 = report.sinks.iter().map(|sink| sink.rows).sum();
    let rejected = match report.rejected() {
        0 => String::new(),
        number => format!(", {} rejected", rows(number)),
    };
    let time = duration(report.elapsed);
    format!("{} read, {} written{rejected} in {time}", rows(report.rows_in), rows(written))
}

fn not_done(error: &RunError, failures: &[Failure]) -> String {
    let first = failures.first().map(ToString::to_string);
    let more = if failures.len() > 1 { format!(" (and {} more)", failures.len() - 1) } else { String::new() };
    let resumable = match error {
        RunError::Failed(failed) => failed.report.resumable.as_ref(),
        RunError::TimeLimit { report, .. } | RunError::Interrupted { report, .. } => report.resumable.as_ref(),
        _ => None,
    };
    let resumable =
        resumable.map_or_else(String::new, |saved| format!("\n{} saved; `--resume` continues", rows(saved.rows)));
    format!("{}{more}{resumable}", first.unwrap_or_else(|| error.to_string()))
}
