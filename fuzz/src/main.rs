//! Passes random inputs to the parsers and checks of Stillbox that read what others have written.
//!
//! cargo-fuzz needs a nightly compiler. This driver needs none: it mutates seeds that are made by code, and runs each target in a
//! process of its own, so that an abort, a hang or a use of too much memory is a finding like a panic. It knows nothing of the
//! coverage; therefore every target has seeds for each of its formats. A finding is reported with its number, from which `--first`
//! makes the same input again.

mod mutate;
mod seeds;
mod targets;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use targets::TARGETS;

/// Passes random inputs to the parsers and checks of Stillbox.
#[derive(Parser)]
struct Arguments {
    /// The targets; by default all.
    targets: Vec<String>,
    /// The time for all targets together, in seconds. Without `--time` and `--count`: 60.
    #[arg(long)]
    time: Option<u64>,
    /// The number of inputs of each target.
    #[arg(long)]
    count: Option<u64>,
    /// The number from which all inputs are derived.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first input.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs one target in this process. The driver calls itself with it.
    #[arg(long, hide = true)]
    work: bool,
}

/// The time when neither a time nor a number is given.
const DEFAULT_SECONDS: u64 = 60;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let known = |name: &String| TARGETS.iter().find(|target| target.name == *name);
    if let Some(unknown) = arguments.targets.iter().find(|name| known(name).is_none()) {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("there is no target {unknown}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let targets: Vec<_> = if arguments.targets.is_empty() {
        TARGETS.iter().collect()
    } else {
        arguments.targets.iter().filter_map(known).collect()
    };
    if arguments.work {
        worker::work(targets[0], arguments.seed, arguments.first, arguments.count.unwrap_or(u64::MAX));
        return ExitCode::SUCCESS;
    }
    let seconds = arguments.time.or(arguments.count.is_none().then_some(DEFAULT_SECONDS));
    let time = seconds.map(|seconds| Duration::from_secs(seconds) / targets.len() as u32);
    let mut findings = 0;
    for target in targets {
        match worker::drive(target, arguments.seed, arguments.first, arguments.count, time) {
            Ok(found) => findings += found,
            Err(error) => {
                eprintln!("{}: {error:#}", target.name);
                return ExitCode::from(2);
            }
        }
    }
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
