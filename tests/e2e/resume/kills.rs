//! Runs that are killed at any moment, again and again, and write what a run writes that nobody killed.

use std::fs;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, REFUSE, TURN_AROUND};

use super::{events, started, texts, wait_for_batches};
use crate::harness::{Folder, PipelineFile, step};

const OUTPUTS: [&str; 7] =
    ["out.jsonl", "out.csv", "out.parquet", "out.arrow", "out.jsonl.gz", "out.csv.zst", "rejects.jsonl"];

/// The settings of the source, if there is one, and the steps; the rows of the last go to every output.
type Shape = (&'static str, Option<&'static str>, String);

fn shapes() -> [Shape; 5] {
    let rejecting =
        |name: &str, guest: &str, settings: &str| step(name, guest, &format!("on-failure = \"reject\"\n{settings}"));
    let add = |name: &str, settings: &str| rejecting(name, "add_column", settings);
    let refuse = |name: &str, id: u32, settings: &str| {
        rejecting(name, "refuse", &format!("parameters = {{ id = {id} }}\n{settings}"))
    };
    let around = rejecting("around", "turn_around", "parameters = { at-once = 500 }");
    let numbers = step("numbers", "count_from", "parameters = { count = 12000, at-once = 130 }");
    let texts = "name = \"texts\"\npath = \"input.jsonl\"";
    let routed = r#"
name = "texts"
path = "input.jsonl"
route = { to = ["left", "right"], by = "sample", seed = 3 }
"#;
    [
        ("chain", Some(texts), add("length", "") + &refuse("last", 11, "")),
        (
            "diamond",
            Some(texts),
            add("one", "from = \"texts\"")
                + &add("two", "from = \"texts\"")
                + &refuse("last", 3, "from = [\"one\", \"two\"]\ncombine = \"rows\""),
        ),
        ("aggregate", Some(texts), refuse("some", 3, "") + &around + &add("last", "")),
        (
            "routed",
            Some(routed),
            add("left", "")
                + &add("right", "")
                + &refuse("last", 3, "from = [\"left\", \"right\"]\ncombine = \"rows\""),
        ),
        ("made", None, numbers + &around + &add("last", "batch-rows = 350")),
    ]
}

/// Texts, of which every hundredth is empty.
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
    let sink = |path: &&str| format!("name = \"{}\"\npath = \"{path}\"\nfrom = \"last\"\n\n", path.replace('.', "-"));
    let sinks: Vec<String> = OUTPUTS[..6].iter().map(sink).collect();
    let sink = sinks.join("[[sink]]\n") + "[rejects]\npath = \"rejects.jsonl\"";
    let pipeline = PipelineFile { batch_rows: Some(100), source: *source, steps, sink: &sink };
    folder.write("pipeline.toml", pipeline.to_string());
    folder
}

/// What was written. Records of rejected rows have in them which run it was, and how long it took.
fn written(folder: &Folder) -> Vec<Vec<u8>> {
    let same = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("a rejected row is JSON");
        for key in ["run", "elapsed_ms"] {
            line["failure"][key].take();
        }
        line.to_string() + "\n"
    };
    let read = |name: &&str| match *name {
        "rejects.jsonl" => folder.text(name).lines().map(same).collect::<String>().into_bytes(),
        name => folder.bytes(name),
    };
    OUTPUTS.iter().map(read).collect()
}

/// The numbers of the report in the last event, without times.
fn numbers(event: &str) -> serde_json::Value {
    let mut report: serde_json::Value = serde_json::from_str(event).expect("it is JSON");
    let report = &mut report["report"];
    report["elapsed"].take();
    for step in report["steps"].as_array_mut().expect("they are listed") {
        step["busy"].take();
    }
    report.take()
}

/// Kills runs of a pipeline so many times, and compares all that comes to its end in between.
fn survive(shape: &Shape, input: &str, kills: usize, random: &mut StdRng) {
    let name = shape.0;
    let reference = folder(shape, input);
    let told = reference.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded();
    let numbers = numbers(told.text().lines().last().expect("it ended"));
    let expected = written(&reference);
    let folder = folder(shape, input);
    let mut left = kills;
    let mut finished = 0;
    while left > 0 || finished == 0 {
        let mut child = started(&folder, &["--resume"]);
        let is_spared = left == 0;
        // As likely while it starts, while it reads again, at work, and at its end.
        let batches = if is_spared { 1 } else { random.random_range(0..input.lines().count() / 90) };
        // A run may end before its time comes, and be told of nothing but its end.
        let mut last = None;
        let mut events = events(&mut child).inspect(|event| last = Some(event.clone()));
        if wait_for_batches(&mut events, batches) && !is_spared {
            thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
            let _ = child.kill();
        }
        events.by_ref().for_each(drop);
        drop(events);
        let output = child.wait_with_output().expect("it can be waited for");
        match output.status.code() {
            None => left -= 1,
            Some(0) => {
                let last = last.expect("its last event comes behind those of its batches");
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
                assert!(!names.iter().any(|name| name.starts_with('.')), "{name}: something is left behind: {names:?}");
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
        survive(&shape, &input, 5, &mut random);
    }
}

#[test]
#[ignore = "takes minutes; run it with `--ignored` when something about checkpoints was changed"]
fn a_run_killed_two_hundred_times_writes_the_same_bytes() {
    let input = some_empty(15_000);
    let mut random = StdRng::seed_from_u64(6);
    for shape in shapes() {
        survive(&shape, &input, 40, &mut random);
    }
}
