//! Times calls of a step on the first 1,000 rows of a JSON Lines file, for `benches/python_package.py`, which compares them with its own.
//!
//! For each line of standard input it calls the step that many times, and prints the mean in microseconds:
//!
//! ```sh
//! echo 1000 | cargo run --release --package stillbox --example time_calls -- normalize_text.wasm input.jsonl
//! ```

use std::error::Error;
use std::io::{self, BufRead as _};
use std::path::Path;
use std::time::Instant;

use stillbox::Engine;
use stillbox::rows::RowReader;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(component), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("give the path of a step's .wasm file and that of a file of JSON Lines".into());
    };
    let first = RowReader::json_lines(Path::new(&file), &[], 1000)?.next_batch()?;
    let batch = first.ok_or("the file has no rows")?.rows;
    let engine = Engine::default();
    let step = engine.step(component).parameter("column", "text").bind(&batch.schema())?;
    for line in io::stdin().lock().lines() {
        let calls: u32 = line?.trim().parse()?;
        let begun = Instant::now();
        for _ in 0..calls {
            step.call(&batch)?;
        }
        println!("{:.3}", begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    Ok(())
}
