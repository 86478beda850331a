//! `cache = true`: what a step made is kept, and it is not called again for the same.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use stillbox_test_guests::{
    ADD_COLUMN, BAD_PANIC, COUNT_FROM, COUNT_TEXTS, DROP_SHORT, EXPAND_WORDS, KEEP_LONG, REFUSE, REMEMBER, TURN_AROUND,
};

use crate::harness::{Folder, PipelineFile, outcome, step};
use crate::resume::{killed, texts};

/// A folder with guests and a cache of its own.
fn folder(guests: &[&str], input: &str) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", input);
    folder
}

/// A pipeline of steps, each given as its component and more settings, in batches of two rows.
fn pipeline(steps: &[(&str, &str)]) -> String {
    let steps: String = steps.iter().map(|(guest, settings)| step(guest, guest, settings)).collect();
    let sink = "path = \"output.jsonl\"\n\n[rejects]\npath = \"rejects.jsonl\"";
    PipelineFile { batch_rows: Some(2), steps: &steps, sink, ..PipelineFile::default() }.to_string()
}

/// How often each step was called, and how often what it had made was found; and what was written.
fn run(folder: &Folder, pipeline: &str) -> (Vec<(u64, u64)>, String) {
    run_with(folder, pipeline, &[])
}

fn run_with(folder: &Folder, pipeline: &str, more: &[&str]) -> (Vec<(u64, u64)>, String) {
    folder.write("pipeline.toml", pipeline);
    let arguments = ["run", "pipeline.toml", "--cache-dir", "cache", "--message-format", "json"];
    let ended = outcome(folder.command().args(arguments).args(more)).succeeded();
    let last: Value = serde_json::from_str(ended.text().lines().last().unwrap()).unwrap();
    let steps = last["report"]["steps"].as_array().unwrap().iter();
    let number = |step: &Value, name: &str| step[name].as_u64().unwrap_or(0);
    let calls = steps.map(|step| (number(step, "instances"), number(step, "cached"))).collect();
    (calls, folder.text("output.jsonl"))
}

const TEXTS: &str =
    "{\"text\":\"one two\"}\n{\"text\":\"a\"}\n{\"text\":\"three\"}\n{\"text\":\"four five\"}\n{\"text\":\"six\"}\n";

#[test]
fn a_change_to_a_later_step_keeps_cached_results_of_earlier_steps() {
    let folder = folder(&[EXPAND_WORDS, KEEP_LONG, DROP_SHORT], TEXTS);
    let first = pipeline(&[("expand_words", "cache = true"), ("keep_long", "")]);
    let (calls, output) = run(&folder, &first);
    assert_eq!(calls, [(3, 0), (5, 0)]);
    let (calls, again) = run(&folder, &first);
    assert_eq!(calls, [(0, 3), (5, 0)]);
    assert_eq!(output, again);
    let (calls, _) = run(&folder, &pipeline(&[("expand_words", "cache = true"), ("drop_short", "")]));
    assert_eq!(calls, [(0, 3), (5, 0)]);
    // Without the setting it is called as ever.
    assert_eq!(run(&folder, &first.replace("cache = true", "cache = false")).0, [(3, 0), (5, 0)]);
}

#[test]
fn only_changed_batches_are_processed_again() {
    let folder = folder(&[EXPAND_WORDS], TEXTS);
    let pipeline = pipeline(&[("expand_words", "cache = true")]);
    assert_eq!(run(&folder, &pipeline).0, [(3, 0)]);
    folder.write("input.jsonl", TEXTS.replace("four five", "four  six"));
    let (calls, output) = run(&folder, &pipeline);
    assert_eq!(calls, [(1, 2)]);
    assert!(output.contains("{\"text\":\"four  six\",\"word\":\"six\"}"), "{output}");
    // A text is not the same as a null, and two rows are not one.
    folder.write("input.jsonl", TEXTS.replace("{\"text\":\"six\"}\n", ""));
    assert_eq!(run(&folder, &pipeline).0, [(0, 2)]);
}

