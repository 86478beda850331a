//! Logs and prints the text of each row.

use std::io::Write as _;
use std::time::Duration;

use stillbox_sdk::{Input, Result, log, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Logs and prints texts. The text `wait` makes it wait after that.
#[step]
fn print(row: Row<'_>) -> Result<()> {
    log::info!("{}", row.text);
    println!("{}", row.text);
    eprint!("{} without an end", row.text);
    std::io::stderr().flush()?;
    if row.text == "wait" {
        std::thread::sleep(Duration::from_mins(10));
    }
    Ok(())
}
