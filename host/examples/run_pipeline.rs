//! Runs a pipeline from a Rust program, with progress, and shows what failed.
//!
//! `cargo run --example run_pipeline -- examples/clean-text/pipeline.toml`

use std::process::ExitCode;
use std::sync::Arc;

use stillbox::{Event, Options, Pipeline, RunError};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: run_pipeline PIPELINE.toml");
        return ExitCode::from(2);
    };
    let pipeline = match Pipeline::from_file(path) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let options = Options {
        on_event: Some(Arc::new(|event: &Event<'_>| {
            if let Event::Progress { report, .. } = event {
                eprintln!("{} rows", report.rows_in);
            }
        })),
        ..Options::default()
    };
    match pipeline.run(&options) {
        Ok(report) => {
            for step in &report.steps {
                println!("{}: {} rows in, {} rows out", step.name, step.rows_in, step.rows_out);
            }
            ExitCode::SUCCESS
        }
        Err(RunError::Failed(failed)) => {
            for failure in &failed.failures {
                eprintln!("{failure} ({})", failure.kind);
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
