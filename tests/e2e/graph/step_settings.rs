//! Settings of single nodes: columns, batches, instances.

use stillbox_test_guests::{ADD_COLUMN, COUNT_BATCHES, DROP_SHORT, TELL_TIMES};

use crate::harness::{Folder, PipelineFile, step};

fn counting(settings: &str) -> String {
    PipelineFile {
        batch_rows: Some(4),
        steps: &step("count", "count_batches", settings),
        sink: "path = \"output.csv\"\nselect = [\"batches\", \"batch_rows\"]",
        ..PipelineFile::default()
    }
    .to_string()
}

fn folder() -> Folder {
    let folder = Folder::with(&[COUNT_BATCHES]);
    folder.write("input.jsonl", (0..10).map(|row| format!("{{\"text\":\"{row}\"}}\n")).collect::<String>());
    folder
}

/// What the step saw: batches of its instance, and rows in the batch, for each row.
fn seen(folder: &Folder, settings: &str, threads: &str) -> Vec<(usize, usize)> {
    folder.run_with(&counting(settings), ["--threads", threads]).succeeded();
    let text = folder.text("output.csv");
    let number = |text: &str| text.parse().unwrap();
    text.lines().skip(1).map(|line| line.split_once(',').map(|(a, b)| (number(a), number(b))).unwrap()).collect()
}

#[test]
fn a_step_can_set_its_own_batch_size() {
    let folder = folder();
    let rows =
        |settings: &str| -> Vec<usize> { seen(&folder, settings, "2").into_iter().map(|(_, rows)| rows).collect() };
    assert_eq!(rows(""), [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]);
    assert_eq!(rows("batch-rows = 3"), [3, 3, 3, 1, 3, 3, 3, 1, 2, 2]);
    assert_eq!(rows("batch-rows = 6"), [6, 6, 6, 6, 6, 6, 4, 4, 4, 4], "larger ones are put together in order");
}

#[test]
fn a_worker_instance_processes_many_batches() {
    let folder = folder();
    let batches = |settings: &str| -> usize {
        seen(&folder, settings, "1").into_iter().map(|(batches, _)| batches).max().unwrap()
    };
    assert_eq!(batches(""), 1);
    assert_eq!(batches("instance = \"worker\"\nbatch-rows = 1"), 10);
}

#[test]
fn a_worker_instance_is_replaced_after_a_failure() {
    let folder = folder();
    let rows = ["0", "1", "fail", "3", "4"];
    folder.write("input.jsonl", rows.map(|row| format!("{{\"text\":\"{row}\"}}\n")).concat());
    let settings =
        "instance = \"worker\"\nbatch-rows = 1\non-failure = \"reject\"\n\n[rejects]\npath = \"rejects.jsonl\"";
    let seen: Vec<usize> = seen(&folder, settings, "1").into_iter().map(|(batches, _)| batches).collect();
    assert_eq!(seen, [1, 2, 1, 2]);
}

#[test]
fn a_run_finishes_with_fewer_instances_than_threads() {
    let folder = folder();
    for settings in ["concurrency = 1", "concurrency = 1\ninstance = \"worker\"\nbatch-rows = 1"] {
        assert_eq!(seen(&folder, settings, "8").len(), 10);
    }
}

#[test]
fn select_drop_and_rename_apply_on_each_edge() {
    let folder = Folder::with(&[ADD_COLUMN, DROP_SHORT]);
    folder.write("input.jsonl", "{\"id\":1,\"body\":\"one two\",\"secret\":true}\n");
    folder
        .run(
            r#"
[pipeline]
name = "columns"

[[source]]
name = "texts"
path = "input.jsonl"
rename = { id = "key" }

[[step]]
name = "length"
component = "add_column.wasm"
drop = ["secret"]
inputs = { text = "body" }
outputs = { length = "bytes" }

[[step]]
name = "first"
component = "drop_short.wasm"
select = ["body", "key"]
rename = { body = "text" }

[[sink]]
path = "length.jsonl"
from = "length"

[[sink]]
path = "first.jsonl"
from = "first"
rename = { first = "first word" }

[[sink]]
path = "all.jsonl"
from = { name = "texts", select = ["secret"] }
"#,
        )
        .succeeded();
    insta::assert_snapshot!(folder.text("length.jsonl"), @r#"{"key":1,"body":"one two","bytes":7}"#);
    insta::assert_snapshot!(folder.text("first.jsonl"), @r#"{"text":"one two","key":1,"first word":"one"}"#);
    insta::assert_snapshot!(folder.text("all.jsonl"), @r#"{"secret":true}"#);
}

/// When each call of a step began and was done, with this many threads and these settings, by its beginning.
fn times(settings: &str) -> Vec<(u64, u64)> {
    let folder = Folder::with(&[TELL_TIMES]);
    folder.write("input.jsonl", (0..60).map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>());
    let steps = step("times", "tell_times", settings);
    let pipeline = PipelineFile { batch_rows: Some(1), steps: &steps, ..PipelineFile::default() }.to_string();
    folder.run_with(&pipeline, ["--threads", "4"]).succeeded();
    let rows = folder.text("output.jsonl");
    let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut times: Vec<_> = rows.map(|row| (row["begun"].as_u64().unwrap(), row["done"].as_u64().unwrap())).collect();
    times.sort_unstable();
    times
}

/// The most calls that were at work at one time.
fn most_at_once(times: &[(u64, u64)]) -> usize {
    let at_work = |moment: u64| times.iter().filter(|(begun, done)| *begun <= moment && moment < *done).count();
    times.iter().map(|(begun, _)| at_work(*begun)).max().unwrap()
}

#[test]
fn concurrency_bounds_the_instances_of_a_step() {
    for (settings, most) in
        [("concurrency = 1", 1), ("concurrency = 1\ninstance = \"worker\"", 1), ("concurrency = 2", 2)]
    {
        let times = times(settings);
        assert_eq!(times.len(), 60);
        assert!(most_at_once(&times) <= most, "{settings}: {times:?}");
    }
    // Sixty calls of a millisecond each on four threads: some of them meet, or this test shows nothing.
    assert!(most_at_once(&times("")) > 1);
}
