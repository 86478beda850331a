//! Runs that are killed at any moment, again and again, and write what a run writes that nobody killed.

use std::fs;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, REFUSE, TURN_AROUND};

use super::{events, started, texts, wait_for_batches};
use crate::command::Folder;

const OUTPUTS: [&str; 7] =
    ["out.jsonl", "out.csv", "out.parquet", "out.arrow", "out.jsonl.gz", "out.csv.zst", "rejects.jsonl"];

const CHAIN: &str = r#"
[[source]]
path = "input.jsonl"

[[step]]
name = "length"
component = "add_column.wasm"
on-failure = "reject"

[[step]]
name = "last"
component = "refuse.wasm"
parameters = { id = 11 }
on-failure = "reject"
"#;

const DIAMOND: &str = r#"
[[source]]
name = "texts"
path = "input.jsonl"

[[step]]
name = "one"
component = "add_column.wasm"
on-failure = "reject"
from = "texts"

[[step]]
name = "two"
component = "add_column.wasm"
on-failure = "reject"
from = "texts"

[[step]]
name = "last"
component = "refuse.wasm"
parameters = { id = 3 }
on-failure = "reject"
from = ["one", "two"]
combine = "rows"
"#;

const AGGREGATE: &str = r#"
[[source]]
path = "input.jsonl"

[[step]]
name = "some"
component = "refuse.wasm"
parameters = { id = 3 }
on-failure = "reject"

[[step]]
name = "around"
component = "turn_around.wasm"
parameters = { at-once = 500 }
on-failure = "reject"

[[step]]
name = "last"
component = "add_column.wasm"
on-failure = "reject"
"#;

const ROUTED: &str = r#"
[[source]]
name = "texts"
path = "input.jsonl"
route = { to = ["left", "right"], by = "sample", seed = 3 }

[[step]]
name = "left"
component = "add_column.wasm"
on-failure = "reject"

[[step]]
name = "right"
component = "add_column.wasm"
on-failure = "reject"

[[step]]
name = "last"
component = "refuse.wasm"
parameters = { id = 3 }
on-failure = "reject"
from = ["left", "right"]
combine = "rows"
"#;

const MADE: &str = r#"
[[step]]
name = "numbers"
component = "count_from.wasm"
parameters = { count = 12000, at-once = 130 }

[[step]]
name = "around"
component = "turn_around.wasm"
parameters = { at-once = 500 }
on-failure = "reject"

[[step]]
name = "last"
component = "add_column.wasm"
on-failure = "reject"
batch-rows = 350
"#;

const SHAPES: [(&str, &str); 5] =
    [("chain", CHAIN), ("diamond", DIAMOND), ("aggregate", AGGREGATE), ("routed", ROUTED), ("made", MADE)];

/// Texts, of which every hundredth is empty.
fn some_empty(count: usize) -> String {
    let empty = |(row, line): (usize, &str)| match row % 100 {
        7 => format!("{{\"id\":{row},\"text\":\"\"}}\n"),
        _ => format!("{line}\n"),
    };
    texts(count).lines().enumerate().map(empty).collect()
}

fn folder(steps: &str, input: &str) -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, COUNT_FROM, REFUSE, TURN_AROUND]);
    folder.write("input.jsonl", input);
    let sinks: String = OUTPUTS[..6]
        .iter()
        .map(|path| format!("[[sink]]\nname = \"{}\"\npath = \"{path}\"\nfrom = \"last\"\n", path.replace('.', "-")))
        .collect();
    let rejects = "[rejects]\npath = \"rejects.jsonl\"\n";
    folder.write("pipeline.toml", format!("[pipeline]\nname = \"shape\"\nbatch-rows = 100\n{steps}\n{sinks}{rejects}"));
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
fn survive(name: &str, steps: &str, input: &str, kills: usize, random: &mut StdRng) {
    let reference = folder(steps, input);
    let told = reference.stillbox(["run", "pipeline.toml", "--message-format", "json"]).succeeded();
    let numbers = numbers(told.text().lines().last().expect("it ended"));
    let expected = written(&reference);
    let folder = folder(steps, input);
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
fn a_run_survives_its_death() {
    let input = some_empty(6000);
    let mut random = StdRng::seed_from_u64(5);
    for (name, steps) in SHAPES {
        survive(name, steps, &input, 5, &mut random);
    }
}

#[test]
#[ignore = "takes minutes; run it with `--ignored` when something about checkpoints was changed"]
fn a_run_survives_two_hundred_deaths() {
    let input = some_empty(15_000);
    let mut random = StdRng::seed_from_u64(6);
    for (name, steps) in SHAPES {
        survive(name, steps, &input, 40, &mut random);
    }
}
