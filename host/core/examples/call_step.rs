//! Calls one step on record batches in a loop, with an engine that is created once.
//!
//! Run it with a step that takes the parameter `column`, such as `normalize-text`:
//!
//! ```sh
//! cargo run --package stillbox --example call_step -- normalize_text.wasm
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use stillbox::Engine;
use stillbox::arrow::array::{RecordBatch, StringArray};
use stillbox::arrow::schema::{DataType, Field, Schema};

fn main() -> Result<(), Box<dyn Error>> {
    let component = std::env::args_os().nth(1).ok_or("give the path of a step's .wasm file")?;
    for batch in call(Path::new(&component), &[&["Hello,   World!", "Two  words"], &["  more  "]])? {
        println!("{batch:?}");
    }
    Ok(())
}

/// Calls the step once for each list of texts.
///
/// # Errors
/// The step cannot be bound, or a call fails.
pub(crate) fn call(component: &Path, texts: &[&[&str]]) -> Result<Vec<RecordBatch>, Box<dyn Error>> {
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let engine = Engine::default();
    let step = engine.step(component).parameter("column", "text").bind(&schema)?;
    let mut results = Vec::new();
    for texts in texts {
        let column = Arc::new(StringArray::from(texts.to_vec()));
        let result = step.call(&RecordBatch::try_new(Arc::clone(&schema), vec![column])?)?;
        results.push(result.batch);
    }
    Ok(results)
}
