//! `cache = true`: a step is not called again for the same input.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use stillbox_test_guests::{
    ADD_COLUMN, BAD_PANIC, COUNT_FROM, COUNT_TEXTS, DROP_SHORT, EXPAND_WORDS, KEEP_LONG, REFUSE, REMEMBER, TURN_AROUND,
};

use crate::harness::rows::number;
use crate::harness::{Folder, PipelineFile, Table, outcome, step};
use crate::resume::{kill_after_checkpoint, texts};

/// A folder with guests and an input.
fn folder(guests: &[&str], input: &str) -> Folder {
    let folder = Folder::with(guests);
    folder.write("input.jsonl", input);
    folder
}

/// A pipeline in batches of two rows.
fn pipeline(steps: impl IntoIterator<Item = Table>) -> PipelineFile {
    steps.into_iter().fold(PipelineFile::new().batch_rows(2), PipelineFile::add).rejects()
}

fn cached(guest: &str) -> Table {
    step(guest).cached()
}

/// Runs a pipeline. Returns the number of calls and of cache hits of each step, and the output.
fn run(folder: &Folder, pipeline: &PipelineFile) -> (Vec<(u64, u64)>, String) {
    run_with(folder, pipeline, &[])
}

fn run_with(folder: &Folder, pipeline: &PipelineFile, more: &[&str]) -> (Vec<(u64, u64)>, String) {
    folder.write_pipeline(pipeline);
    let arguments = ["run", "pipeline.toml", "--cache-dir", "cache", "--message-format", "json"];
    let ended = outcome(folder.command().args(arguments).args(more)).succeeded();
    let events = ended.json_lines();
    let steps = events.last().unwrap()["report"]["steps"].as_array().unwrap();
    let calls = steps.iter().map(|step| (number(step, "instances"), step["cached"].as_u64().unwrap_or(0))).collect();
    (calls, folder.text("output.jsonl"))
}

const TEXTS: &str =
    "{\"text\":\"one two\"}\n{\"text\":\"a\"}\n{\"text\":\"three\"}\n{\"text\":\"four five\"}\n{\"text\":\"six\"}\n";

#[test]
fn a_change_to_a_later_step_keeps_cached_results_of_earlier_steps() {
    let folder = folder(&[EXPAND_WORDS, KEEP_LONG, DROP_SHORT], TEXTS);
    let first = pipeline([cached("expand_words"), step("keep_long")]);
    let (calls, output) = run(&folder, &first);
    assert_eq!(calls, [(3, 0), (5, 0)]);
    let (calls, again) = run(&folder, &first);
    assert_eq!(calls, [(0, 3), (5, 0)]);
    assert_eq!(output, again);
    let (calls, _) = run(&folder, &pipeline([cached("expand_words"), step("drop_short")]));
    assert_eq!(calls, [(0, 3), (5, 0)]);
    // Without the setting the step is called again.
    let uncached = pipeline([step("expand_words").set("cache", false), step("keep_long")]);
    assert_eq!(run(&folder, &uncached).0, [(3, 0), (5, 0)]);
}

#[test]
fn only_changed_batches_are_processed_again() {
    let folder = folder(&[EXPAND_WORDS], TEXTS);
    let pipeline = pipeline([cached("expand_words")]);
    assert_eq!(run(&folder, &pipeline).0, [(3, 0)]);
    folder.write("input.jsonl", TEXTS.replace("four five", "four  six"));
    let (calls, output) = run(&folder, &pipeline);
    assert_eq!(calls, [(1, 2)]);
    assert!(output.contains("{\"text\":\"four  six\",\"word\":\"six\"}"), "{output}");
    // A batch of one row is not the same as a batch of two rows.
    folder.write("input.jsonl", TEXTS.replace("{\"text\":\"six\"}\n", ""));
    assert_eq!(run(&folder, &pipeline).0, [(0, 2)]);
}

#[test]
fn other_parameters_have_other_cache_entries() {
    let folder = folder(&[REFUSE], "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    let with =
        |id: u64, policy: &str| pipeline([cached("refuse").on_failure(policy).parameters(format_args!("id = {id}"))]);
    let failure = || {
        let rejected = folder.json_lines("rejects.jsonl").swap_remove(0);
        let failure = &rejected["failure"];
        (rejected["row"].clone(), failure["message"].clone(), failure["location"].clone(), failure["row"].clone())
    };
    assert_eq!(run(&folder, &with(2, "reject")).0, [(2, 0)]);
    let first = failure();
    assert_eq!(run(&folder, &with(3, "reject")).0, [(2, 0)]);
    assert_ne!(failure(), first);
    // A rejected row is rejected again, with the same message.
    let (calls, output) = run(&folder, &with(2, "reject"));
    assert_eq!(calls, [(0, 2)]);
    assert_eq!(failure(), first);
    assert_eq!(output, "{\"id\":1}\n{\"id\":3}\n");
    // If a reject ends the run, the failure has the whole log of the step.
    folder.write_pipeline(with(2, "stop"));
    let message = folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).failed(1);
    assert!(message.contains("looking at row 2"), "{message}");
}

