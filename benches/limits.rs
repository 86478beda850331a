//! The time from a guest's time limit to its end.
//!
//! `cargo bench -p stillbox-cli --bench limits` prints by how much a limit of 200 ms was exceeded: median, 99th percentile and
//! maximum of 30 runs, for guests that compute, wait and allocate, with one instance, with one for each core and with four
//! for each core, and for every call in which a guest can be. With several guests in flight the last of them counts. The
//! first columns are the elapsed time of the failure's record minus the limit. The last columns are the time of the whole
//! run minus the limit, including all work before the first call and after the last.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use stillbox::{Engine, FailureKind, Pipeline, RunError, RunOptions};
use stillbox_test_guests::{
    BAD_ALLOCATE, BAD_FLOOD_LOG, BAD_FLOOD_STDERR, BAD_LOOP, BAD_LOOP_IN_BIND, BAD_LOOP_IN_FINISH,
    BAD_LOOP_IN_MANIFEST, BAD_LOOP_IN_START, BAD_SLEEP,
};

const RUNS: usize = 30;
const LIMIT: Duration = Duration::from_millis(200);
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");

fn main() {
    // `cargo test --benches` runs this as well, to check that it works; one run is enough for that.
    let runs = if std::env::args().any(|argument| argument == "--bench") { RUNS } else { 1 };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let polls = folder.path().join("polls.wasm");
    let text = include_str!("../tests/e2e/wat/step.wat").replace(";; BODY", "call $wait");
    fs::write(&polls, wat::parse_str(text).expect("the text is WebAssembly")).expect("the folder is new");
    println!("ms after the limit{:>29} {:>8} {:>8} {:>14} {:>8}", "p50", "p99", "max", "whole run p50", "max");
    for (name, guest) in [("loops", BAD_LOOP), ("sleeps", BAD_SLEEP), ("allocates", BAD_ALLOCATE)] {
        for in_flight in [1, cores, 4 * cores] {
            print(&format!("{name}, {in_flight} in flight"), &folder, guest, in_flight, runs);
        }
    }
    let others = [
        ("waits in a poll", polls.to_str().expect("its name is text")),
        ("floods its log", BAD_FLOOD_LOG),
        ("floods standard error", BAD_FLOOD_STDERR),
        ("loops while it is instantiated", BAD_LOOP_IN_START),
        ("loops in `manifest`", BAD_LOOP_IN_MANIFEST),
        ("loops in `bind`", BAD_LOOP_IN_BIND),
        ("loops in `finish`", BAD_LOOP_IN_FINISH),
    ];
    for (name, guest) in others {
        print(name, &folder, guest, 1, runs);
    }
}

fn print(name: &str, folder: impl AsRef<Path>, guest: &str, in_flight: usize, runs: usize) {
    let folder = folder.as_ref();
    let pipeline = format!(
        "limits = {{ time = \"{}ms\" }}\n\n[pipeline]\nname = \"bench\"\nbatch-rows = 1\n\n\
         [[source]]\npath = \"input.jsonl\"\n\n[[step]]\nname = \"guest\"\ncomponent = \"{guest}\"\n\n\
         [[sink]]\npath = \"output.jsonl\"\n",
        LIMIT.as_millis()
    );
    fs::write(folder.join("pipeline.toml"), pipeline).expect("there is room");
    fs::write(folder.join("input.jsonl"), "{\"id\":3}\n".repeat(in_flight)).expect("there is room");
    // The first run may have to compile, and is not counted.
    let times = (0..=runs).map(|_| late(folder, in_flight)).skip(1).unzip();
    let (mut calls, mut whole): (Vec<f64>, Vec<f64>) = times;
    calls.sort_by(f64::total_cmp);
    whole.sort_by(f64::total_cmp);
    let at = |times: &[f64], share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!(
        "{name:<38} {:>8.1} {:>8.1} {:>8.1} {:>14.1} {:>8.1}",
        at(&calls, 0.5),
        at(&calls, 0.99),
        at(&calls, 1.0),
        at(&whole, 0.5),
        at(&whole, 1.0)
    );
}

/// By how many milliseconds the longest call and the whole run passed the limit.
fn late(folder: &Path, threads: usize) -> (f64, f64) {
    let pipeline = Pipeline::from_file(folder.join("pipeline.toml")).expect("the pipeline file is right");
    let engine = Engine::builder().threads(threads).compile_cache(CACHE).build();
    let started = Instant::now();
    let error = pipeline.run(&engine, &RunOptions::new()).expect_err("the guest never ends by itself");
    let whole = started.elapsed();
    let ended = |error: &RunError| {
        let timeouts = error.failures().into_iter().filter(|failure| failure.kind == FailureKind::Timeout);
        timeouts.filter_map(|failure| failure.elapsed_ms).reduce(f64::max)
    };
    let call = ended(&error).expect("the limit ended it");
    let limit = LIMIT.as_secs_f64() * 1e3;
    (call - limit, whole.as_secs_f64() * 1e3 - limit)
}
