//! Runs a pipeline on record batches in memory, and collects its output.
//!
//! ```sh
//! cargo run --package stillbox --example record_batches -- examples/clean-text/pipeline.toml
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use stillbox::arrow::array::{Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use stillbox::{Engine, Pipeline, RunOptions};

/// Runs the pipeline with these rows instead of the files of its source, and returns the rows of its sink.
///
/// # Errors
/// The pipeline does not fit the rows, or it failed.
pub(crate) fn run(engine: &Engine, pipeline: &Path, input: RecordBatch) -> Result<Vec<RecordBatch>, Box<dyn Error>> {
    let schema = input.schema();
    let (sender, output) = channel();
    let options = RunOptions::new()
        .source("source", RecordBatchIterator::new([Ok(input)], schema))
        .sink("sink", move |batch| Ok(sender.send(batch)?));
    Pipeline::from_file(pipeline)?.run(engine, &options)?;
    Ok(output.try_iter().collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let pipeline = std::env::args_os().nth(1).ok_or("give the path of a pipeline file")?;
    let input = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as _),
        ("text", Arc::new(StringArray::from(vec!["Some   text of several words.", "short"])) as _),
    ])?;
    for batch in run(&Engine::default(), Path::new(&pipeline), input)? {
        println!("{batch:?}");
    }
    Ok(())
}
