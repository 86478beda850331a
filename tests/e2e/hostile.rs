//! Generated hostile components, through every command that loads one: a structured failure, never a crash, within the memory and
//! the time that the limits allow.
//!
//! `STILLBOX_HOSTILE_SEEDS=100` runs a hundred components of each kind instead of one.

use std::process::Child;
use std::thread;

use stillbox_hostile::{KINDS, Kind};

use crate::harness::schemas::assert_is_record;
use crate::harness::{Folder, PipelineFile, end, rows, spawn, step};

/// Private memory of a command in KiB, by the system's limit: the limits below for each thread, and what the command needs itself. The
/// compiler has a process and a limit of its own.
const MEMORY_KIB: u64 = 700 << 10;

const LIMITS: &str = "time = \"300ms\", memory = \"16MiB\", output-bytes = \"4MiB\", compile-time = \"5s\", \
                      compile-memory = \"512MiB\"";

/// Returns the number of components of each kind.
fn seeds() -> u64 {
    std::env::var("STILLBOX_HOSTILE_SEEDS").map_or(1, |seeds| seeds.parse().expect("it is a number"))
}

/// Runs a command under the limit on memory.
fn code(folder: &Folder, arguments: &str) -> (Option<i32>, String, String) {
    let script = format!("ulimit -d {MEMORY_KIB}; exec \"$STILLBOX\" {arguments}");
    let mut child: Child = spawn(&mut folder.shell(&script));
    let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
        let mut pipe = pipe.expect("it is piped");
        thread::spawn(move || {
            let mut text = Vec::new();
            pipe.read_to_end(&mut text).expect("it can be read");
            String::from_utf8(text).expect("messages are text")
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let code = end(child);
    (code, stdout.join().expect("it was read"), stderr.join().expect("it was read"))
}

fn check(kind: &Kind, seed: u64) {
    let folder = Folder::new();
    let name = format!("{} {seed}", kind.name);
    folder.write("guest.wasm", kind.component(seed));
    folder.write("input.jsonl", rows::with_ids(0..4));
    folder.write_pipeline(PipelineFile::new().limits(LIMITS).add(step("guest")));
    folder.write("step/cases/one/input.jsonl", rows::with_ids(0..4));
    folder.write("step/cases/one/expected.jsonl", rows::with_ids(0..4));
    folder.write("step/cases/one/case.toml", format!("[limits]\n{}\n", LIMITS.replace(", ", "\n")));
    for arguments in [
        "inspect guest.wasm",
        "check pipeline.toml",
        "run pipeline.toml --failures failures.jsonl -t 2",
        "test step --component guest.wasm",
    ] {
        let (code, stdout, stderr) = code(&folder, arguments);
        let failed = matches!(code, Some(1 | 2));
        assert!(failed || code == Some(0), "{name}: {arguments}: {code:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{name}: {arguments}: {stderr}");
        let shown = stdout + &stderr;
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{name}: {arguments}: {shown:?}");
        let is_command =
            |line: &str| line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[");
        assert!(!shown.lines().any(is_command), "{name}: {arguments}: {shown:?}");
        if failed && arguments.starts_with("run") {
            let records = folder.json_lines("failures.jsonl");
            assert!(!records.is_empty(), "{name}: {stderr}");
            for record in records {
                assert_is_record(&record);
                assert_ne!(record["kind"], "host", "{name}: {record}");
            }
        }
    }
}

#[test]
fn hostile_steps_end_in_a_structured_failure() {
    run(|kind| KINDS.iter().position(|other| other.name == kind.name).is_some_and(|index| index < BEHAVIOURS));
}

#[test]
fn hostile_files_end_in_a_structured_failure() {
    run(|kind| KINDS.iter().position(|other| other.name == kind.name).is_some_and(|index| index >= BEHAVIOURS));
}

/// The number of kinds that are steps. They come first.
const BEHAVIOURS: usize = 15;

fn run(is_wanted: fn(&Kind) -> bool) {
    for kind in KINDS.iter().filter(|kind| is_wanted(kind)) {
        for seed in 0..seeds() {
            check(kind, seed);
        }
    }
}
