//! Runs a pipeline from a program, with its output somewhere else.
//!
//! `cargo run --package stillbox --example clean_text -- examples/clean-text/pipeline.toml clean.jsonl`

use std::error::Error;
use std::path::Path;

use stillbox::{Engine, Overrides, Pipeline, RunOptions};

/// Runs the pipeline, and returns how many rows it wrote.
///
/// # Errors
/// The pipeline is wrong, or it failed.
pub(crate) fn run(pipeline: &Path, output: &Path) -> Result<u64, Box<dyn Error>> {
    let overrides = Overrides::new().output(output);
    // Compiled components are cached from run to run.
    let engine = Engine::builder().compile_cache(std::env::temp_dir().join("stillbox-example")).build();
    let report = Pipeline::from_file(pipeline)?.with(&overrides)?.run(&engine, &RunOptions::new())?;
    for step in &report.steps {
        println!("{}: {} of {} rows stayed", step.name, step.rows_out, step.rows_in);
    }
    Ok(report.sinks.iter().map(|sink| sink.rows).sum())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(pipeline), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: clean_text PIPELINE.toml OUTPUT".into());
    };
    let rows = run(Path::new(&pipeline), Path::new(&output))?;
    println!("{rows} rows written to {output}");
    Ok(())
}
