//! `time` of `[pipeline]` and `--time`: the time limit of a whole run.

use stillbox::{Engine, RunError, RunOptions};
use stillbox_test_guests::{BAD_LOOP, BAD_SLEEP, COUNT_TEXTS};

use crate::harness::schemas::assert_is_event;
use crate::harness::{CACHE, Folder, PipelineFile, end, full_pipe, pipeline, redact, sink, source, spawn};
use crate::resume::texts;

/// The row that makes a guest misbehave.
const GUILTY: &str = "{\"id\":3,\"text\":\"a\"}\n";

#[test]
fn a_run_beyond_its_time_limit_has_its_own_message_and_exit_code() {
    for guest in [BAD_LOOP, BAD_SLEEP] {
        let folder = Folder::with(&[guest]);
        folder.write("input.jsonl", GUILTY);
        folder.write("output.jsonl", "before\n");
        let name = guest.rsplit_once('/').expect("a path").1.trim_end_matches(".wasm");
        let limited = pipeline("input.jsonl", &[name], "output.jsonl").time("300ms");
        let message = folder.run(&limited).failed(124);
        let expected = "error: the run did not finish within its time limit of 300ms\n  limit: time = 300ms\n  \
                        hint: raise `time` of [pipeline], or `--time`\n";
        assert_eq!(message, expected);
        assert_eq!(folder.text("output.jsonl"), "before\n");
        let message = folder.run_with(&limited, ["--time", "200ms", "--grace", "1h"]).failed(124);
        assert!(message.contains("its time limit of 200ms"), "{message}");
    }
}

#[test]
fn a_time_limit_is_a_failure_for_programs() {
    let folder = Folder::with(&[BAD_LOOP]);
    folder.write("input.jsonl", GUILTY);
    let arguments = ["--time", "300ms", "--message-format", "json", "--failures", "failures.jsonl"];
    let outcome = folder.run_with(pipeline("input.jsonl", &["bad_loop"], "output.jsonl"), arguments);
    assert_eq!(outcome.code, Some(124));
    let events = outcome.json_lines();
    events.iter().for_each(assert_is_event);
    let [.., failure, finished] = &events[..] else { panic!("{events:?}") };
    assert_eq!(failure["failure"]["limit"]["name"], "time");
    assert_eq!(finished["status"], "failed");
    assert_eq!(folder.json_lines("failures.jsonl"), [failure["failure"].clone()]);

    let result = folder.run_in_library(pipeline("input.jsonl", &["bad_loop"], "output.jsonl").time("300ms"));
    assert!(matches!(result, Err(RunError::TimeLimit { .. })), "{result:?}");
}

#[test]
fn a_run_that_its_time_limit_stopped_can_be_resumed() {
    let folder = Folder::with(&[BAD_SLEEP]);
    // The last row sleeps, so all batches before it are written and saved.
    folder.write("input.jsonl", format!("{}{GUILTY}", texts(3)));
    folder.write_pipeline(pipeline("input.jsonl", &["bad_sleep"], "output.jsonl").batch_rows(1));
    let run = |more: &[&str]| {
        let arguments = ["run", "pipeline.toml", "--checkpoint-every", "1ms"];
        folder.stillbox(arguments.into_iter().chain(more.iter().copied())).failed(124)
    };
    let first = run(&["--time", "3s"]);
    assert!(first.contains("3 rows are done and saved; resume with: "), "{first}");
    let second = run(&["--time", "2s", "--resume"]);
    let _redacted = redact([(r"[0-9a-f]{8}-[0-9a-f]{6}", "[RUN]"), (r"resume with: .*", "resume with: …")]);
    insta::assert_snapshot!(second, @"
      Resuming [RUN] after 3 rows
    error: the run did not finish within its time limit of 2s
      limit: time = 2s
      hint: raise `time` of [pipeline], or `--time`
    3 rows are done and saved; resume with: …
    ");
}

#[test]
fn a_time_limit_counts_while_the_input_is_awaited_and_the_output_not_read() {
    let folder = Folder::with(&[COUNT_TEXTS]);
    folder.write_pipeline(PipelineFile::new().add(source("-").format("jsonl")).add(sink("-").format("jsonl")));
    let (input, stdin) = std::io::pipe().expect("a pipe can be created");
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--time", "300ms"]).stdin(input);
    let child = spawn(&mut command);
    assert_eq!(end(child), Some(124));
    drop(stdin);

    folder.write("input.jsonl", texts(20_000));
    folder.write_pipeline(PipelineFile::new().add(source("input.jsonl")).add(sink("-").format("jsonl")));
    let (_unread, stdout) = full_pipe();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--time", "300ms"]).stdout(stdout).stderr(std::process::Stdio::null());
    assert_eq!(end(command.spawn().expect("it can be run")), Some(124));
}

#[test]
fn a_run_within_its_time_limit_is_not_affected() {
    let folder = Folder::with(&[COUNT_TEXTS]);
    folder.write("input.jsonl", texts(10));
    folder.run(pipeline("input.jsonl", &["count_texts"], "output.jsonl").time("1h")).succeeded();
    // The interrupt of the caller is not triggered by the limit of a run.
    let interrupt = stillbox::Interrupt::new();
    let slow = Folder::with(&[BAD_SLEEP]);
    slow.write("input.jsonl", GUILTY);
    slow.write_pipeline(pipeline("input.jsonl", &["bad_sleep"], "output.jsonl").time("200ms"));
    let engine = Engine::builder().threads(2).compile_cache(CACHE).build();
    let result = slow.load().run(&engine, &RunOptions::new().interrupt(&interrupt));
    assert!(matches!(result, Err(RunError::TimeLimit { .. })), "{result:?}");
    assert!(!interrupt.is_triggered());
}

#[test]
fn a_time_limit_that_is_not_one_is_an_error_with_its_place() {
    let folder = Folder::with(&[COUNT_TEXTS]);
    folder.write("input.jsonl", texts(1));
    let run = pipeline("input.jsonl", &["count_texts"], "output.jsonl");
    insta::assert_snapshot!(folder.run_with(&run, ["--time", "10"]).failed(2), @r#"
    error: the time is "10", which has no unit
    --> --time 10
     = help: write a number and a unit, such as "500ms", "30s", "5m", "1h" or "1m30s"
    "#);
    insta::assert_snapshot!(folder.run(run.time("0s")).failed(2), @r#"
     error: `time` in [pipeline] is "0s", which is out of range
      --> pipeline.toml:3:8
       |
     3 | time = "0s"
       |        ^^^^ expected a duration from 1ms to 8760h
       |
       = help: give a duration from 1ms to 8760h
     "#);
}
