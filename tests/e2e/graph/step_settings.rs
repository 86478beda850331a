//! Settings of single nodes: columns, batch size, instances and concurrency.

use stillbox_test_guests::{ADD_COLUMN, COUNT_BATCHES, DROP_SHORT, TELL_TIMES};

use crate::harness::{Folder, PipelineFile, Table, rows, sink, source, step};

/// A pipeline whose output says, for each row, how many batches its instance had seen, and how many rows its batch had.
fn counting(count: Table) -> PipelineFile {
    PipelineFile::new().batch_rows(4).add(count).add(sink("output.csv").select(&["batches", "batch_rows"]))
}

fn count() -> Table {
    step("count_batches")
}

fn folder() -> Folder {
    let folder = Folder::with(&[COUNT_BATCHES]);
    folder.write("input.jsonl", (0..10).map(|row| format!("{{\"text\":\"{row}\"}}\n")).collect::<String>());
    folder
}

/// Runs the pipeline, and returns the two numbers of each row.
fn seen(folder: &Folder, pipeline: &PipelineFile, threads: &str) -> Vec<(usize, usize)> {
    folder.run_with(pipeline, ["--threads", threads]).succeeded();
    let text = folder.text("output.csv");
    let number = |text: &str| text.parse().unwrap();
    text.lines().skip(1).map(|line| line.split_once(',').map(|(a, b)| (number(a), number(b))).unwrap()).collect()
}

fn batches_seen(folder: &Folder, pipeline: &PipelineFile) -> Vec<usize> {
    seen(folder, pipeline, "1").into_iter().map(|(batches, _)| batches).collect()
}

#[test]
fn a_step_can_set_its_own_batch_size() {
    let folder = folder();
    let rows = |count: Table| -> Vec<usize> {
        seen(&folder, &counting(count), "2").into_iter().map(|(_, rows)| rows).collect()
    };
    assert_eq!(rows(count()), [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]);
    assert_eq!(rows(count().set("batch-rows", 3)), [3, 3, 3, 1, 3, 3, 3, 1, 2, 2]);
    assert_eq!(
        rows(count().set("batch-rows", 6)),
        [6, 6, 6, 6, 6, 6, 4, 4, 4, 4],
        "larger batches are put together in order"
    );
}

#[test]
fn a_worker_instance_processes_many_batches() {
    let folder = folder();
    let most = |count: Table| batches_seen(&folder, &counting(count)).into_iter().max().unwrap();
    assert_eq!(most(count()), 1);
    assert_eq!(most(count().worker().set("batch-rows", 1)), 10);
}

#[test]
fn a_worker_instance_is_replaced_after_a_failure() {
    let folder = folder();
    let rows = ["0", "1", "fail", "3", "4"];
    folder.write("input.jsonl", rows.map(|row| format!("{{\"text\":\"{row}\"}}\n")).concat());
    let count = count().worker().set("batch-rows", 1).on_failure("reject");
    assert_eq!(batches_seen(&folder, &counting(count).rejects()), [1, 2, 1, 2]);
}

#[test]
fn a_run_finishes_with_fewer_instances_than_threads() {
    let folder = folder();
    let one_instance = count().set("concurrency", 1);
    for count in [one_instance.clone(), one_instance.worker().set("batch-rows", 1)] {
        assert_eq!(seen(&folder, &counting(count), "8").len(), 10);
    }
}

#[test]
fn select_drop_and_rename_apply_on_each_edge() {
    let folder = Folder::with(&[ADD_COLUMN, DROP_SHORT]);
    folder.write("input.jsonl", "{\"id\":1,\"body\":\"one two\",\"secret\":true}\n");
    let length = step("add_column")
        .name("length")
        .set("drop", r#"["secret"]"#)
        .set("inputs", r#"{ text = "body" }"#)
        .set("outputs", r#"{ length = "bytes" }"#);
    let first = step("drop_short").name("first").select(&["body", "key"]).set("rename", r#"{ body = "text" }"#);
    let pipeline = PipelineFile::new()
        .add(source("input.jsonl").name("texts").set("rename", r#"{ id = "key" }"#))
        .add(length)
        .add(first)
        .add(sink("length.jsonl").from(&["length"]))
        .add(sink("first.jsonl").from(&["first"]).set("rename", r#"{ first = "first word" }"#))
        .add(sink("all.jsonl").set("from", r#"{ name = "texts", select = ["secret"] }"#));
    folder.run(pipeline).succeeded();
    insta::assert_snapshot!(folder.text("length.jsonl"), @r#"{"key":1,"body":"one two","bytes":7}"#);
    insta::assert_snapshot!(folder.text("first.jsonl"), @r#"{"text":"one two","key":1,"first word":"one"}"#);
    insta::assert_snapshot!(folder.text("all.jsonl"), @r#"{"secret":true}"#);
}

/// The start and the end of each call of a step, by start.
fn times(times: Table) -> Vec<(u64, u64)> {
    let folder = Folder::with(&[TELL_TIMES]);
    folder.write("input.jsonl", rows::with_ids(0..60));
    folder.run_with(PipelineFile::new().batch_rows(1).add(times), ["--threads", "4"]).succeeded();
    let rows = folder.json_lines("output.jsonl");
    let mut times: Vec<_> = rows.iter().map(|row| (rows::number(row, "begun"), rows::number(row, "done"))).collect();
    times.sort_unstable();
    times
}

/// The largest number of calls at the same time.
fn most_at_once(times: &[(u64, u64)]) -> usize {
    let active = |moment: u64| times.iter().filter(|(begun, done)| *begun <= moment && moment < *done).count();
    times.iter().map(|(begun, _)| active(*begun)).max().unwrap()
}

#[test]
fn concurrency_bounds_the_instances_of_a_step() {
    let times_of = || step("tell_times");
    for (settings, table, most) in [
        ("one", times_of().set("concurrency", 1), 1),
        ("one worker", times_of().set("concurrency", 1).worker(), 1),
        ("two", times_of().set("concurrency", 2), 2),
    ] {
        let times = times(table);
        assert_eq!(times.len(), 60);
        assert!(most_at_once(&times) <= most, "{settings}: {times:?}");
    }
    // Without a bound some of the sixty calls overlap. Otherwise this test would show nothing.
    assert!(most_at_once(&times(times_of())) > 1);
}
