//! Starts a run, follows its events, and cancels it after a number of rows.
//!
//! ```sh
//! cargo run --package stillbox --example run_handle -- examples/clean-text/pipeline.toml 500
//! ```

use std::error::Error;

use stillbox::{CancelReason, Engine, OwnedEvent, Pipeline, Report, RunError, RunOptions};

/// Runs the pipeline, and cancels it once at least `max_rows` rows were read. Returns the counts, and whether the run was
/// cancelled.
///
/// # Errors
/// The pipeline is wrong, or it failed.
pub(crate) fn run_up_to(
    pipeline: &Pipeline,
    options: RunOptions,
    max_rows: u64,
) -> Result<(Report, bool), Box<dyn Error>> {
    let run = pipeline.start(&Engine::default(), options)?;
    // The events end when the run has ended, cancelled or not.
    for event in run.events() {
        match event {
            OwnedEvent::Started { run, steps, .. } => println!("run {run} with {} steps", steps.len()),
            OwnedEvent::Rejected { failure, .. } => println!("rejected: {failure}"),
            OwnedEvent::Progress { report, .. } if report.rows_in >= max_rows => run.cancel(),
            _ => {}
        }
    }
    match run.wait() {
        Ok(report) => Ok((report, false)),
        Err(RunError::Interrupted { reason: CancelReason::Program, report, .. }) => Ok((*report, true)),
        Err(error) => Err(error.into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(pipeline), Some(max_rows)) = (arguments.next(), arguments.next()) else {
        return Err("usage: run_handle PIPELINE.toml MAX_ROWS".into());
    };
    let (report, is_cancelled) = run_up_to(&Pipeline::from_file(pipeline)?, RunOptions::new(), max_rows.parse()?)?;
    println!("{} rows read{}", report.rows_in, if is_cancelled { ", then cancelled" } else { "" });
    Ok(())
}
