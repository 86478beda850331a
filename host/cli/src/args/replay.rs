//! The arguments of `stillbox replay`.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::allow::Allow;
use super::output::ShowOutput;

#[derive(Debug, Args)]
#[command(after_help = REPLAY_HELP)]
pub(crate) struct Replay {
    /// A bundle, which `stillbox run --bundle DIR` writes for each failure
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
    /// Call this component instead of the one in the bundle, for example one in which the error is fixed
    #[arg(long, value_name = "FILE.wasm", value_hint = ValueHint::FilePath)]
    pub(crate) component: Option<PathBuf>,
    /// Call the step with these rows of its batch only, counted from 0: `3..5` are the rows 3 and 4
    #[arg(long, value_name = "FROM..TO", value_parser = rows)]
    pub(crate) rows: Option<Range<usize>>,
    /// Write the call to this folder as a case for `stillbox test`, and run nothing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["component", "json"])]
    pub(crate) to_case: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) allow: Allow,
    #[command(flatten)]
    pub(crate) show: ShowOutput,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const REPLAY_HELP: &str = "\
The step gets the random numbers, times, responses and answers of the first call. It reaches neither
the network nor a folder unless --allow-http or --allow-dir grants it.

Exit codes: 0 the same failure, 3 another outcome. With --component: 0 the call passes, 1 it fails.";

fn rows(text: &str) -> Result<Range<usize>, String> {
    let parsed = text.split_once("..").and_then(|(from, to)| Some(from.trim().parse().ok()?..to.trim().parse().ok()?));
    let rows: Range<usize> = parsed.ok_or("two numbers are needed, such as `3..5` for the rows 3 and 4")?;
    if rows.is_empty() { Err("these are no rows; the second number is not included".into()) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_two_numbers() {
        assert_eq!(rows("3..5"), Ok(3..5));
        for wrong in ["3", "3..", "..5", "a..b", "5..5", "5..3", "-1..2", "1..=2"] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
    }
}