#[test]
fn other_parameters_have_other_cache_entries() {
    let folder = folder(&[REFUSE], "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    let with = |id: u64| {
        let settings = format!("cache = true\non-failure = \"reject\"\nparameters = {{ id = {id} }}");
        pipeline(&[("refuse", &settings)])
    };
    let failure = || {
        let rejected: Value = serde_json::from_str(folder.text("rejects.jsonl").trim_end()).unwrap();
        let failure = &rejected["failure"];
        (rejected["row"].clone(), failure["message"].clone(), failure["location"].clone(), failure["row"].clone())
    };
    assert_eq!(run(&folder, &with(2)).0, [(2, 0)]);
    let first = failure();
    assert_eq!(run(&folder, &with(3)).0, [(2, 0)]);
    assert_ne!(failure(), first);
    // What was refused is refused again, in the same words.
    let (calls, output) = run(&folder, &with(2));
    assert_eq!(calls, [(0, 2)]);
    assert_eq!(failure(), first);
    assert_eq!(output, "{\"id\":1}\n{\"id\":3}\n");
    // Where that ends the run, the step tells all that it has to say.
    folder.write("pipeline.toml", with(2).replace("\"reject\"", "\"stop\""));
    let message = folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).failed(1);
    assert!(message.contains("looking at row 2"), "{message}");
}

#[test]
fn a_failed_batch_is_not_cached() {
    let folder = folder(&[BAD_PANIC], "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    let pipeline = pipeline(&[("bad_panic", "cache = true\non-failure = \"reject\"")]);
    let (first, output) = run(&folder, &pipeline);
    let rejects = folder.text("rejects.jsonl");
    let (second, again) = run(&folder, &pipeline);
    assert_eq!(output, again);
    assert_eq!(rejects.lines().count(), folder.text("rejects.jsonl").lines().count());
    let [(calls, 0)] = first[..] else { panic!("{first:?}") };
    let [(fewer, kept)] = second[..] else { panic!("{second:?}") };
    assert!(fewer > 0 && fewer < calls && kept > 0, "{first:?} {second:?}");
}

#[test]
fn sources_and_aggregates_are_cached_as_a_whole() {
    let folder = folder(&[COUNT_FROM, TURN_AROUND, COUNT_TEXTS], "");
    let made = |count: u64| {
        let steps = step("numbers", "count_from", &format!("parameters = {{ count = {count} }}\ncache = true"))
            + &step("turned", "turn_around", "cache = true")
            + &step("counts", "count_texts", "cache = true");
        PipelineFile { batch_rows: Some(4), source: None, steps: &steps, ..PipelineFile::default() }.to_string()
    };
    let (calls, output) = run(&folder, &made(20));
    assert_eq!(calls.iter().map(|(instances, _)| *instances).collect::<Vec<_>>(), [1, 1, 1]);
    let (calls, again) = run(&folder, &made(20));
    assert!(calls.iter().all(|(instances, cached)| *instances == 0 && *cached > 0), "{calls:?}");
    assert_eq!(output, again);
    // Another number of rows is another source, and other rows for what follows.
    let (calls, _) = run(&folder, &made(21));
    assert_eq!(calls.iter().map(|(instances, _)| *instances).collect::<Vec<_>>(), [1, 1, 1]);
}

fn outputs(folder: &Folder) -> Vec<PathBuf> {
    let list = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    list(&folder.join("cache/outputs")).iter().flat_map(|path| list(path)).collect()
}

#[test]
fn a_corrupt_result_cache_entry_is_ignored_and_replaced() {
    let folder = folder(&[EXPAND_WORDS, TURN_AROUND], TEXTS);
    let pipeline = pipeline(&[("expand_words", "cache = true"), ("turn_around", "cache = true")]);
    let (calls, output) = run(&folder, &pipeline);
    let changes: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        |bytes| bytes.push(0),
    ];
    for change in changes {
        for path in outputs(&folder) {
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
        assert_eq!(run(&folder, &pipeline), (calls.clone(), output.clone()));
    }
    // The run has put them right.
    assert!(run(&folder, &pipeline).0.iter().all(|(instances, _)| *instances == 0));
    // What others could have written is not read.
    fs::set_permissions(folder.join("cache/outputs"), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(run(&folder, &pipeline), (calls, output));
}

#[test]
fn cache_and_worker_instances_exclude_each_other() {
    let folder = folder(&[REMEMBER], "{\"id\":1}\n");
    folder.write("pipeline.toml", pipeline(&[("remember", "cache = true\ninstance = \"worker\"")]));
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml"]).failed(2), @r#"
    error: step "remember" has `cache = true` and `instance = "worker"`
      --> pipeline.toml:11:9
       |
    11 | cache = true
       |         ^^^^
       |
       = help: the result for a batch may depend on the batches before it, so it cannot be cached; remove one of the two settings
    "#);
}

#[test]
fn the_cache_command_lists_and_prunes_entries() {
    let folder = folder(&[EXPAND_WORDS], TEXTS);
    let pipeline = pipeline(&[("expand_words", "cache = true")]);
    run(&folder, &pipeline);
    let summary = folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).succeeded().stderr;
    assert!(summary.contains("expand_words: the output of 3 calls was in the cache"), "{summary}");
    let cache = |arguments: &[&str]| {
        let arguments = [&["cache", "--cache-dir", "cache"], arguments].concat();
        folder.stillbox(arguments).succeeded().text().to_owned()
    };
    let shown = cache(&[]);
    let entries = shown.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
    assert_eq!(entries.collect::<Vec<_>>(), ["components 1 entries", "outputs 3 entries"], "{shown}");
    // Everything is new, so nothing goes; then all.
    let kept = cache(&["prune"]);
    assert!(kept.starts_with("removed 0 entries of 0 bytes, kept 4 of "), "{kept}");
    fs::write(folder.join("cache/outputs/notes.txt"), "mine").unwrap();
    let removed = cache(&["prune", "--max-size", "0"]);
    assert!(removed.starts_with("removed 4 entries of ") && removed.ends_with("kept 0 of 0 bytes\n"), "{removed}");
    assert_eq!(folder.text("cache/outputs/notes.txt"), "mine");
    assert_eq!(run(&folder, &pipeline).0, [(3, 0)]);
    let message = folder.stillbox(["cache", "prune", "--max-size", "much"]).failed(2);
    assert!(message.contains("write a number and a unit"), "{message}");
}