#[test]
fn a_failed_batch_is_not_cached() {
    let folder = folder(&[BAD_PANIC], "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    let pipeline = pipeline([cached("bad_panic").on_failure("reject")]);
    let (first, output) = run(&folder, &pipeline);
    let rejects = folder.text("rejects.jsonl");
    let (second, again) = run(&folder, &pipeline);
    assert_eq!(output, again);
    assert_eq!(rejects.lines().count(), folder.text("rejects.jsonl").lines().count());
    let [(calls, 0)] = first[..] else { panic!("{first:?}") };
    let [(fewer, hits)] = second[..] else { panic!("{second:?}") };
    assert!(fewer > 0 && fewer < calls && hits > 0, "{first:?} {second:?}");
}

#[test]
fn sources_and_aggregates_are_cached_as_a_whole() {
    let folder = folder(&[COUNT_FROM, TURN_AROUND, COUNT_TEXTS], "");
    let made = |count: u64| {
        PipelineFile::new()
            .batch_rows(4)
            .without_source()
            .add(cached("count_from").parameters(format_args!("count = {count}")))
            .add(cached("turn_around"))
            .add(cached("count_texts"))
    };
    let (calls, output) = run(&folder, &made(20));
    assert_eq!(calls.iter().map(|(instances, _)| *instances).collect::<Vec<_>>(), [1, 1, 1]);
    let (calls, again) = run(&folder, &made(20));
    assert!(calls.iter().all(|(instances, cached)| *instances == 0 && *cached > 0), "{calls:?}");
    assert_eq!(output, again);
    // With another number of rows all steps get other input.
    let (calls, _) = run(&folder, &made(21));
    assert_eq!(calls.iter().map(|(instances, _)| *instances).collect::<Vec<_>>(), [1, 1, 1]);
}

/// The entries of the result cache.
fn entries(folder: &Folder) -> Vec<PathBuf> {
    let list = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    list(&folder.join("cache/outputs")).iter().flat_map(|path| list(path)).collect()
}

#[test]
fn a_corrupt_result_cache_entry_is_ignored_and_replaced() {
    let folder = folder(&[EXPAND_WORDS, TURN_AROUND], TEXTS);
    let pipeline = pipeline([cached("expand_words"), cached("turn_around")]);
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
        for path in entries(&folder) {
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
        assert_eq!(run(&folder, &pipeline), (calls.clone(), output.clone()));
    }
    // The run has replaced the entries.
    assert!(run(&folder, &pipeline).0.iter().all(|(instances, _)| *instances == 0));
    // Entries that others could have written are not read.
    fs::set_permissions(folder.join("cache/outputs"), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(run(&folder, &pipeline), (calls, output));
}

/// The outputs of two batches have the same form, so only the key tells them apart.
#[test]
fn a_result_cache_entry_under_the_name_of_another_is_ignored() {
    for guest in ["expand_words", "count_texts"] {
        let folder = folder(&[EXPAND_WORDS, COUNT_TEXTS], TEXTS);
        let (_, output) = run(&folder, &pipeline([cached(guest)]));
        folder.write("input.jsonl", TEXTS.replace("one", "six"));
        let before = entries(&folder);
        run(&folder, &pipeline([cached(guest)]));
        let new = entries(&folder).into_iter().find(|entry| !before.contains(entry)).unwrap();
        for entry in &before {
            fs::copy(&new, entry).unwrap();
        }
        folder.write("input.jsonl", TEXTS);
        let (calls, again) = run(&folder, &pipeline([cached(guest)]));
        assert_eq!((calls[0].1, again), (0, output), "{guest}");
    }
}

#[test]
fn cache_and_worker_instances_exclude_each_other() {
    let folder = folder(&[REMEMBER], "{\"id\":1}\n");
    folder.write_pipeline(pipeline([cached("remember").worker()]));
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
    let pipeline = pipeline([cached("expand_words")]);
    run(&folder, &pipeline);
    let summary = folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).succeeded().stderr;
    assert!(summary.contains("expand_words: the output of 3 calls was in the cache"), "{summary}");
    let cache = |arguments: &[&str]| {
        let arguments = [&["cache", "--cache-dir", "cache"], arguments].concat();
        folder.stillbox(arguments).succeeded().text().to_owned()
    };
    let shown = cache(&[]);
    let entries = shown.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
    assert_eq!(
        entries.collect::<Vec<_>>(),
        ["components 1 entry", "outputs 3 entries", "downloads 0 entries"],
        "{shown}"
    );
    // All entries are new, so none is removed. A size of 0 then removes all.
    let pruned = cache(&["prune"]);
    assert!(pruned.starts_with("removed 0 entries of 0 bytes, kept 4 of "), "{pruned}");
    fs::write(folder.join("cache/outputs/notes.txt"), "mine").unwrap();
    let removed = cache(&["prune", "--max-size", "0"]);
    assert!(removed.starts_with("removed 4 entries of ") && removed.ends_with("kept 0 of 0 bytes\n"), "{removed}");
    assert_eq!(folder.text("cache/outputs/notes.txt"), "mine");
    assert_eq!(run(&folder, &pipeline).0, [(3, 0)]);
    let message = folder.stillbox(["cache", "prune", "--max-size", "much"]).failed(2);
    assert!(message.contains("write a number and a unit"), "{message}");
}

#[test]
fn the_cache_command_lists_and_prunes_what_builds_store() {
    let folder = Folder::new();
    let user = folder.path().join("user");
    for (file, text) in [
        ("stillbox/python/0123456789abcdef/stillbox-used", ""),
        ("stillbox/python/0123456789abcdef/lib/module.py", "VALUE = 1\n"),
        ("stillbox/python/mine/module.py", "VALUE = 2\n"),
    ] {
        let path = user.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let cache = |arguments: &[&str]| {
        let mut command = folder.command();
        command.env_remove("STILLBOX_CACHE").env("XDG_CACHE_HOME", &user);
        outcome(command.arg("cache").args(arguments)).succeeded().text().to_owned()
    };
    let shown = cache(&[]);
    assert!(shown.lines().any(|line| line.starts_with("builds                1 entry    10 bytes")), "{shown}");
    assert_eq!(cache(&["prune"]), "removed 0 entries of 0 bytes, kept 1 of 10 bytes\n");
    assert_eq!(cache(&["prune", "--unused-for", "0s"]), "removed 1 entry of 10 bytes, kept 0 of 0 bytes\n");
    assert!(!user.join("stillbox/python/0123456789abcdef").exists());
    assert!(user.join("stillbox/python/mine/module.py").exists());
}

#[test]
fn an_aggregate_has_separate_cache_entries_for_each_failure_policy() {
    let folder = folder(&[TURN_AROUND], "{\"text\":\"a\",\"id\":1}\n");
    let with = |policy| pipeline([cached("turn_around").on_failure(policy)]);
    assert_eq!(run(&folder, &with("reject")).0[0].0, 1);
    // The other policy has its own entry.
    assert_eq!(run(&folder, &with("stop")).0[0].0, 1);
    assert_eq!(run(&folder, &with("reject")).0[0].0, 0);
}

#[test]
fn a_failed_source_step_leaves_no_partial_cache_entry() {
    let folder = folder(&[COUNT_FROM], "");
    let numbers = cached("count_from").parameters("count = 50, fails-at = 30");
    folder.write_pipeline(PipelineFile::new().without_source().add(numbers));
    folder.stillbox(["run", "pipeline.toml", "--cache-dir", "cache"]).failed(1);
    assert_eq!(entries(&folder), [""; 0].map(PathBuf::from));
}

#[test]
fn concurrent_runs_share_the_result_cache_while_it_is_pruned() {
    let folder = folder(&[EXPAND_WORDS], &TEXTS.repeat(200));
    folder.write_pipeline(PipelineFile::new().batch_rows(2).add(cached("expand_words")));
    let run = |output: &str| {
        let arguments = ["run", "pipeline.toml", "--cache-dir", "cache", "--output", output];
        folder.command().args(arguments).stderr(Stdio::null()).spawn().expect("the command can be run")
    };
    let mut runs = [run("one.jsonl"), run("two.jsonl"), run("three.jsonl")];
    // A prune of the whole cache does not disturb the runs.
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
    assert!(entries(&folder).iter().all(is_whole), "{:?}", entries(&folder));
}

#[test]
fn a_resumed_run_uses_the_result_cache() {
    // So many rows that the run waits until its events are read, and cannot have ended when it is killed.
    let folder = folder(&[ADD_COLUMN, TURN_AROUND], &texts(20_000));
    let pipeline = PipelineFile::new()
        .batch_rows(20)
        .add(cached("add_column"))
        .add(cached("turn_around").parameters("at-once = 10"))
        .add(cached("add_column").name("last").set("outputs", r#"{ length = "again" }"#));
    let (_, expected) = run(&folder, &pipeline);
    for _ in 0..2 {
        kill_after_checkpoint(&folder, &["--cache-dir", "cache"]);
        assert!(run_with(&folder, &pipeline, &["--resume"]).1 == expected);
    }
}
