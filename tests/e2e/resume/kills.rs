//! Runs that are killed at random moments and resumed, again and again. They write the same bytes as a run that was not killed.

use std::fs;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, REFUSE, TURN_AROUND};

use super::{start, texts, wait_for_batches};
use crate::harness::{Events, Folder, PipelineFile, Table, sink, source, step};

const OUTPUTS: [&str; 7] =
    ["out.jsonl", "out.csv", "out.parquet", "out.arrow", "out.jsonl.gz", "out.csv.zst", "rejects.jsonl"];

/// A name, a source if the rows are read from a file, and the steps. The rows of the step `last` go to every output.
type Shape = (&'static str, Option<Table>, Vec<Table>);

fn shapes() -> [Shape; 5] {
    let add = |name: &str| step("add_column").name(name).on_failure("reject");
    let refuse =
        |name: &str, id: u32| step("refuse").name(name).on_failure("reject").parameters(format_args!("id = {id}"));
    let around = step("turn_around").name("around").on_failure("reject").parameters("at-once = 500");
    let numbers = step("count_from").name("numbers").parameters("count = 12000, at-once = 130");
    let texts = || Some(source("input.jsonl").name("texts"));
    let both = |one, two| refuse("last", 3).from(&[one, two]).combine("rows");
    let route = r#"{ to = ["left", "right"], by = "sample", seed = 3 }"#;
    [
        ("chain", texts(), vec![add("length"), refuse("last", 11)]),
        ("diamond", texts(), vec![add("one").from(&["texts"]), add("two").from(&["texts"]), both("one", "two")]),
        ("aggregate", texts(), vec![refuse("some", 3), around.clone(), add("last")]),
        (
            "routed",
            texts().map(|texts| texts.set("route", route)),
            vec![add("left"), add("right"), both("left", "right")],
        ),
        ("made", None, vec![numbers, around, add("last").set("batch-rows", 350)]),
    ]
}

/// Rows for an input, in which every hundredth text is empty.
fn some_empty(count: usize) -> String {
    let empty = |(row, line): (usize, &str)| match row % 100 {
        7 => format!("{{\"id\":{row},\"text\":\"\"}}\n"),
        _ => format!("{line}\n"),
    };
    texts(count).lines().enumerate().map(empty).collect()
}

fn folder((_, source, steps): &Shape, input: &str) -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, COUNT_FROM, REFUSE, TURN_AROUND]);
    folder.write("input.jsonl", input);
    let sinks = OUTPUTS[..6].iter().map(|path| sink(path).name(&path.replace('.', "-")).from(&["last"]));
    let tables = source.iter().chain(steps).cloned().chain(sinks);
    let pipeline = tables.fold(PipelineFile::new().batch_rows(100).without_source(), PipelineFile::add);
    folder.write_pipeline(pipeline.rejects());
    folder
}

/// The bytes of all outputs. Records of rejected rows are returned without the run and the time, which differ.
fn written(folder: &Folder) -> Vec<Vec<u8>> {
    let without_run = |mut line: Value| {
        for key in ["run", "elapsed_ms"] {
            line["failure"][key].take();
        }
        line.to_string() + "\n"
    };
    let read = |name: &&str| match *name {
        "rejects.jsonl" => folder.json_lines(name).into_iter().map(without_run).collect::<String>().into_bytes(),
        name => folder.bytes(name),
    };
    OUTPUTS.iter().map(read).collect()
}

/// The report in the last event, without times and peaks.
fn numbers(event: &Value) -> Value {
    let mut report = event["report"].clone();
    report["elapsed"].take();
    for step in report["steps"].as_array_mut().expect("they are listed") {
        for measured in ["busy", "longest", "peak_memory"] {
            step[measured].take();
        }
    }
    report
}

/// Kills runs of a pipeline a number of times. Whenever a run succeeds in between, compares its outputs and its report.
fn kill_and_compare(shape: &Shape, input: &str, kills: usize, random: &mut StdRng) {
    let name = shape.0;
    let reference = folder(shape, input);
    let outcome = reference.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded();
    let numbers = numbers(outcome.json_lines().last().expect("there are events"));
    let expected = written(&reference);
    let folder = folder(shape, input);
    let mut left = kills;
    let mut finished = 0;
    while left > 0 || finished == 0 {
        let mut child = start(&folder, &["--resume"]);
        let is_spared = left == 0;
        // The kill is about as likely at the start, while the run reads again, in the middle, and at the end.
        let batches = if is_spared { 1 } else { random.random_range(0..input.lines().count() / 90) };
        let mut events = Events::new(&mut child);
        // A run that was killed between two renames only renames the rest, and ends without a batch.
        let mut last = None;
        let seen = events.by_ref().inspect(|event| last = Some(event.clone()));
        if wait_for_batches(seen, batches) && !is_spared {
            // The moment of the kill is random: this wait does not synchronise anything.
            thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
            let _ = child.kill();
        }
        let last = events.last().or(last);
        let output = child.wait_with_output().expect("it can be waited for");
        match output.status.code() {
            None => left -= 1,
            Some(0) => {
                let last = last.expect("the last event follows those of the batches");
                assert_eq!(self::numbers(&last), numbers, "{name}");
                let written = written(&folder);
                for ((output, expected), written) in OUTPUTS.iter().zip(&expected).zip(written) {
                    assert!(*expected == written, "{name}: {output} differs, {left} kills before the end");
                }
                finished += 1;
                for output in OUTPUTS {
                    fs::remove_file(folder.join(output)).expect("it was just read");
                }
                let names = folder.names();
                assert!(!names.iter().any(|name| name.starts_with('.')), "{name}: a temporary file is left: {names:?}");
            }
            Some(code) => panic!("{name}: {code}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
    eprintln!("{name}: killed {kills} times, {finished} times to the end");
}

#[test]
fn a_killed_and_resumed_run_writes_the_same_bytes() {
    let input = some_empty(6000);
    let mut random = StdRng::seed_from_u64(5);
    for shape in shapes() {
        kill_and_compare(&shape, &input, 5, &mut random);
    }
}

#[test]
#[ignore = "takes minutes; run it with `--ignored` after a change to checkpoints"]
fn a_run_killed_two_hundred_times_writes_the_same_bytes() {
    let input = some_empty(15_000);
    let mut random = StdRng::seed_from_u64(6);
    for shape in shapes() {
        kill_and_compare(&shape, &input, 40, &mut random);
    }
}