#[test]
fn an_aggregate_has_separate_cache_entries_for_each_failure_policy() {
    let folder = folder(&[TURN_AROUND], "{\"text\":\"a\",\"id\":1}\n");
    let rejecting = pipeline(&[("turn_around", "cache = true\non-failure = \"reject\"")]);
    assert_eq!(run(&folder, &rejecting).0[0].0, 1);
    // The other policy is another tape.
    assert_eq!(run(&folder, &rejecting.replace("\"reject\"\n", "\"stop\"\n")).0[0].0, 1);
    assert_eq!(run(&folder, &rejecting).0[0].0, 0);
}

#[test]
fn a_failed_source_step_leaves_no_partial_cache_entry() {
    let folder = folder(&[COUNT_FROM], "");
    let steps = step("numbers", "count_from", "parameters = { count = 50, fails-at = 30 }\ncache = true");
    let pipeline = PipelineFile { source: None, steps: &steps, ..PipelineFile::default() };
    folder.write("pipeline.toml", pipeline.to_string());
    folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).failed(1);
    assert_eq!(outputs(&folder), [""; 0].map(PathBuf::from));
}

#[test]
fn concurrent_runs_share_the_result_cache_while_it_is_pruned() {
    let folder = folder(&[EXPAND_WORDS], &TEXTS.repeat(200));
    folder.write("pipeline.toml", pipeline(&[("expand_words", "cache = true")]).split("[rejects]").next().unwrap());
    let run = |output: &str| {
        let arguments = ["run", "pipeline.toml", "--cache-dir", "cache", "--output", output];
        folder.command().args(arguments).stderr(Stdio::null()).spawn().expect("the command can be run")
    };
    let mut runs = [run("one.jsonl"), run("two.jsonl"), run("three.jsonl")];
    // Nobody is disturbed by someone who removes all that is kept.
    while runs.iter_mut().any(|run| run.try_wait().expect("it was started").is_none()) {
        folder.stillbox(["cache", "prune", "--max-size", "0B", "--cache-dir", "cache"]).succeeded();
    }
    for mut run in runs {
        assert_eq!(run.wait().expect("it was started").code(), Some(0));
    }
    let one = folder.text("one.jsonl");
    assert_eq!(one.lines().count(), 1400);
    assert!(one == folder.text("two.jsonl") && one == folder.text("three.jsonl"));
    let is_whole = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "out");
    assert!(outputs(&folder).iter().all(is_whole), "{:?}", outputs(&folder));
}

#[test]
fn a_resumed_run_uses_the_result_cache() {
    // So many that the run waits for its events to be read, and cannot have ended when it is killed.
    let folder = folder(&[ADD_COLUMN, TURN_AROUND], &texts(20_000));
    let steps = step("length", "add_column", "cache = true")
        + &step("turned", "turn_around", "parameters = { at-once = 10 }\ncache = true")
        + &step("last", "add_column", "cache = true\noutputs = { length = \"again\" }");
    let pipeline = PipelineFile { batch_rows: Some(20), steps: &steps, ..PipelineFile::default() }.to_string();
    let (_, expected) = run(&folder, &pipeline);
    for _ in 0..2 {
        killed(&folder, &["--cache-dir", "cache"]);
        assert!(run_with(&folder, &pipeline, &["--resume"]).1 == expected);
    }
}
